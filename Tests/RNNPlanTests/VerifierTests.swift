import Foundation
import RNNGraph
import RNNSchedule
import RNNTestSupport
import Testing

@testable import RNNPlan

/// A plan that breaks an invariant is refused, with the invariant's name in the message.
@Suite struct VerifierTests {
  /// A scan with a product of a carry, shared by two threads, and the carries' stack multiplied with itself behind it.
  static func plan(threads: Int = 2) throws -> Plan {
    let builder = GraphBuilder(Graph(name: "net"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [.steps, .batch, 8]))
    let u = builder.graph.addInput("u", role: .parameter(.constant(0)), TensorType(.f32, [8, 8]))
    let h = builder.graph.addInput("h", role: .state, TensorType(.f32, [.batch, 8]))
    let loop = builder.scan(steps: .steps, invariants: [u], carries: [h], sequences: [x]) {
      weights, carries, steps in
      let product = builder.dot(carries[0], weights[0], DotAxes(lhsContracting: [1], rhsContracting: [1]))
      let next = builder.unary(.tanh, builder.add(product, steps[0]))
      return ([next], [next])
    }
    let gram = builder.dot(
      loop.outputs[0], loop.outputs[0], DotAxes(lhsContracting: [0, 1], rhsContracting: [0, 1]))
    builder.graph.addOutput("gram", role: .output, gram)
    builder.graph.addOutput("h", role: .update(of: "h"), loop.carries[0])
    return try Planner.plan(builder.graph, batch: 4).laidOut(
      by: ProcessorScheduler(Machine(vectorBytes: 32, vectorRegisters: 16)), threads: threads
    ).plan
  }

  private func problems(_ plan: Plan) -> String {
    do {
      try plan.verify()
      return ""
    } catch {
      return error.description
    }
  }

  @Test func aPlanIsSound() throws {
    for threads in 1...3 { #expect(problems(try Self.plan(threads: threads)) == "") }
  }

  @Test func theLoopOfAnUncoupledBatchHasNoBarrier() throws {
    for case .loop(let loop) in try Self.plan().steps {
      #expect(!loop.body.contains { if case .barrier = $0 { true } else { false } })
    }
  }

  @Test func missingBarriersAreFound() throws {
    var plan = try Self.plan()
    let count = plan.steps.count
    plan.steps.removeAll { if case .barrier = $0 { true } else { false } }
    #expect(plan.steps.count < count)
    #expect(problems(plan).contains("no barrier in front of"))
  }

  @Test func overlappingAndMisplacedBuffersAreFound() throws {
    var plan = try Self.plan()
    let live = plan.buffers.indices.filter {
      plan.buffers[$0].place == .arena && plan.buffers[$0].lifetime != nil
    }
    for i in live {
      plan.buffers[i].lifetime = 0...9
      plan.buffers[i].offset = 0
    }
    #expect(problems(plan).contains("lives at the same time"))
    plan.buffers[live[0]].offset = 4
    #expect(problems(plan).contains("is not aligned"))
    plan.buffers[live[0]].offset = plan.arenaBytes
    #expect(problems(plan).contains("lies outside the arena"))
  }

  @Test func accessesOutsideOfTheirBufferAreFound() throws {
    var plan = try Self.plan()
    let loop = try #require(plan.steps.firstIndex { if case .loop = $0 { true } else { false } })
    guard case .loop(var inner) = plan.steps[loop], case .kernel(var kernel) = inner.body[0] else {
      Issue.record("the loop begins with no kernel")
      return
    }
    let stored = kernel.stores[0].access.index
    kernel.stores[0].access.index.constant = stored.constant + 64
    inner.body[0] = .kernel(kernel)
    plan.steps[loop] = .loop(inner)
    #expect(problems(plan).contains("reaches"))
    kernel.stores[0].access.index = stored + Affine(.loop(99))
    inner.body[0] = .kernel(kernel)
    plan.steps[loop] = .loop(inner)
    #expect(problems(plan).contains("a loop that is not around it"))
  }

  @Test func readingWhatNothingWroteIsFound() throws {
    var plan = try Self.plan()
    let first = try #require(plan.steps.firstIndex { if case .kernel = $0 { true } else { false } })
    plan.steps.remove(at: first)
    #expect(problems(plan).contains("which nothing has written"))
  }

  @Test func wrongBodiesAreFound() throws {
    var plan = try Self.plan(threads: 1)
    let first = try #require(plan.steps.firstIndex { if case .kernel = $0 { true } else { false } })
    guard case .kernel(var kernel) = plan.steps[first] else { return }
    kernel.body.append(.unary(.tanh, 99))
    kernel.body.append(.accumulator(9, .f32))
    kernel.split = .axis(9, multiple: 1)
    plan.steps[first] = .kernel(kernel)
    let found = problems(plan)
    #expect(
      found.contains("reads a later one") && found.contains("no accumulator")
        && found.contains("along no axis"))
  }

  /// Sums that are to be chains, and what may not become of them.
  @Test func sumsInAnotherOrderAreFound() throws {
    let graph = try Graph(
      parsing: """
        graph "g" {
          %0 = data "x" : f32[T, B, 8]
          %1 = reduce_sum %0 axes(0) chain : f32[B, 8]
          %2 = reduce_sum %0 axes(2) chain : f32[T, B]
          %3 = reduce_sum %0 axes(2) : f32[T, B]
          %4 = dot %0, %0 contract(0, 1; 0, 1) chain : f32[8, 8]
          output "a" = %1
          output "b" = %2
          output "c" = %3
          output "d" = %4
        }
        """)
    let plan = try Planner.plan(graph, batch: 4).laidOut(
      by: ProcessorScheduler(Machine(vectorBytes: 32, vectorRegisters: 16)), threads: 2
    ).plan
    #expect(problems(plan) == "")
    #expect(plan.description.components(separatedBy: "\n    order chain\n").count == 4)
    let places = plan.steps.indices.filter { if case .kernel = plan.steps[$0] { true } else { false } }
    var broken = 0
    for place in places {
      guard case .kernel(let kernel) = plan.steps[place] else { continue }
      func found(_ change: (inout Kernel) -> Void) -> String {
        var (plan, kernel) = (plan, kernel)
        change(&kernel)
        plan.steps[place] = .kernel(kernel)
        return problems(plan)
      }
      guard case .reduce(_, let axes, let keepsLast) = kernel.kind else { continue }
      let inLanes = found {
        $0.order = .chain
        $0.kind = .reduce(.sum, axes: axes, keepsLast: false)
      }
      #expect(inLanes.contains("is to add up chains, and adds up in lanes"))
      let greatest = found {
        $0.order = .chain
        $0.kind = .reduce(.maximum, axes: axes, keepsLast: true)
      }
      #expect(greatest.contains("is to add up chains"))
      let first = kernel.domain.count - axes - (keepsLast ? 1 : 0)
      #expect(found { $0.split = .axis(first, multiple: 1) }.contains("is split where it sums up"))
      if kernel.order == .any { #expect(found { $0.order = .chain }.contains("is to add up chains")) }
      broken += 1
    }
    #expect(broken == 3)
  }

  // MARK: What products, tables and rows rely on

  /// A product in blocks, one of several groups, a table that is read and one that is added to, and padded panels.
  private func rich(threads: Int = 2) throws -> Plan {
    let graph = try Graph(
      parsing: """
        graph "net" {
          %x = data "x" : f32[T, B, 100]
          %w = parameter "w" constant(0) : f32[60, 100]
          %e = parameter "e" constant(0) : f32[9, 100]
          %i = data "i" below(9) : i32[T, B]
          %g = gather %e, %i : f32[T, B, 100]
          %s = add %x, %g : f32[T, B, 100]
          %m = dot %s, %w contract(2; 1) : f32[T, B, 60]
          %a = slice %m axis(2) front(0) count(20) : f32[T, B, 20]
          %b = slice %m axis(2) front(20) count(20) : f32[T, B, 20]
          %c = slice %m axis(2) front(40) count(20) : f32[T, B, 20]
          %d = multiply %a, %b : f32[T, B, 20]
          %y = add %d, %c : f32[T, B, 20]
          %p = dot %x, %s contract(0, 1; 0, 1) : f32[100, 100]
          %k = scatter_add %i, %x extent(9) : f32[9, 100]
          output "y" = %y
          output "p" = %p
          output "k" = %k
        }
        """)
    return try Planner.plan(graph, batch: 4).laidOut(
      by: ProcessorScheduler(Machine(vectorBytes: 32, vectorRegisters: 16)), threads: threads
    ).plan
  }

  /// What is found if one kernel that fits is changed.
  private func broken(
    _ plan: Plan, where fits: (Kernel) -> Bool, _ change: (inout Kernel) -> Void,
    _ place: SourceLocation = #_sourceLocation
  ) throws -> String {
    let place = try #require(
      plan.steps.firstIndex { if case .kernel(let kernel) = $0 { fits(kernel) } else { false } },
      sourceLocation: place)
    guard case .kernel(var kernel) = plan.steps[place] else { return "" }
    change(&kernel)
    var plan = plan
    plan.steps[place] = .kernel(kernel)
    return problems(plan)
  }

  @Test func packedColumnsBehindTheirBufferAreFound() throws {
    let plan = try rich()
    #expect(problems(plan) == "")
    let found = try broken(plan, where: { $0.product?.layout?.blocks != nil }) {
      guard case .packed(let panel, let distance) = $0.product!.rhs.layout else { return }
      $0.product!.rhs.layout = .packed(panel: panel, distance: distance + 1)
    }
    #expect(found.contains("reaches"))
  }

  @Test func whatABoundDoesNotLetThroughIsNotReadAndTheRestIs() throws {
    let plan = try rich()
    func isPadded(_ kernel: Kernel) -> Bool { kernel.bound != nil }
    #expect(try broken(plan, where: isPadded) { $0.bound!.limit = $0.bound!.limit + 1 }.contains("reaches"))
    #expect(try broken(plan, where: isPadded) { $0.bound = nil }.contains("reaches"))
    let found = try broken(plan, where: isPadded) {
      $0.bound!.index = $0.bound!.index + Affine(.axis(0), times: 3)
    }
    #expect(found.contains("does not follow the bound"))
  }

  @Test func tablesHaveTheRowsThatIdsName() throws {
    let plan = try rich()
    func reads(_ kernel: Kernel) -> Bool {
      kernel.body.contains { if case .loadRow = $0 { true } else { false } }
    }
    let found = try broken(plan, where: reads) { kernel in
      kernel.body = kernel.body.map {
        guard case .loadRow(let access, let id, let rows) = $0 else { return $0 }
        return .loadRow(access, id: id, TableRows(count: rows.count + 1, stride: rows.stride))
      }
    }
    #expect(found.contains("reaches"))
    func adds(_ kernel: Kernel) -> Bool { if case .scatterAdd = kernel.kind { true } else { false } }
    let added = try broken(plan, where: adds) {
      guard case .scatterAdd(let id, let rows) = $0.kind else { return }
      $0.kind = .scatterAdd(id: id, TableRows(count: rows.count + 1, stride: rows.stride))
    }
    #expect(added.contains("reaches"))
    let shared = try broken(plan, where: adds) { $0.split = .axis(0, multiple: 1) }
    #expect(shared.contains("is split where it sums up"))
  }

  @Test func blocksHaveRoomForEachThread() throws {
    let plan = try rich()
    func isBlocked(_ kernel: Kernel) -> Bool { kernel.product?.layout?.blocks != nil }
    func found(_ change: (inout ProductBlocks) -> Void) throws -> String {
      try broken(plan, where: isBlocked) { change(&$0.product!.layout!.blocks!) }
    }
    #expect(try found { $0.panels = $0.panels + 1 }.contains("no block of copies for each thread"))
    #expect(try found { $0.panelStride = 1 }.contains("panels of copies that overlap"))
    #expect(try found { $0.partial = nil }.contains("sums that wait nowhere"))
    #expect(try found { $0.partial = $0.copies }.contains("no room for all sums that wait"))
    #expect(try found { $0.depth = 0 }.contains("blocks of nothing"))
    let split = try broken(plan, where: isBlocked) { $0.split = .batch(axis: 0) }
    #expect(split.contains("does not know its number"))
  }

  @Test func tilesDivideTheGroups() throws {
    let plan = try rich()
    let found = try broken(plan, where: { $0.product?.groups == 3 }) {
      $0.product!.layout!.tile = Tile(rows: 1, vectors: 1, groups: 2)
    }
    #expect(found.contains("tiles of 2 of 3 groups"))
    let none = try broken(plan, where: { $0.product != nil }) {
      $0.product!.layout!.tile = Tile(rows: 0, vectors: 1, groups: 1)
    }
    #expect(none.contains("a tile of nothing"))
  }

  @Test func indicesStayInTheirRows() throws {
    let graph = try Graph(
      parsing: """
        graph "rows" {
          %x = data "x" : f32[B, 8]
          %e = exp %x : f32[B, 8]
          %s = reduce_sum %e axes(0) : f32[8]
          %b = broadcast %s axes(1) : f32[B, 8]
          %d = divide %e, %b : f32[B, 8]
          output "d" = %d
        }
        """)
    let plan = try Planner.plan(graph, batch: 4)
    #expect(problems(plan) == "")
    let writes = try #require(plan.buffers.firstIndex { $0.row == 8 })
    let found = try broken(plan, where: { $0.stores[0].access.buffer.index == writes }) {
      $0.domain = [2, 16]
      $0.stores[0].access.index = Affine(.axis(0), times: 16) + Affine(.axis(1))
    }
    #expect(found.contains("goes from a row of 8 to another"))
  }
}
