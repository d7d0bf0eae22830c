import RNNCodegen
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNPlan
import RNNSchedule
import RNNTestSupport
import Testing

/// What works on matrices, one for each example, is one kernel, and computes what the graph says.
@Suite struct SweepTests {
  /// A memory that is written by the delta rule, with all that a sweep can combine: sums over rows, over columns and over
  /// both, of which some are read in the same sweep and some in a later one, and the greatest elements.
  private static func memory(rows: Int, columns: Int, _ element: String = "f64") throws -> Graph {
    let (r, c, e) = (rows, columns, element)
    return try Graph(
      parsing: """
        graph "memory" {
          %q = data "q" : \(e)[T, B, \(r)]
          %k = data "k" : \(e)[T, B, \(r)]
          %v = data "v" : \(e)[T, B, \(c)]
          %keep = data "keep" : \(e)[T, B]
          %s = state "s" : \(e)[B, \(r), \(c)]
          %n = state "n" : \(e)[B, \(r)]
          %o = state "o" : \(e)[B, \(c)]
          %last, %norm, %count, %out, %sum, %highest, %each = scan T : \(e)[B, \(r), \(c)], \(e)[B, \(r)], \(e)[B, \(c)], \(e)[T, B, \(c)], \(e)[T, B], \(e)[T, B, \(r)], \(e)[T, B, \(r)] {
            carry %a = %s : \(e)[B, \(r), \(c)]
            carry %b = %n : \(e)[B, \(r)]
            carry %d = %o : \(e)[B, \(c)]
            sequence %x = %q : \(e)[B, \(r)]
            sequence %y = %k : \(e)[B, \(r)]
            sequence %z = %v : \(e)[B, \(c)]
            sequence %g = %keep : \(e)[B]
            %gate = broadcast %g axes(0) : \(e)[B, \(r), \(c)]
            %kept = multiply %gate, %a : \(e)[B, \(r), \(c)]
            %held = dot %y, %kept contract(1; 1) batch(0; 0) : \(e)[B, \(c)]
            %change = subtract %z, %held : \(e)[B, \(c)]
            %rows = broadcast %y axes(0, 1) : \(e)[B, \(r), \(c)]
            %columns = broadcast %change axes(0, 2) : \(e)[B, \(r), \(c)]
            %written = multiply %rows, %columns : \(e)[B, \(r), \(c)]
            %next = add %kept, %written : \(e)[B, \(r), \(c)]
            %high = reduce_maximum %next axes(2) : \(e)[B, \(r)]
            %highs = broadcast %high axes(0, 1) : \(e)[B, \(r), \(c)]
            %below = subtract %next, %highs : \(e)[B, \(r), \(c)]
            %small = tanh %below : \(e)[B, \(r), \(c)]
            %read = dot %small, %x contract(1; 1) batch(0; 0) : \(e)[B, \(c)]
            %total = reduce_sum %next axes(1, 2) : \(e)[B]
            %sums = broadcast %high axes(0, 1) : \(e)[B, \(r), \(c)]
            %repeated = multiply %sums, %sums : \(e)[B, \(r), \(c)]
            %again = reduce_sum %repeated axes(1) : \(e)[B, \(c)]
            %most = reduce_maximum %again axes(1) : \(e)[B]
            %all = add %total, %most : \(e)[B]
            %alls = broadcast %all axes(0) : \(e)[B, \(r)]
            %later = add %high, %alls : \(e)[B, \(r)]
            %tame = tanh %next : \(e)[B, \(r), \(c)]
            %rest = multiply %high, %b : \(e)[B, \(r)]
            %norms = tanh %rest : \(e)[B, \(r)]
            %counts = subtract %held, %d : \(e)[B, \(c)]
            yield %tame, %norms, %counts, %read, %all, %high, %later
          }
          state "s" = %last
          state "n" = %norm
          state "o" = %count
          output "y" = %out
          output "sum" = %sum
          output "high" = %highest
          output "each" = %each
        }
        """)
  }

  private static let sizes: [Symbol: Int] = [.batch: 3, .steps: 4]

  @Test(
    arguments: [(2, 2), (3, 5), (8, 16), (5, 33), (64, 64), (4, 100), (7, 200)],
    [(16, 16), (32, 16), (64, 32)])
  func theSameAsTheGraph(shape: (rows: Int, columns: Int), vectors: (bytes: Int, count: Int)) throws {
    let graph = try Self.memory(rows: shape.rows, columns: shape.columns)
    var random = SplitMix64(seed: UInt64(shape.columns))
    let inputs = randomInputs(for: graph, sizes: Self.sizes, using: &random)
    let expected = try Interpreter(graph).run(inputs: inputs, sizes: Self.sizes)
    let machine = Machine(vectorBytes: vectors.bytes, vectorRegisters: vectors.count)
    let found = try runNatively(
      graph, inputs: inputs, sizes: Self.sizes, threads: 2,
      target: Target(named: "native", optimizationLevel: 0), machine: machine)
    for (name, value) in expected { #expect(relativeDifference(value, found[name]!) <= 1e-13, "\(name)") }
  }

  /// Each matrix is computed by itself, so it does not matter which thread does it.
  @Test func threadsChangeNoBit() throws {
    let graph = try Self.memory(rows: 6, columns: 20, "f32")
    var random = SplitMix64(seed: 11)
    let sizes: [Symbol: Int] = [.batch: 7, .steps: 5]
    let inputs = randomInputs(for: graph, sizes: sizes, using: &random)
    let one = try runNatively(graph, inputs: inputs, sizes: sizes, threads: 1)
    for threads in 2...3 {
      let several = try runNatively(graph, inputs: inputs, sizes: sizes, threads: threads)
      for (name, value) in one {
        #expect(several[name]?.numbers == value.numbers, "\(name), \(threads) threads")
      }
    }
  }

  /// The loop is one kernel, which keeps the memory in its place.
  @Test func theLoopIsOneSweep() throws {
    let plan = try Planner.plan(try Self.memory(rows: 8, columns: 16), batch: 4)
    let loop = try #require(plan.steps.flatMap(\.loops).first)
    #expect(loop.body.flatMap(\.kernels).map(\.kind) == [.sweep])
    let sweep = try #require(loop.body.first?.kernels.first)
    let held = Set(
      sweep.loads.filter { $0.index.factors.keys.allSatisfy { if case .axis = $0 { true } else { false } } })
    #expect(!held.isDisjoint(with: sweep.stores.map(\.access)))
  }

  /// Where columns are cut, a row's greatest element is known when all rows have been gone over.
  @Test func stagesFollowFromSums() throws {
    let plan = try Planner.plan(try Self.memory(rows: 8, columns: 16), batch: 4)
    let sweep = try #require(plan.kernels.first { $0.kind == .sweep })
    // What is read of the memory, a number for each column, is there behind so many sweeps; what it held, behind one.
    func sweeps(isCut: Bool) -> [Int] {
      let stages = SweepStages(sweep, isCut: isCut)
      return zip(stages.storedAxes, stages.stores).filter { $0.0 == .columns }.map(\.1)
    }
    #expect(sweeps(isCut: false) == [2, 1])
    #expect(sweeps(isCut: true) == [3, 1])
  }

  /// What depends on a sweep through something else is no part of it.
  @Test func sweepsDoNotWaitForThemselves() throws {
    let graph = try Graph(
      parsing: """
        graph "turn" {
          %m = data "m" : f64[B, 4, 4]
          %x = data "x" : f64[B, 4]
          %w = data "w" : f64[4, 4]
          %a = add %m, %m : f64[B, 4, 4]
          %y = dot %a, %x contract(1; 1) batch(0; 0) : f64[B, 4]
          %z = dot %y, %w contract(1; 0) : f64[B, 4]
          %b = broadcast %z axes(0, 1) : f64[B, 4, 4]
          %c = multiply %a, %b : f64[B, 4, 4]
          %d = reduce_sum %c axes(1) : f64[B, 4]
          %e = add %d, %y : f64[B, 4]
          output "c" = %c
          output "e" = %e
        }
        """)
    var random = SplitMix64(seed: 3)
    let inputs = randomInputs(for: graph, sizes: [.batch: 3], using: &random)
    let expected = try Interpreter(graph).run(inputs: inputs, sizes: [.batch: 3])
    let found = try runNatively(graph, inputs: inputs, sizes: [.batch: 3])
    for (name, value) in expected { #expect(relativeDifference(value, found[name]!) <= 1e-13, "\(name)") }
    #expect(try Planner.plan(graph, batch: 3).kernels.filter { $0.kind == .sweep }.count == 2)
  }

  /// A memory that becomes another one is not changed in its place.
  @Test func memoriesMayBeExchanged() throws {
    let graph = try Graph(
      parsing: """
        graph "exchange" {
          %x = data "x" : f64[T, B, 4]
          %s = state "s" : f64[B, 4, 3]
          %t = state "t" : f64[B, 4, 3]
          %last, %other, %out = scan T : f64[B, 4, 3], f64[B, 4, 3], f64[T, B, 3] {
            carry %a = %s : f64[B, 4, 3]
            carry %b = %t : f64[B, 4, 3]
            sequence %y = %x : f64[B, 4]
            %rows = broadcast %y axes(0, 1) : f64[B, 4, 3]
            %next = multiply %rows, %a : f64[B, 4, 3]
            %read = dot %next, %y contract(1; 1) batch(0; 0) : f64[B, 3]
            yield %next, %a, %read
          }
          state "s" = %last
          state "t" = %other
          output "y" = %out
        }
        """)
    var random = SplitMix64(seed: 5)
    let inputs = randomInputs(for: graph, sizes: Self.sizes, using: &random)
    let expected = try Interpreter(graph).run(inputs: inputs, sizes: Self.sizes)
    let found = try runNatively(graph, inputs: inputs, sizes: Self.sizes)
    for (name, value) in expected { #expect(relativeDifference(value, found[name]!) <= 1e-13, "\(name)") }
  }

  @Test func brokenSweepsAreFound() throws {
    let plan = try Planner.plan(try Self.memory(rows: 8, columns: 16), batch: 4)
    func problems(_ change: (inout Kernel) -> Void) -> String {
      var broken = plan
      broken.steps = broken.steps.map { step in
        step.mappingKernels { kernel in
          var kernel = kernel
          if kernel.kind == .sweep { change(&kernel) }
          return kernel
        }
      }
      do {
        try broken.verify()
        return ""
      } catch {
        return error.description
      }
    }
    #expect(problems { _ in } == "")
    #expect(problems { $0.kind = .map }.contains("combines rows or columns and is no sweep"))
    #expect(problems { $0.domain[2] = Size(.steps) }.contains("an open number of rows or columns"))
    #expect(problems { $0.split = .axis(1, multiple: 1) }.contains("split along its rows or columns"))
    #expect(problems { $0.start = $0.stores[0].access }.contains("with a product, a bound or a start"))
  }
}
