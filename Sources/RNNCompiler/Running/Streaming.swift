import RNNGraph

extension Graph {
  /// Whether running the graph step by step, each time from the states that the step before left, gives what running
  /// it over the whole sequence gives.
  ///
  /// That is so if every loop runs forward from states that the caller gives and gets back, and nothing else reads
  /// along a sequence.
  var canRunStepwise: Bool {
    for id in self[.entry].operations {
      let operation = self[id]
      switch operation.kind {
      case .scan(let scan):
        if scan.isReversed { return false }
        for i in 0..<scan.carries {
          guard isCarried(from: operation.operands[scan.invariants + i], to: operation.results[i]) else {
            return false
          }
        }
      case .reverse(let axis), .concat(let axis), .slice(let axis, _, _, _), .pad(let axis, _, _, _):
        if isSequence(operation.results[0], axis) || isSequence(operation.operands[0], axis) { return false }
      case .reduce(_, let axes):
        if axes.contains(where: { isSequence(operation.operands[0], $0) }) { return false }
      case .dot(let axes):
        if axes.lhsContracting.contains(where: { isSequence(operation.operands[0], $0) }) { return false }
      case .gather:
        if isSequence(operation.operands[0], 0) { return false }
      case .scatterAdd, .size, .reversePrefix, .iota: return false
      case .constant, .random, .unary, .binary, .compare, .select, .convert, .detach, .broadcast, .reshape,
        .transpose,
        .oneHot:
        continue
      }
    }
    return true
  }

  private func isCarried(from initial: ValueID, to final: ValueID) -> Bool {
    guard let input = inputs.first(where: { $0.value == initial && $0.role == .state }) else { return false }
    return outputs.contains { $0.role == .state && $0.name == input.name && $0.value == final }
  }

  private func isSequence(_ value: ValueID, _ axis: Int) -> Bool {
    guard let symbol = type(value).shape[axis].symbol else { return false }
    return symbol != .batch
  }
}
