import RNNGraph

extension BodyLowering {
  /// Where losses are made of cross-entropies: 1 for each token that is predicted, 0 for each other one, and the part
  /// of both where several are summed up; and the weights that these losses have.
  ///
  /// Nothing if they are made of none, or of some that are not about the same steps or do not weigh alike.
  func correctness(of losses: [CheckedMean]) -> (value: ValueID, weights: NodeID?)? {
    var parts: [ValueID] = []
    var weights: Set<NodeID?> = []
    for loss in losses {
      let entropies = crossEntropies(in: loss.node)
      if !entropies.isEmpty { weights.insert(loss.weights) }
      parts += entropies.map { node in
        let (logits, ids) = crossEntropyOperands(self[node.operands[0]], self[node.operands[1]])
        return builder.isGreatest(logits, at: ids)
      }
    }
    guard let first = parts.first, weights.count == 1,
      weights.allSatisfy({ weight in
        weight.map { self[$0].axes(in: builder).lead.count <= builder.type(first).rank } ?? true
      }),
      parts.allSatisfy({ builder.type($0) == builder.type(first) })
    else { return nil }
    let sum = parts.dropFirst().reduce(first, builder.add)
    return (builder.scale(sum, by: 1 / Double(parts.count)), weights.first ?? nil)
  }

  /// The cross-entropies that a value is computed from.
  private func crossEntropies(in value: NodeID) -> [CheckedNode] {
    var reached: Set<NodeID> = [value]
    var found: [CheckedNode] = []
    for index in cell.nodes.indices.reversed() where reached.contains(NodeID(index: index)) {
      let node = cell.nodes[index]
      if case .gradient = node.operation { continue }
      reached.formUnion(node.operands)
      if case .crossEntropy = node.operation { found.append(node) }
    }
    return found.reversed()
  }
}
