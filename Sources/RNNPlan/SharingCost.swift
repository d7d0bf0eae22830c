import RNNGraph

// Note [Examples or columns]: threads that share the examples of a batch run whole loops over time without meeting, but
// each reads all weights in each step. Where the examples are so few that reading takes longer than computing, they share
// the columns of products instead: then each reads its part of the weights only, which may stay in its own cache, and
// they meet after each product.

extension Planner {
  /// Whether the loops over time take less if threads share the columns of products and not the examples.
  ///
  /// Only loops that consist of products with weights and elementwise work are looked at; a program with sums over
  /// examples, such as a training step, has much to do that is shared by examples.
  var paysToShareColumns: Bool {
    var (examples, columns) = (0.0, 0.0)
    for region in graph.reachableRegions {
      for id in graph[region].operations {
        switch graph[id].kind {
        case .dot(let axes):
          let operation = graph[id]
          let types = operation.operands.map { graph.type($0) }
          if axes.lhsContracting.contains(where: { types[0].shape[$0] == .batch }) { return false }
          guard region != .entry else { continue }
          guard let weights = types.first(where: { !$0.shape.contains(.batch) }),
            let count = shape(weights).reduce(1, *).constant
          else { return false }
          let bytes = count * weights.element.byteCount
          examples += cycles(count, bytes, rows: (batch + threads - 1) / threads)
          columns += cycles(count / threads, bytes / threads, rows: batch) + barrierCycles
        case .reduce(_, let axes, _):
          let shape = graph.type(graph[id].operands[0]).shape
          if region != .entry || axes.contains(where: { shape[$0] == .batch }) { return false }
        case .scatterAdd: return false
        case .constant, .size, .iota, .random, .reversePrefix, .unary, .binary, .compare, .select, .convert,
          .detach,
          .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse, .oneHot, .gather, .scan:
          continue
        }
      }
    }
    return columns < examples * 0.8
  }

  /// The cycles of a product of some rows with weights: two multiply-adds of vectors, or what is read of the weights from
  /// where they stay between two steps.
  private func cycles(_ weights: Int, _ bytes: Int, rows: Int) -> Double {
    let computing = Double(weights * rows) / (machine.multiplyAddsPerCycle * Double(machine.lanes(.f32)))
    let bytesOfCycle =
      bytes <= machine.nearCacheBytes
      ? machine.nearBytesPerCycle
      : bytes <= machine.farCacheBytes ? machine.farBytesPerCycle : machine.memoryBytesPerCycle
    return max(computing, Double(bytes) / bytesOfCycle)
  }

  private var barrierCycles: Double { Double(machine.barrierCost) / machine.elementsPerCycle }
}
