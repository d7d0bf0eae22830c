import BitCollections
import RNNGraph

// licm: what is the same in every step is computed once, in front of the loop.
//
//   scan … invariants(%W) {                 %2 = transpose %W
//     %2 = transpose %W                     scan … invariants(%2) {
//     … gather %2, id                         … gather %2, id
//   }                                       }
//
// Constants and broadcasts stay: their readers look them up for nothing, while handing them in takes memory.

extension Pass {
  static let loopInvariants = Pass(
    name: "licm", summary: "compute in front of a loop what is the same in every step"
  ) { graph in
    graph.rebuild { rebuilder, id in
      let old = rebuilder.old
      guard let scan = ScanView(id, in: old), scan.isStepwise else { return false }
      let varying = old.valuesDepending(on: scan.carryArguments + scan.elements, in: scan.body)
      let needed = old.operationsNeeded(for: scan.nexts + scan.outputs, in: scan.body)
      var hoisted = BitSet()
      for inner in old[scan.body].operations
      where needed.contains(inner.index) && !old[inner].kind.traits.contains(.repeating)
        && !old[inner].results.contains(where: { varying.contains($0.index) })
      {
        for result in old[inner].results { hoisted.insert(result.index) }
      }
      guard !hoisted.isEmpty, var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      let outside = OutsideView(of: draft, in: rebuilder)
      for value in old.valuesRead(by: scan, from: hoisted) {
        draft.invariants.append(.init(outer: outside[value].value, inner: value))
      }
      rebuilder.emit(draft)
      return true
    }
  }
}

extension Graph {
  /// The values of `candidates` that the rest of a loop's body, or a result of it, reads.
  func valuesRead(by scan: ScanView, from candidates: BitSet) -> [ValueID] {
    func isCandidate(_ value: ValueID) -> Bool { candidates.contains(value.index) }
    let rest = operationsNeeded(for: scan.nexts + scan.outputs, in: scan.body, stoppingAt: isCandidate)
    var found: [ValueID] = []
    var seen = BitSet()
    func visit(_ value: ValueID) {
      if isCandidate(value), seen.insert(value.index).inserted { found.append(value) }
    }
    for id in self[scan.body].operations where rest.contains(id.index) {
      for operand in self[id].operands { visit(operand) }
    }
    for value in scan.nexts + scan.outputs { visit(value) }
    return found
  }
}
