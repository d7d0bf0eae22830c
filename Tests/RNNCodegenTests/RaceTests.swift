import RNNCodegen
import RNNDifferentiation
import RNNGraph
import RNNLLVM
import RNNPasses
import RNNPlan
import RNNSchedule
import RNNTestSupport
import Testing

/// Plans are run element by element, without code: no two threads touch one address between two barriers if one of
/// them writes, and nothing is read from the arena but what was written there for the same buffer.
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
      var memory = TracedMemory(plan: plan, sizes: sizes)
      memory.run(plan.steps, loops: [:])
      // The next call finds what this one has prepared, and nothing else.
      if plan.hasPreparation { memory.run([.barrier] + plan.steps.dropFirst(), loops: [:]) }
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
    func problems() -> Set<String> {
      var memory = TracedMemory(plan: plan, sizes: [:])
      memory.run(plan.steps, loops: [:])
      return memory.problems
    }
    #expect(problems().isEmpty)
    let steps = plan.steps
    plan.steps.removeAll { if case .barrier = $0 { true } else { false } }
    #expect(problems().contains { $0.contains("races") })
    plan.steps = steps
    for i in plan.buffers.indices { plan.buffers[i].offset = 0 }
    #expect(problems().contains { $0.contains("not written") })
  }
}

/// The memory of a plan, which remembers who touched what since the last barrier.
struct TracedMemory {
  let plan: Plan
  let sizes: [Symbol: Int]
  private(set) var problems: Set<String> = []

  private struct Cell {
    var epoch = -1
    var writer: Int?
    var readers: Set<Int> = []
    /// The buffer for which the last write was.
    var buffer: BufferID?
  }
  /// By place: the arena is one, every input and output another; then by byte.
  private var cells: [Int: [Int: Cell]] = [:]
  private var epoch = 0

  init(plan: Plan, sizes: [Symbol: Int]) {
    self.plan = plan
    self.sizes = sizes
  }

  mutating func run(_ steps: [Step], loops: [Int: (step: Int, parity: Int)]) {
    for step in steps {
      switch step {
      case .barrier: epoch += 1
      case .preparation(let steps): run(steps, loops: loops)
      case .kernel(let kernel):
        for thread in 0..<plan.threads { run(kernel, thread: thread, loops: loops) }
      case .loop(let loop):
        let count = sizes[loop.steps]!
        for round in 0..<count {
          var inner = loops
          inner[loop.id] = (loop.isReversed ? count - 1 - round : round, round & 1)
          run(loop.body, loops: inner)
        }
      }
    }
  }

  private mutating func run(_ kernel: Kernel, thread: Int, loops: [Int: (step: Int, parity: Int)]) {
    var ranges = kernel.domain.map { 0..<$0.evaluate(sizes) }
    switch kernel.split {
    case .none: if thread > 0 { return }
    case .batch(let axis): ranges[axis] = part(ranges[axis].count, thread, multiple: 1)
    case .axis(let axis, let multiple): ranges[axis] = part(ranges[axis].count, thread, multiple: multiple)
    }
    let deep = (kernel.product?.contracted ?? []).map { 0..<$0.evaluate(sizes) }
    func elements(_ form: Affine, _ ranges: [Range<Int>]) -> Set<Int> {
      if ranges.contains(where: \.isEmpty) { return [] }
      var found: Set<Int> = [form.constant.evaluate(sizes)]
      for (index, factor) in form.factors {
        let factor = factor.evaluate(sizes)
        let values: [Int] =
          switch index {
          case .axis(let axis): Array(ranges[axis])
          case .loop(let loop): [loops[loop]!.step]
          case .parity(let loop): [loops[loop]!.parity]
          case .oppositeParity(let loop): [1 - loops[loop]!.parity]
          case .stepsParity(let symbol): [sizes[symbol]! & 1]
          }
        found = Set(found.flatMap { start in values.map { start + $0 * factor } })
      }
      return found
    }
    for instruction in kernel.body {
      switch instruction {
      case .load(let access):
        let places = kernel.bound.map { bound in
          // Panels are padded with zeros, which are not read: here the points count one by one.
          points(ranges).reduce(into: Set<Int>()) { places, point in
            if elements(bound.index, point).first! < bound.limit.evaluate(sizes) {
              places.formUnion(elements(access.index, point))
            }
          }
        }
        touch(
          access.buffer, places ?? elements(access.index, ranges), thread, kernel, writes: false)
      case .loadRow(let access, _, let rows):
        let (count, distance) = (rows.count.evaluate(sizes), rows.stride.evaluate(sizes))
        let places = elements(access.index, ranges).flatMap { start in
          (0..<count).map { start + $0 * distance }
        }
        touch(access.buffer, Set(places), thread, kernel, writes: false)
      default: break
      }
    }
    if let product = kernel.product, !ranges.contains(where: \.isEmpty), !deep.contains(where: \.isEmpty) {
      for operand in [product.lhs, product.rhs] {
        guard case .direct = operand.layout else {
          touchAll(operand.access.buffer, thread, kernel)
          continue
        }
        // Groups of columns lie side by side.
        var ranges = ranges
        if operand == product.rhs, product.groups > 1 {
          ranges[ranges.count - 1] = 0..<(product.groups * kernel.domain.last!.evaluate(sizes))
        }
        touch(
          operand.access.buffer, elements(operand.access.index, ranges + deep), thread, kernel, writes: false)
      }
    }
    for store in kernel.stores {
      var places = elements(store.access.index, ranges)
      if case .scatterAdd(_, let rows) = kernel.kind {
        let (count, stride) = (rows.count.evaluate(sizes), rows.stride.evaluate(sizes))
        places = Set(places.flatMap { place in (0..<count).map { place + $0 * stride } })
      } else if case .reduce(_, let axes, let keepsLast) = kernel.kind {
        // The sum of nothing is stored too.
        var stored = ranges
        let end = keepsLast ? ranges.count - 1 : ranges.count
        for axis in (end - axes)..<end { stored[axis] = 0..<1 }
        places = elements(store.access.index, stored)
      }
      touch(store.access.buffer, places, thread, kernel, writes: true)
    }
  }

  private func part(_ extent: Int, _ thread: Int, multiple: Int) -> Range<Int> {
    let units = (extent + multiple - 1) / multiple
    func bound(_ thread: Int) -> Int { min(units * thread / plan.threads * multiple, extent) }
    return bound(thread)..<bound(thread + 1)
  }

  /// The points of a domain, each as a domain of one point.
  private func points(_ ranges: [Range<Int>]) -> [[Range<Int>]] {
    ranges.reduce([[]]) { points, range in points.flatMap { point in range.map { point + [$0..<($0 + 1)] } } }
  }

  private mutating func touchAll(_ buffer: BufferID, _ thread: Int, _ kernel: Kernel) {
    touch(buffer, Set(0..<plan[buffer].count.evaluate(sizes)), thread, kernel, writes: false)
  }

  private mutating func touch(
    _ id: BufferID, _ elements: Set<Int>, _ thread: Int, _ kernel: Kernel, writes: Bool
  ) {
    let buffer = plan[id]
    let place: Int
    var start = 0
    switch buffer.place {
    case .arena:
      place = -1
      start = buffer.offset.evaluate(sizes)
    case .input(let number): place = 2 * number
    case .output(let number): place = 2 * number + 1
    }
    for element in elements {
      if !(0..<buffer.count.evaluate(sizes) ~= element) {
        problems.insert("\(kernel.name) reaches element \(element) of \(buffer.name)")
      }
      let byte = start + element * buffer.element.byteCount
      var cell = cells[place, default: [:]][byte] ?? Cell()
      if cell.epoch != epoch { (cell.epoch, cell.writer, cell.readers) = (epoch, nil, []) }
      if cell.writer.map({ $0 != thread }) ?? false || (writes && !cell.readers.subtracting([thread]).isEmpty)
      {
        problems.insert("\(kernel.name) races for \(buffer.name)")
      }
      if !writes, place == -1, cell.buffer != id {
        problems.insert("\(kernel.name) reads what is not written in \(buffer.name)")
      }
      if writes {
        cell.writer = thread
        cell.buffer = id
      } else {
        cell.readers.insert(thread)
      }
      cells[place, default: [:]][byte] = cell
    }
  }
}
