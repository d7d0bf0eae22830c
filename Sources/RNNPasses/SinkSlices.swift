import RNNGraph

// sink-slices: elementwise work of which only slices are read is done on the slices.
//
//   %2 = add %0, %1                         %3 = slice %0 [0 ..< 4]
//   %3 = slice %2 [0 ..< 4]                 %4 = slice %1 [0 ..< 4]
//   …                                       %5 = add %3, %4
//                                           …
// So gates that are written as one split look like gates that are written apart.

extension Pass {
  static let sinkSlices = Pass(
    name: "sink-slices", summary: "slice the operands of elementwise work instead of its result"
  ) { graph in
    let wide = graph.readBySlicesOnly()
    if wide.isEmpty { return false }
    // By kind of slice, the slices of old values.
    var slices: [OperationKind: [ValueID: ValueID]] = [:]
    return graph.rebuild { rebuilder, id in
      let (old, builder) = (rebuilder.old, rebuilder.builder)
      if wide[id] != nil { return true }
      guard case .slice = old[id].kind, let source = old.definingOperation(old[id].operands[0]),
        wide[source] != nil
      else { return false }
      func wideOperation(_ value: ValueID) -> Operation? {
        old.definingOperation(value).flatMap { wide[$0] == nil ? nil : old[$0] }
      }
      let kind = old[id].kind
      var known = slices.removeValue(forKey: kind) ?? [:]
      Graph.visit(
        old[id].operands[0], isDone: { known[$0] != nil }, needs: { wideOperation($0)?.operands ?? [] },
        finish: { value in
          known[value] =
            if let source = wideOperation(value) {
              builder.at(source.places) { builder.add(source.kind, source.operands.map { known[$0]! })[0] }
            } else {
              builder.add(kind, [rebuilder[value]])[0]
            }
        })
      rebuilder.bind(old[id].result, to: known[old[id].operands[0]]!)
      slices[kind] = known
      return true
    }
  }
}

extension Graph {
  /// The elementwise operations of which, directly or through others, only a few slices along one axis are read.
  fileprivate func readBySlicesOnly() -> [OperationID: Int] {
    let (counts, users) = (useCounts(), users())
    var wide: [OperationID: Int] = [:]
    // The slices that are read of an operation: each becomes an operation.
    var slices: [OperationID: Set<OperationKind>] = [:]
    for region in reachableRegions {
      for id in self[region].operations.reversed() where self[id].kind.traits.contains(.elementwise) {
        let result = self[id].result
        let readers = users[result.index]
        // A result of the region counts as a use, but has no user.
        guard !readers.isEmpty, readers.count == counts[result.index] else { continue }
        var axes: Set<Int> = []
        for reader in readers {
          if case .slice(let axis, _, _, _) = self[reader].kind {
            axes.insert(axis)
          } else {
            axes.insert(wide[reader] ?? -1)
          }
        }
        guard let axis = axes.first, axes.count == 1, axis >= 0, areDisjoint(readers) else { continue }
        let read = readers.reduce(into: Set<OperationKind>()) { $0.formUnion(slices[$1] ?? [self[$1].kind]) }
        if read.count > 16 { continue }
        (wide[id], slices[id]) = (axis, read)
      }
    }
    return wide
  }

  /// Whether no two different slices among some operations overlap, so that slicing first does nothing twice.
  private func areDisjoint(_ readers: [OperationID]) -> Bool {
    var ranges: Set<Range<Int>> = []
    for reader in readers {
      guard case .slice(_, let start, let count, let anchor) = self[reader].kind else { continue }
      if anchor == .back { return readers.count == 1 }
      ranges.insert(start..<(start + count))
    }
    let sorted = ranges.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    return zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
  }
}
