import RNNGraph

// recompute: a loop does not stack for another loop what that one can compute itself from what it reads anyway.
//
//   %3, %4 = scan … {                       %3 = scan … {
//     %5 = subtract 1, %z                     … return %z
//     … return %z, %5                       }
//   }                                       %4 = subtract 1, %3
//   scan … sequences(%3, %4)                scan … sequences(%3, %4)
//
// Only arithmetic that is cheaper than a load and a store, and at most a few operations of it. `sink-sequences` then
// moves it into the reader.

extension Pass {
  static let recompute = Pass(
    name: "recompute", summary: "compute cheap values again in a loop instead of stacking them for it"
  ) { graph in
    let (counts, users) = (graph.useCounts(), graph.users())
    return graph.rebuild { rebuilder, id in
      let old = rebuilder.old
      guard let scan = ScanView(id, in: old) else { return false }
      let dropped = old.recomputedStacks(of: scan, counts, users)
      guard !dropped.isEmpty, var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      let outside = OutsideView(of: draft, in: rebuilder)
      draft.outputs.removeAll { dropped.contains($0.results[0]) }
      for (output, stack) in zip(draft.outputs, rebuilder.emit(draft).outputs) {
        outside.know(output.value, as: Lifted(value: stack, isStacked: true))
      }
      for (value, stack) in zip(scan.outputs, scan.stacks) where dropped.contains(stack) {
        rebuilder.bind(stack, to: outside.lift.stacked(outside[value]))
      }
      return true
    }
  }
}

extension Graph {
  /// The stacks of a loop that their only reader, another loop, can compute from other sequences of its own.
  fileprivate func recomputedStacks(of scan: ScanView, _ counts: [Int], _ users: [[OperationID]]) -> Set<
    ValueID
  > {
    var dropped: Set<ValueID> = []
    var kept: Set<ValueID> = []
    for (value, stack) in zip(scan.outputs, scan.stacks)
    where counts[stack.index] == 1 && !kept.contains(value) {
      guard let reader = users[stack.index].first, let other = ScanView(reader, in: self),
        other.sequences.contains(stack)
      else { continue }
      var given: Set<ValueID> = []
      for (inner, outer) in zip(scan.outputs, scan.stacks)
      where inner != value && !dropped.contains(outer) && other.sequences.contains(outer) {
        given.insert(inner)
      }
      for (inner, outer) in zip(scan.elements, scan.sequences) where other.sequences.contains(outer) {
        given.insert(inner)
      }
      var budget = 3
      var leaves: Set<ValueID> = []
      if isCheap(value, given, &budget, &leaves) {
        dropped.insert(stack)
        kept.formUnion(leaves)
      }
    }
    return dropped
  }

  /// Whether a value is cheap arithmetic on `given` values and constants.
  private func isCheap(
    _ value: ValueID, _ given: Set<ValueID>, _ budget: inout Int, _ leaves: inout Set<ValueID>
  ) -> Bool {
    if given.contains(value) {
      leaves.insert(value)
      return true
    }
    guard let id = definingOperation(value) else { return false }
    switch self[id].kind {
    case .constant: return true
    case .binary(.add), .binary(.subtract), .binary(.multiply), .binary(.maximum), .binary(.minimum),
      .unary(.negate), .unary(.abs), .compare, .select, .convert:
      budget -= 1
      if budget < 0 { return false }
      for operand in self[id].operands where !isCheap(operand, given, &budget, &leaves) { return false }
      return true
    default: return false
    }
  }
}
