import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNPlan
import RNNSchedule
import RNNTestSupport
import Testing

/// A schedule says how, not what: whatever legal one is drawn, the results have the same bits.
@Suite struct RandomScheduleTests {
  @Test(arguments: TestGroup.graphs.seeds(500, core: 25)) func givesTheSameBits(seed: UInt64) throws {
    let isGradient = seed % 2 == 1
    let random = RandomGraph(seed: seed, .init(element: .f32, hasLoss: isGradient))
    var graph =
      isGradient
      ? try gradient(of: random.graph) { random.graph.type($0.value).element.isFloat } : random.graph
    _ = try PassManager().run(.full, on: &graph)
    let target = try Target(named: "native", optimizationLevel: 0)
    var machine = target.machine
    machine.barrierCost = 0
    func run(_ scheduler: any Scheduler) throws -> [String: [UInt64]] {
      try runNatively(
        graph, inputs: random.inputs(), sizes: random.sizes, threads: 1 + Int(seed % 3), target: target,
        machine: machine, scheduler: scheduler
      ).mapValues { $0.numbers.map(\.bitPattern) }
    }
    #expect(try run(RandomScheduler(machine, seed: seed)) == run(ProcessorScheduler(machine)))
    try checkText(graph, machine, batch: random.sizes[.batch] ?? 1, seed: seed)
  }

  /// What is printed of a schedule gives it back.
  private func checkText(_ graph: Graph, _ machine: Machine, batch: Int, seed: UInt64) throws {
    let (plan, threads) = (try Planner.plan(graph, batch: batch), 1 + Int(seed % 3))
    let drawn = try ScheduledPlan(plan, RandomScheduler(machine, seed: seed), threads: threads)
    var read = try ScheduledPlan(plan, ProcessorScheduler(machine), threads: threads)
    try read.apply(drawn.description)
    #expect(read.functions.map(\.schedule) == drawn.functions.map(\.schedule))
  }

  /// Where a body computes in a wider type than its product sums in, vectors take a panel in several steps.
  @Test(arguments: [1, 2, 3]) func bodiesMayBeWiderThanTheirProducts(threads: Int) throws {
    for (rows, columns) in [(1, 33), (5, 64), (13, 128), (13, 100), (27, 48), (40, 200)] {
      let graph = try Graph(
        parsing: """
          graph "wide" {
            %a = data "a" : f32[\(rows), 20]
            %b = data "b" : f32[\(columns), 20]
            %c = dot %a, %b contract(1; 1) : f32[\(rows), \(columns)]
            %d = convert %c : f64[\(rows), \(columns)]
            output "d" = %d
          }
          """)
      func array(_ rows: Int) -> DenseArray {
        DenseArray(.f32, [rows, 20], (0..<rows * 20).map { Double(($0 * 7 % 11) - 5) })
      }
      let inputs = ["a": array(rows), "b": array(columns)]
      let expected = try Interpreter(graph).run(inputs: inputs, sizes: [.batch: 1])
      for scheduler in [ProcessorScheduler(Target.host.machine) as any Scheduler]
        + (0..<4).map({ RandomScheduler(Target.host.machine, seed: $0) })
      {
        // Sums of small whole numbers are exact.
        let found = try runNatively(
          graph, inputs: inputs, sizes: [.batch: 1], threads: threads, scheduler: scheduler)
        #expect(found["d"]?.numbers == expected["d"]?.numbers, "\(rows) × \(columns)")
      }
    }
  }

  /// Products of all kinds that are planned, with rows and columns that fill tiles and panels, or do not.
  @Test(arguments: [1, 2, 3]) func productsGiveTheSameBits(threads: Int) throws {
    for (rows, columns, depth) in [(1, 33, 7), (5, 64, 16), (13, 100, 33), (40, 48, 130), (200, 70, 600)] {
      let graph = try Graph(
        parsing: """
          graph "products" {
            %a = data "a" : f32[\(rows), \(depth)]
            %t = data "t" : f32[\(depth), \(rows)]
            %b = data "b" : f32[\(columns), \(depth)]
            %c = dot %a, %b contract(1; 1) : f32[\(rows), \(columns)]
            %d = dot %t, %b contract(0; 1) : f32[\(rows), \(columns)]
            %e = tanh %d : f32[\(rows), \(columns)]
            %f = multiply %e, %c : f32[\(rows), \(columns)]
            output "c" = %c
            output "f" = %f
          }
          """)
      let machine = Target.host.machine
      let inputs = [
        "a": DenseArray(
          .f32, [rows, depth], (0..<rows * depth).map { Double(Float(($0 * 7 % 11) - 5) / 7) }),
        "t": DenseArray(
          .f32, [depth, rows], (0..<rows * depth).map { Double(Float(($0 * 5 % 13) - 6) / 9) }),
        "b": DenseArray(
          .f32, [columns, depth], (0..<columns * depth).map { Double(Float(($0 * 3 % 17) - 8) / 11) }),
      ]
      func run(_ scheduler: any Scheduler) throws -> [String: [Double]] {
        try runNatively(
          graph, inputs: inputs, sizes: [.batch: 1], threads: threads, machine: machine, scheduler: scheduler
        ).mapValues(\.numbers)
      }
      let expected = try run(ProcessorScheduler(machine))
      for seed in 0..<6 {
        #expect(
          try run(RandomScheduler(machine, seed: UInt64(seed))) == expected, "\(rows) × \(columns), \(seed)")
      }
    }
  }
}
