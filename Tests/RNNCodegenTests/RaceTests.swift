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

/// Plans are run by their interpreter: no two threads touch one address between two barriers if one of them writes, and
/// nothing is read from the arena but what was written there for the same buffer.
@Suite struct RaceTests {
  @Test(arguments: TestGroup.graphs.seeds(60, core: 6)) func threadsKeepApart(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(hasLoss: seed % 2 == 1))
    var graph = random.graph
    if seed % 2 == 1 { graph = try gradient(of: graph) { graph.type($0.value).element.isFloat } }
    if seed % 3 != 0 { _ = try PassManager().run(.full, on: &graph) }
    var sizes = random.sizes
    let batch = sizes[.batch] ?? 1
    for symbol in graph.symbols where sizes[symbol] == nil { sizes[symbol] = 2 }
    for threads in 1...3 {
      var machine = Target.host.machine
      if seed % 5 != 0 { machine.barrierCost = 0 }
      let plan = try Planner.plan(graph, batch: batch).laidOut(
        by: ProcessorScheduler(machine), threads: threads
      ).plan
      let memory = try TracedMemory(plan: plan, inputs: random.inputs(), sizes: sizes)
      memory.run()
      // The next call finds what this one has prepared.
      if plan.hasPreparation { memory.run(isPrepared: true) }
      #expect(memory.problems.isEmpty, "\(threads) threads: \(memory.problems.sorted())")
    }
  }

  /// The trace sees what a missing barrier and a buffer moved onto another do.
  @Test func tracesFaults() throws {
    let text = """
      graph "faulty" {
        %x = data "x" : f32[B, 4]
        %e = exp %x : f32[B, 4]
        %s = reduce_sum %e axes(0) : f32[4]
        %b = broadcast %s axes(1) : f32[B, 4]
        %d = divide %e, %b : f32[B, 4]
        output "d" = %d
      }
      """
    var plan = try Planner.plan(Graph(parsing: text), batch: 4).laidOut(
      by: ProcessorScheduler(Target.host.machine), threads: 2
    ).plan
    func problems() throws -> Set<String> {
      let x = DenseArray(.f32, [4, 4], repeating: 1)
      let memory = try TracedMemory(plan: plan, inputs: ["x": x], sizes: [:])
      memory.run()
      return memory.problems
    }
    #expect(try problems().isEmpty)
    let steps = plan.steps
    plan.steps.removeAll { if case .barrier = $0 { true } else { false } }
    #expect(try problems().contains { $0.contains("races") })
    plan.steps = steps
    for i in plan.buffers.indices { plan.buffers[i].offset = 0 }
    #expect(try problems().contains { $0.contains("reads what was written for b") })
  }
}

/// The memory of a plan, which remembers who touched what since the last barrier.
final class TracedMemory {
  private(set) var problems: Set<String> = []
  private var interpreter: PlanInterpreter

  private struct Cell {
    var epoch = -1
    var writer: Int?
    var readers: Set<Int> = []
  }
  /// By place, in which the arena is one and every input and output another, and by byte.
  private var cells: [Buffer.Place: [Int: Cell]] = [:]
  private var epoch = 0

  init(plan: Plan, inputs: [String: DenseArray], sizes: [Symbol: Int]) throws {
    interpreter = try PlanInterpreter(plan, inputs: inputs, sizes: sizes)
    interpreter.observer = { [unowned self] event in
      switch event {
      case .barrier: epoch += 1
      case .touch(let touch): note(touch, plan, sizes)
      }
    }
  }

  func run(isPrepared: Bool = false) {
    epoch += 1
    do {
      try interpreter.call(isPrepared: isPrepared)
    } catch {
      problems.insert("\(error)")
    }
  }

  private func note(_ touch: PlanEvent.Touch, _ plan: Plan, _ sizes: [Symbol: Int]) {
    let buffer = plan[touch.buffer]
    let byte = buffer.offset.evaluate(sizes) + touch.element * buffer.elementBytes
    var cell = cells[buffer.place, default: [:]][byte] ?? Cell()
    if cell.epoch != epoch { cell = Cell(epoch: epoch) }
    let isRead = !cell.readers.subtracting([touch.thread]).isEmpty
    if cell.writer.map({ $0 != touch.thread }) ?? false || (touch.writes && isRead) {
      problems.insert("\(touch.kernel.name) races for \(buffer.name)")
    }
    if touch.writes { cell.writer = touch.thread } else { cell.readers.insert(touch.thread) }
    cells[buffer.place, default: [:]][byte] = cell
  }
}
