import RNNCodegen
import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNPlan
import RNNPlanInterpreter
import RNNSchedule
import RNNTestSupport
import Testing

/// Graph, plan and code compute the same, and where they do not, the layer at fault is named.
@Suite struct PlanAgreementTests {
  private let target = try! Target(named: "native", optimizationLevel: 0)

  /// A plan of which the threads share all that they can.
  private func scheduled(
    _ graph: Graph, batch: Int, threads: Int, weights: Buffer.Format = .full, machine: Machine? = nil
  ) throws -> ScheduledPlan {
    var machine = machine ?? target.machine
    machine.barrierCost = 0
    let plan = try Planner.plan(graph, batch: batch, weights: weights)
    try plan.verify()
    return try ScheduledPlan(plan, ProcessorScheduler(machine), threads: threads)
  }

  @Test(arguments: TestGroup.graphs.seeds(500, core: 20)) func randomGraphs(seed: UInt64) throws {
    let isGradient = seed % 2 == 1
    let element: ElementType = seed % 3 == 0 ? .f32 : .f64
    let random = RandomGraph(seed: seed, .init(element: element, hasLoss: isGradient))
    func prepared(_ graph: Graph) throws -> Graph {
      isGradient ? try gradient(of: graph) { graph.type($0.value).element.isFloat } : graph
    }
    var graph = try prepared(random.graph)
    let pipelines = [Pipeline.full, .none, Pipeline.full.segmented, Pipeline.full.forLongSums]
    _ = try PassManager().run(pipelines[Int(seed / 2 % 4)], on: &graph)
    let sizes = graph.sizes(random.sizes, segmentsOf: 2)
    let scheduled = try scheduled(graph, batch: random.sizes[.batch] ?? 1, threads: 1 + Int(seed % 3))
    let problems = try LayerComparison(graph, scheduled, target: target).problems(
      inputs: random.inputs(), sizes: sizes
    ) { name in
      // The graph's interpreter rounds a sum once, the others at each of its terms.
      max(element == .f64 ? 1e-12 : 1e-5, 32 * (try random.roundingErrors(of: prepared)[name] ?? 0))
    }
    #expect(problems == [])
  }

  /// Gates, a loop, a table and gradients: all that a plan can say of products. They have the same bits, as the order of
  /// each of these sums is the plan's.
  private static func products(rows: Int, columns: Int, depth: Int) throws -> Graph {
    try Graph(
      parsing: """
        graph "products" {
          %a = data "a" : f32[\(rows), \(depth)]
          %t = data "t" : f32[\(3 * depth), \(rows)]
          %y = data "y" : f32[\(columns), \(3 * depth)]
          %w = parameter "w" constant(0) : f32[\(columns), \(depth)]
          %u = parameter "u" constant(0) : f32[16, 16]
          %h = data "h" : f32[B, 16]
          %g = parameter "g" constant(0) : f32[\(4 * columns), \(depth)]
          %ids = data "ids" below(5) : i32[\(rows)]
          %c = dot %a, %w contract(1; 1) : f32[\(rows), \(columns)]
          %d = dot %t, %y contract(0; 1) : f32[\(rows), \(columns)]
          %e = multiply %d, %c : f32[\(rows), \(columns)]
          %k = dot %a, %g contract(1; 1) : f32[\(rows), \(4 * columns)]
          %k0 = slice %k axis(1) front(0) count(\(columns)) : f32[\(rows), \(columns)]
          %k1 = slice %k axis(1) front(\(columns)) count(\(columns)) : f32[\(rows), \(columns)]
          %k2 = slice %k axis(1) front(\(2 * columns)) count(\(columns)) : f32[\(rows), \(columns)]
          %k3 = slice %k axis(1) front(\(3 * columns)) count(\(columns)) : f32[\(rows), \(columns)]
          %l = multiply %k0, %k1 : f32[\(rows), \(columns)]
          %m = subtract %k2, %k3 : f32[\(rows), \(columns)]
          %n = add %l, %m : f32[\(rows), \(columns)]
          %v = scatter_add %ids, %c extent(5) : f32[5, \(columns)]
          %s = reduce_sum %e axes(0) : f32[\(columns)]
          %last, %stack = scan T reverse : f32[B, 16], f32[T, B, 16] {
            invariant %o = %u : f32[16, 16]
            carry %p = %h : f32[B, 16]
            %q = dot %p, %o contract(1; 1) : f32[B, 16]
            yield %q, %p
          }
          output "c" = %c
          output "e" = %e
          output "n" = %n
          output "v" = %v
          output "s" = %s
          output "last" = %last
          output "stack" = %stack
        }
        """)
  }

  @Test(.enabled(if: Target.host.hasFMA), arguments: [1, 2, 3], [Buffer.Format.full, .bf16])
  func sumsInTheOrderOfThePlan(threads: Int, weights: Buffer.Format) throws {
    var random = SplitMix64(seed: UInt64(threads))
    for (rows, columns, depth) in [(1, 33, 7), (5, 64, 16), threads == 1 ? (16, 16, 250) : (24, 8, 60)] {
      let graph = try Self.products(rows: rows, columns: columns, depth: depth)
      let sizes: [Symbol: Int] = [.batch: 3, .steps: 4]
      let inputs = randomInputs(for: graph, sizes: sizes, using: &random)
      let scheduled = try scheduled(
        graph, batch: 3, threads: threads, weights: weights,
        machine: threads == 1 ? Machine(vectorBytes: 32, vectorRegisters: 16) : nil)
      if threads == 1, depth == 250 {
        // Groups one after the other, and blocks whose sums wait in memory.
        let products = scheduled.plan.kernels.compactMap(\.product)
        #expect(products.contains(where: \.isStaged) && products.contains { $0.blocks?.partial != nil })
      }
      let planned = try PlanInterpreter.run(scheduled.plan, inputs: inputs, sizes: sizes)
      let compiled = try runNatively(scheduled, inputs: inputs, sizes: sizes, target: target)
      #expect(planned == compiled, "\(rows) × \(columns)")
      if threads == 2 {
        // Where buffers lie, who shares the work, and when threads wait, is of no importance.
        var bare = scheduled.plan
        for i in bare.buffers.indices { bare.buffers[i].lifetime = nil }
        bare.steps.removeAll { if case .barrier = $0 { true } else { false } }
        bare.threads = 1
        #expect(try PlanInterpreter.run(bare, inputs: inputs, sizes: sizes) == planned)
      }
      // Halved weights are another net.
      if weights == .bf16 { continue }
      let problems = try LayerComparison(graph, scheduled, target: target).problems(
        inputs: inputs, sizes: sizes
      ) { _ in 1e-5 }
      #expect(problems == [])
    }
  }

  // MARK: Faults

  private static let small = """
    graph "small" {
      %x = data "x" : f32[B, 8]
      %w = parameter "w" constant(0) : f32[20, 8]
      %p = dot %x, %w contract(1; 1) : f32[B, 20]
      %a = add %p, %p : f32[B, 20]
      %s = reduce_maximum %a axes(1) : f32[B]
      output "a" = %a
      output "s" = %s
    }
    """

  /// What is said once a plan, or the plan that code is made from, is changed.
  private func problems(of layer: Layer, _ change: (inout Kernel) -> Void) throws -> String {
    let graph = try Graph(parsing: Self.small)
    let right = try scheduled(graph, batch: 4, threads: 1)
    var wrong = right.source
    wrong.steps = wrong.steps.map { step in
      guard case .kernel(var kernel) = step else { return step }
      change(&kernel)
      return .kernel(kernel)
    }
    let code = try ScheduledPlan(wrong, ProcessorScheduler(right.machine))
    var comparison = try LayerComparison(graph, layer == .planner ? code : right, target: target)
    switch layer {
    case .planner: break
    case .layout: comparison.layout = code.plan
    case .emitter: comparison.scalar = try ScheduledPlan(wrong, ScalarScheduler())
    case .scheduler: comparison.scheduled = code
    }
    var random = SplitMix64(seed: 1)
    let sizes: [Symbol: Int] = [.batch: 4]
    return try comparison.problems(
      inputs: randomInputs(for: graph, sizes: sizes, using: &random), sizes: sizes
    ) { _ in 1e-5 }.joined(separator: "\n")
  }

  /// Where something is changed: in the plan, or in what only this layer hands on.
  enum Layer: String, CaseIterable { case planner, layout, emitter, scheduler }

  /// A wrong index, a wrong function and a wrong reduction, each in one layer.
  @Test(arguments: Layer.allCases) func theLayerAtFaultIsNamed(layer: Layer) throws {
    #expect(try problems(of: layer) { _ in } == "")
    let changes: [(inout Kernel) -> Void] = [
      { kernel in
        kernel.body = kernel.body.map {
          if case .binary(.add, let a, let b) = $0 { .binary(.subtract, a, b) } else { $0 }
        }
      },
      { kernel in
        if case .reduce(_, let axes, let keepsLast) = kernel.kind {
          kernel.kind = .reduce(.minimum, axes: axes, keepsLast: keepsLast)
        }
      },
      { kernel in
        guard case .reduce = kernel.kind, case .load(var access) = kernel.body[0] else { return }
        access.index.factors[.axis(1)] = nil
        kernel.body[0] = .load(access)
      },
    ]
    for change in changes {
      let found = try problems(of: layer, change)
      #expect(!found.isEmpty)
      for line in found.split(separator: "\n") {
        #expect(line.hasPrefix("the \(layer.rawValue)"), "\(found)")
      }
    }
  }

  /// What no code would notice is refused with the kernel, the access and the point.
  @Test func faultsNameKernelAccessAndPoint() throws {
    let outside = try problems(of: .planner) { kernel in
      if kernel.product == nil, kernel.name.hasPrefix("reduce") { kernel.stores[0].access.index.constant = 2 }
    }
    #expect(outside.contains("the planner: kernel 'reduce_s': "), "\(outside)")
    #expect(outside.contains("is element 4 of 4 at i0 = 2, i1 = 0"), "\(outside)")
    let missing = try problems(of: .planner) { kernel in
      if kernel.product != nil { kernel.domain[0] = 1 }
    }
    #expect(missing.contains("reads what was not written at i0 = 1, i1 = 0"), "\(missing)")
  }
}
