import RNNGraph

/// What an operation of the entry does along one number of steps, whose sequences have it as their first axis.
enum TimeSort: Equatable {
  /// Each step by itself.
  case map
  /// A loop over the steps.
  case loop(isReversed: Bool)
  /// A chain over the steps: their terms are added one after the other, from the first step or from the last one.
  case sum(isReversed: Bool)
  /// A sum over the steps in any order.
  case total
  /// One step of a sequence, the first or the last one or one beside them.
  case pick
  /// A sequence with its last step first, for sums only: it is their order.
  case mirror
  /// Anything else: what it reads of a sequence it reads as a whole.
  case outside
}

/// The sorts of the operations of a graph's entry along one number of steps.
struct TimeSorts {
  let graph: Graph
  let steps: Symbol
  private var sorts: [OperationID: TimeSort] = [:]

  init(_ graph: Graph, _ steps: Symbol) {
    self.graph = graph
    self.steps = steps
    let operations = graph[RegionID.entry].operations
    for id in operations { sorts[id] = sort(id) }
    let (users, counts) = (graph.users(), graph.useCounts())
    for id in operations {
      guard case .reverse(axis: 0) = graph[id].kind, isSequence(graph[id].operands[0]) else { continue }
      let readers = users[graph[id].result.index]
      if readers.count == counts[graph[id].result.index], readers.allSatisfy({ isSum(self[$0]) }) {
        sorts[id] = .mirror
      }
    }
  }

  subscript(id: OperationID) -> TimeSort { sorts[id] ?? .outside }

  private func isSum(_ sort: TimeSort) -> Bool { if case .sum = sort { true } else { false } }

  /// Whether a value has one element for each step, along its first axis.
  func isSequence(_ value: ValueID) -> Bool {
    let shape = graph.type(value).shape
    return shape.first == .symbol(steps) && !shape.dropFirst().contains(.symbol(steps))
  }

  private func hasSteps(_ value: ValueID) -> Bool { graph.type(value).shape.contains(.symbol(steps)) }

  /// Whether a sequence is there as a whole, and not computed step by step.
  func isWhole(_ value: ValueID) -> Bool {
    guard let id = graph.definingOperation(value) else { return true }
    return self[id] == .outside
  }

  /// The sequence that a sum reads as this value, in whichever order.
  func source(_ value: ValueID) -> ValueID {
    guard let id = graph.definingOperation(value), case .reverse(axis: 0) = graph[id].kind,
      isSequence(graph[id].operands[0])
    else { return value }
    return graph[id].operands[0]
  }

  /// The values that an operation reads, the sequences of a sum in whichever order.
  func operands(_ id: OperationID) -> [ValueID] {
    if case .sum = self[id] { graph[id].operands.map(source) } else { graph[id].operands }
  }

  // MARK: Classification

  private func sort(_ id: OperationID) -> TimeSort {
    let operation = graph[id]
    if let scan = ScanView(id, in: graph) {
      return isLoop(scan) ? .loop(isReversed: scan.attributes.isReversed) : .outside
    }
    let operands = operation.operands.filter(hasSteps)
    guard operands.allSatisfy(isSequence) else { return .outside }
    if hasSteps(operation.result) {
      return isSequence(operation.result) && isMap(operation) ? .map : .outside
    }
    if operands.isEmpty { return .outside }
    if case .slice(axis: 0, _, count: 1, _) = operation.kind {
      return graph.type(operation.result).element.isFloat && !isWhole(operands[0]) ? .pick : .outside
    }
    guard let order = orderOfSteps(operation) else { return .outside }
    if order == .any { return .total }
    let mirrored = operands.count { source($0) != $0 }
    if mirrored == 0 { return .sum(isReversed: false) }
    return mirrored == operands.count ? .sum(isReversed: true) : .outside
  }

  private func isLoop(_ scan: ScanView) -> Bool {
    scan.attributes.steps == steps && scan.attributes.segments == nil
      && !(scan.invariants + scan.initials).contains(where: hasSteps)
      && scan.sequences.allSatisfy(isSequence) && scan.stacks.allSatisfy(isSequence)
      && !mentionsSteps(scan.body)
  }

  /// Whether a value of a body has an axis of the steps.
  private func mentionsSteps(_ body: RegionID) -> Bool {
    let region = graph[body]
    return region.arguments.contains(where: hasSteps)
      || region.operations.contains { id in
        if let inner = ScanView(id, in: graph), inner.attributes.steps == steps || mentionsSteps(inner.body) {
          return true
        }
        return graph[id].results.contains(where: hasSteps)
      }
  }

  /// Whether step `t` of the result needs step `t` of each operand that is a sequence, and nothing else of it.
  ///
  /// - Requires: the result and what has steps among the operands are sequences.
  private func isMap(_ operation: Operation) -> Bool {
    let operands = operation.operands
    switch operation.kind {
    case .constant, .unary, .binary, .compare, .select, .convert, .surrogate, .oneHot: return true
    case .random: return isSequence(operands[0])
    case .broadcast(let axes, _): return !hasSteps(operands[0]) || axes.first == 0
    case .reshape: return hasSteps(operands[0])
    case .transpose(let permutation): return permutation.first == 0
    case .pad(let axis, _, _, _):
      // One step among zeros is known at each step; see `Segmenter`.
      return axis != 0 || graph.type(operands[0]).shape[0] == 1
    case .slice(let axis, _, _, _), .concat(let axis), .reverse(let axis), .reversePrefix(let axis):
      return axis != 0
    case .gather: return !hasSteps(operands[0])
    case .reduce(_, let axes, _): return axes.first != 0
    case .dot(let axes):
      let types = operands.map { graph.type($0) }
      if hasSteps(operands[0]), hasSteps(operands[1]) {
        return axes.lhsBatch.first == 0 && axes.rhsBatch.first == 0
      }
      let lhsFree = axes.lhsFree(rank: types[0].rank)
      return axes.lhsBatch.isEmpty
        && (hasSteps(operands[0])
          ? lhsFree.first == 0 : lhsFree.isEmpty && axes.rhsFree(rank: types[1].rank).first == 0)
    case .table, .size, .iota, .scatterAdd, .scan: return false
    }
  }

  /// In which order an operation adds up the steps; nil if it does not, or if a chain goes through them again and again.
  ///
  /// - Requires: no result has steps, and what has steps among the operands are sequences.
  private func orderOfSteps(_ operation: Operation) -> SumOrder? {
    guard operation.start == nil, let order = operation.kind.order else { return nil }
    if case .reduce(_, let axes, _) = operation.kind { return axes.first == 0 ? order : nil }
    if case .dot(let axes) = operation.kind {
      guard let pair = axes.lhsContracting.firstIndex(of: 0), axes.rhsContracting[pair] == 0 else {
        return nil
      }
      return pair == 0 || order == .any ? order : nil
    }
    return operation.operands.allSatisfy(isSequence) ? order : nil
  }
}

extension Graph {
  /// The numbers of steps that sequences of the entry have as their first axis.
  var timeAxes: [Symbol] {
    var found: Set<Symbol> = []
    for id in self[RegionID.entry].operations {
      for value in self[id].operands + self[id].results {
        if let symbol = type(value).shape.first?.symbol, symbol != .batch { found.insert(symbol) }
      }
    }
    return found.sorted()
  }
}
