import RNNGraph

extension BodyLowering {
  /// Where the loss is made of cross-entropies: 1 for each token that is predicted, 0 for each other one, and the part
  /// of both where several are summed up.
  ///
  /// Nothing if the loss is made of none, or of some that are not about the same steps.
  func correctness(of loss: NodeID) -> ValueID? {
    let parts = crossEntropies(in: loss).map { node in
      let (logits, ids) = crossEntropyOperands(self[node.operands[0]], self[node.operands[1]])
      return builder.isGreatest(logits, at: ids)
    }
    guard let first = parts.first,
      parts.allSatisfy({ builder.type($0) == builder.type(first) })
    else { return nil }
    return builder.scale(parts.dropFirst().reduce(first, builder.add), by: 1 / Double(parts.count))
  }

  /// The cross-entropies that a value is computed from.
  private func crossEntropies(in value: NodeID) -> [CheckedNode] {
    var reached: Set<NodeID> = [value]
    var found: [CheckedNode] = []
    for index in cell.nodes.indices.reversed() where reached.contains(NodeID(index: index)) {
      let node = cell.nodes[index]
      if case .gradient = node.operation { continue }
      reached.formUnion(node.operands)
      if node.operation == .crossEntropy { found.append(node) }
    }
    return found.reversed()
  }
}
