import RNNGraph

// Outside of training, a draw is its mean:
//
//     %u = random %keys, %counters stream(0) : f32[B, 8]
//     %c = less %u, %p : bool[B, 8]                              ->   %p
//     %d = convert %c : f32[B, 8]
//
// Any other number that is uniform in 0..<1 is 0.5.

extension Graph {
  /// The graph without draws from the input `seed`: each is the mean of what it gives. A graph that takes no seed stays.
  public func withoutDraws() -> Graph {
    guard inputs.contains(where: { $0.role == .seed }) else { return self }
    var graph = self
    _ = graph.rebuild { rebuilder, id in
      let (old, builder) = (rebuilder.old, rebuilder.builder)
      if case .random(_, let shape, let element) = old[id].kind {
        rebuilder.bind(old[id].result, to: builder.constant(0.5, TensorType(element, shape)))
        return true
      }
      guard case .convert = old[id].kind, let share = old.probability(old[id].operands[0]),
        old.type(share) == old.type(old[id].result)
      else { return false }
      rebuilder.bind(old[id].result, to: rebuilder[share])
      return true
    }
    _ = Pass.deadCode.run(&graph)
    let uses = graph.useCounts()
    graph.filterInputs { $0.role != .seed || uses[$0.value.index] > 0 }
    return graph
  }

  /// The probability that a condition holds, if it compares a uniform number with one.
  private func probability(_ condition: ValueID) -> ValueID? {
    guard let compare = definingOperation(condition), self[compare].kind == .compare(.less),
      case .random? = definingKind(self[compare].operands[0])
    else { return nil }
    return self[compare].operands[1]
  }
}
