import RNNGraph

// turn-loops: a loop over sequences that are turned around runs the other way over the sequences themselves.
//
//   %1 = reverse %x                          %2 = scan T reverse … %x
//   %2 = scan T … %1
//   %3 = reverse %2                          … %2
//   … %3
//
// So a layer that reads from the last step to the first needs no sequence as a whole, and two such layers agree on which
// step comes first.

extension Pass {
  static let turnLoops = Pass(
    name: "turn-loops", summary: "run loops over reversed sequences the other way instead"
  ) { graph in
    var hasChanged = false
    for steps in graph.timeAxes {
      let sorts = TimeSorts(graph, steps)
      let turning = Turning(sorts)
      hasChanged = graph.rebuild { turning.turn($1, in: $0) } || hasChanged
    }
    return hasChanged
  }
}

/// Sequences and what they are the reverse of.
private final class Turning {
  let sorts: TimeSorts
  /// For an old sequence the new one that has its steps in the opposite order.
  private var turned: [ValueID: ValueID] = [:]

  /// The sequences that are the same at every step.
  private var constants: Set<ValueID> = []

  init(_ sorts: TimeSorts) {
    self.sorts = sorts
    let graph = sorts.graph
    for id in graph[RegionID.entry].operations where sorts[id] == .map {
      if case .pad = graph[id].kind { continue }
      if graph[id].operands.allSatisfy({ !sorts.isSequence($0) || constants.contains($0) }) {
        constants.insert(graph[id].result)
      }
    }
  }

  /// Whether an operation has been put in terms of sequences in their own order; gives what `Rebuilder.Rule` does.
  func turn(_ id: OperationID, in rebuilder: Rebuilder) -> Bool {
    let (old, builder) = (rebuilder.old, rebuilder.builder)
    let operation = old[id]
    if case .reverse(axis: 0) = operation.kind, sorts.isSequence(operation.operands[0]) {
      let source = operation.operands[0]
      if let twice = turned[source] {
        rebuilder.bind(operation.result, to: twice)
        return true
      }
      turned[operation.result] = rebuilder[source]
      return false
    }
    guard let operands = turnedOperands(of: operation, in: rebuilder) else { return false }
    switch sorts[id] {
    case .map:
      bind(operation.result, toReverseOf: builder.add(operation.kind, operands)[0], in: rebuilder)
    case .total:
      rebuilder.bind(operation.result, to: builder.add(operation.kind, operands)[0])
    case .pick:
      guard case .slice(let axis, let start, let count, let anchor) = operation.kind else { return false }
      let slice = builder.slice(
        operands[0], axis: axis, start: start, count: count, anchor: anchor == .front ? .back : .front)
      rebuilder.bind(operation.result, to: slice)
    case .loop:
      guard var draft = ScanDraft(copying: id, in: rebuilder), let scan = ScanView(id, in: old) else {
        return false
      }
      draft.stepping.isReversed.toggle()
      let first = operands.count - scan.sequences.count
      draft.sequences = Interface(
        zip(draft.sequences, operands[first...]).map { .init(outer: $1, inner: $0.inner) })
      let stacks = rebuilder.emit(draft).outputs
      for (stack, result) in zip(stacks, scan.stacks) { bind(result, toReverseOf: stack, in: rebuilder) }
    // A chain goes through the steps as its operands do.
    case .sum, .mirror, .outside: return false
    }
    return true
  }

  private func bind(_ old: ValueID, toReverseOf new: ValueID, in rebuilder: Rebuilder) {
    turned[old] = new
    rebuilder.bind(old, to: rebuilder.builder.reverse(new, axis: 0))
  }

  /// The operands with all sequences turned around; nil if there is none, or one cannot be.
  private func turnedOperands(of operation: Operation, in rebuilder: Rebuilder) -> [ValueID]? {
    guard operation.operands.contains(where: { turned[$0] != nil }) else { return nil }
    var operands: [ValueID] = []
    for operand in operation.operands {
      if let turned = turned[operand] {
        operands.append(turned)
      } else if !sorts.isSequence(operand) || constants.contains(operand) {
        operands.append(rebuilder[operand])
      } else {
        return nil
      }
    }
    return operands
  }
}
