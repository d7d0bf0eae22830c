import RNNGraph

// recompute: a loop does not stack what its readers can compute from other stacks.
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
      guard let scan = ScanView(id, in: old), scan.isStepwise else { return false }
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
  /// The stacks of a loop that their readers can compute from other stacks and sequences.
  ///
  /// A reader may be another loop that reads these as well, or elementwise work and sums for all steps at once. A value
  /// that the loop carries costs no stack of its own.
  fileprivate func recomputedStacks(of scan: ScanView, _ counts: [Int], _ users: [[OperationID]]) -> Set<
    ValueID
  > {
    var dropped: Set<ValueID> = []
    var kept: Set<ValueID> = []
    let nexts = Set(scan.nexts)
    // By value of the body, the stacks and sequences that have it at every step.
    var stacks: [ValueID: [ValueID]] = [:]
    for (inner, outer) in zip(scan.outputs, scan.stacks) { stacks[inner, default: []].append(outer) }
    let sequences = Dictionary(uniqueKeysWithValues: zip(scan.elements, scan.sequences))
    // By loop, the sequences that it reads.
    var readers: [OperationID: Set<ValueID>] = [:]
    func sequencesRead(by id: OperationID) -> Set<ValueID>? {
      if let known = readers[id] { return known }
      readers[id] = ScanView(id, in: self).map { Set($0.sequences) }
      return readers[id]
    }
    // What is computed first comes first: then what is computed of it need not keep it.
    let order = scan.outputs.indices.sorted {
      (definingOperation(scan.outputs[$0])?.index ?? -1, $0) < (
        definingOperation(scan.outputs[$1])?.index ?? -1, $1
      )
    }
    for (value, stack) in order.map({ (scan.outputs[$0], scan.stacks[$0]) }) where !kept.contains(value) {
      let reader = users[stack.index].first.flatMap(sequencesRead)
      if let reader {
        guard counts[stack.index] == 1, reader.contains(stack) else { continue }
      } else {
        // What the program hands out as well has to be stored anyway.
        guard counts[stack.index] > 0, counts[stack.index] == users[stack.index].count,
          users[stack.index].allSatisfy({ isStreamed(by: self[$0].kind) }), !nexts.contains(value)
        else { continue }
      }
      func isGiven(_ outer: ValueID) -> Bool {
        reader?.contains(outer) ?? (counts[outer.index] > 0)
      }
      func isKnown(_ inner: ValueID) -> Bool {
        sequences[inner].map(isGiven) ?? false
          || inner != value
            && stacks[inner, default: []].contains { !dropped.contains($0) && isGiven($0) }
      }
      var budget = 3
      var leaves: Set<ValueID> = []
      guard isCheap(value, isKnown, &budget, &leaves) else { continue }
      // A loop reads these stacks anyway, which costs nothing. Another reader then reads them instead of this one: more than
      // two loads would cost more than the store and the loads that they save.
      let streams = leaves.filter { type($0).rank == type(value).rank }.count
      if reader == nil && streams > 2 { continue }
      dropped.insert(stack)
      kept.formUnion(leaves)
    }
    return dropped
  }

  /// Whether a value is cheap arithmetic on given values and constants.
  private func isCheap(
    _ value: ValueID, _ isGiven: (ValueID) -> Bool, _ budget: inout Int, _ leaves: inout Set<ValueID>
  ) -> Bool {
    if isGiven(value) {
      leaves.insert(value)
      return true
    }
    guard let id = definingOperation(value) else { return false }
    if case .constant = self[id].kind { return true }
    if case .broadcast = self[id].kind {
      return isCheap(self[id].operands[0], isGiven, &budget, &leaves)
    }
    guard self[id].kind.traits.contains(.cheap), budget > 0 else { return false }
    budget -= 1
    for operand in self[id].operands where !isCheap(operand, isGiven, &budget, &leaves) { return false }
    return true
  }

  /// Whether what an operation of this kind reads of all steps is computed where it is read, and needs no memory.
  private func isStreamed(by kind: OperationKind) -> Bool {
    if case .reduce = kind { true } else { kind.traits.contains(.elementwise) }
  }
}
