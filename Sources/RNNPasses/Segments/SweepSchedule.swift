import RNNGraph

/// How the work over some steps is done in sweeps, each of which goes through all segments of the steps once, the first
/// one upwards or downwards and the others by turns.
///
/// Note [Sweeps]: a loop runs in the first sweep of its direction in which its sequences are available, and leaves its
/// carries in front of each segment. A later sweep that needs values of the loop runs it again, from these carries. So only
/// the carries, and sequences that an operation needs as a whole, outlive a sweep. A training step of loops that all run
/// forward has two sweeps: one upwards for the carries, and one downwards, which computes each segment again and then its
/// derivatives.
///
/// A sum over the steps is made in the sweep of its direction in which it costs least. `order-sums` has chosen that direction,
/// in programs without a memory limit as well, so that the results have the same bits.
struct SweepSchedule {
  let sorts: TimeSorts
  private let graph: Graph
  /// Whether sums may go to a sweep of the other direction.
  private let turnsSums: Bool
  /// Whether the first sweep goes downwards.
  private let beginsReversed: Bool
  /// The number of sweeps.
  private(set) var count = 0
  /// The sweep in which a loop runs first, a sum is made, and a step is picked.
  private(set) var sweep: [OperationID: Int] = [:]
  /// The sweep in which a sequence is stored as a whole.
  private(set) var stored: [ValueID: Int] = [:]
  /// The loops that run in each sweep.
  private(set) var runs: [Set<OperationID>] = []
  /// The sequences that each sweep computes, segment by segment.
  private(set) var computed: [Set<ValueID>] = []
  /// For a sequence the first sweep that can compute it, for other values and whole sequences the first that can read it.
  private var ready: [ValueID: Int] = [:]

  /// Makes the schedule for a number of steps.
  ///
  /// - Parameter turnsSums: whether sums may go to a sweep of the other direction, to be turned around then.
  init(_ graph: Graph, _ steps: Symbol, turningSums turnsSums: Bool = false) {
    self.graph = graph
    self.turnsSums = turnsSums
    sorts = TimeSorts(graph, steps)
    let directions = graph[RegionID.entry].operations.compactMap { [sorts] id -> Bool? in
      if case .loop(let isReversed) = sorts[id] { isReversed } else { nil }
    }
    beginsReversed = directions.first ?? false
    findFirstSweeps()
    place()
  }

  /// Whether a sweep goes downwards.
  func isReversed(_ sweep: Int) -> Bool { (sweep % 2 == 1) != beginsReversed }

  private func first(from sweep: Int, isReversed direction: Bool?) -> Int {
    direction.map { isReversed(sweep) == $0 ? sweep : sweep + 1 } ?? sweep
  }

  /// Whether a sequence is computed step by step.
  private func isStepwise(_ value: ValueID) -> Bool { sorts.isSequence(value) && !sorts.isWhole(value) }

  /// Whether a sequence is computed from nothing that has steps: it can be computed as a whole anywhere.
  private func isTimeless(_ value: ValueID) -> Bool {
    guard let id = graph.definingOperation(value), sorts[id] == .map else { return false }
    return !graph[id].operands.contains(where: sorts.isSequence)
  }

  // MARK: The earliest sweeps

  private mutating func findFirstSweeps() {
    for id in graph[RegionID.entry].operations {
      let operation = graph[id]
      let earliest = sorts.operands(id).reduce(0) { max($0, ready[$1] ?? 0) }
      switch sorts[id] {
      case .map, .mirror: ready[operation.result] = earliest
      case .loop(let isReversed):
        let number = first(from: earliest, isReversed: isReversed)
        sweep[id] = number
        for result in operation.results {
          ready[result] = sorts.isSequence(result) ? number : number + 1
        }
      case .sum(let isReversed):
        sweep[id] = first(from: earliest, isReversed: turnsSums ? nil : isReversed)
        ready[operation.result] = sweep[id]! + 1
      case .pick:
        sweep[id] = earliest
        ready[operation.result] = earliest + 1
      case .total, .outside:
        var end = 0
        for operand in operation.operands {
          let here = ready[operand] ?? 0
          if isStepwise(operand), !isTimeless(operand) {
            stored[operand] = here
            end = max(end, here + 1)
          } else {
            end = max(end, here)
          }
        }
        for result in operation.results { ready[result] = end }
      }
    }
    for output in graph.outputs where isStepwise(output.value) && !isTimeless(output.value) {
      stored[output.value] = ready[output.value] ?? 0
    }
    count = (sweep.values.map { $0 } + stored.values).reduce(0) { max($0, $1 + 1) }
  }

  // MARK: The cheapest sweeps

  private mutating func place() {
    runs = Array(repeating: [], count: count)
    computed = Array(repeating: [], count: count)
    for id in graph[RegionID.entry].operations {
      guard case .loop = sorts[id], let number = sweep[id] else { continue }
      runs[number].insert(id)
      for operand in graph[id].operands { require(operand, in: number) }
    }
    let read = valuesReadBySweeps()
    for id in graph[RegionID.entry].operations.reversed() {
      let operation = graph[id]
      switch sorts[id] {
      case .sum, .pick:
        let sources = sorts.operands(id)
        let direction: Bool? =
          if case .sum(let isReversed) = sorts[id], !turnsSums { isReversed } else { nil }
        if !read.contains(operation.result) {
          sweep[id] = cheapest(for: sources, from: sweep[id]!, isReversed: direction)
        }
        for source in sources { require(source, in: sweep[id]!) }
      case .map, .loop:
        for result in operation.results {
          guard let number = stored[result] else { continue }
          stored[result] =
            read.contains(result) ? number : cheapest(for: [result], from: number, isReversed: nil)
          require(result, in: stored[result]!)
        }
      case .mirror, .total, .outside: break
      }
    }
  }

  /// The values outside of sweeps on which sweeps depend, and the stored sequences.
  private func valuesReadBySweeps() -> Set<ValueID> {
    var read: Set<ValueID> = []
    for id in graph[RegionID.entry].operations.reversed() {
      let operation = graph[id]
      switch sorts[id] {
      case .total, .outside:
        if operation.results.contains(where: read.contains) { read.formUnion(operation.operands) }
      case .map, .loop, .sum, .pick: read.formUnion(sorts.operands(id).filter { !isStepwise($0) })
      case .mirror: break
      }
    }
    return read
  }

  private func cheapest(for values: [ValueID], from first: Int, isReversed direction: Bool?) -> Int {
    var best = first
    var bestCost = Double.infinity
    for number in first..<max(count, first + 1) where direction == nil || isReversed(number) == direction {
      if let cost = cost(of: values, in: number, atMost: bestCost) { (best, bestCost) = (number, cost) }
    }
    return best
  }

  /// What it takes to compute values in a sweep, with all that the sweep does not compute yet; nil if that is too much.
  private func cost(of values: [ValueID], in number: Int, atMost limit: Double) -> Double? {
    var extra: Set<ValueID> = []
    var loops: Set<OperationID> = []
    var cost = 0.0
    var work = values
    while let value = work.popLast() {
      guard isStepwise(value), !computed[number].contains(value), let id = graph.definingOperation(value),
        extra.insert(value).inserted
      else { continue }
      if case .loop = sorts[id], runs[number].contains(id) || !loops.insert(id).inserted { continue }
      cost += graph.work(of: id)
      if cost > limit { return nil }
      work += graph[id].operands
    }
    return cost
  }

  private mutating func require(_ value: ValueID, in number: Int) {
    var work = [value]
    while let value = work.popLast() {
      guard isStepwise(value), let id = graph.definingOperation(value),
        computed[number].insert(value).inserted
      else { continue }
      if case .loop = sorts[id] { runs[number].insert(id) }
      work += graph[id].operands
    }
  }
}

extension Graph {
  /// The arithmetic of one step of an operation, roughly: elements of results, times terms of each.
  fileprivate func work(of id: OperationID) -> Double {
    func volume(_ dimensions: [Dimension]) -> Double {
      dimensions.reduce(1) { $0 * Double($1.fixed ?? ($1 == .batch ? 32 : 1)) }
    }
    let operation = self[id]
    if case .scan(let scan) = operation.kind {
      return self[scan.body].operations.reduce(0) { $0 + work(of: $1) }
    }
    if case .dot(let axes) = operation.kind {
      let shape = type(operation.operands[0]).shape
      return volume(type(operation.result).shape) * volume(axes.lhsContracting.map { shape[$0] })
    }
    if case .reduce = operation.kind { return volume(type(operation.operands[0]).shape) }
    return operation.results.reduce(0) { $0 + volume(type($1).shape) }
  }
}
