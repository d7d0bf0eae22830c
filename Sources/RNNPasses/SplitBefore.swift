import BitCollections
import RNNGraph

// split-scan-before: costly work of a loop that no carry takes part in is done for all steps at once, in front of it.
//
//   scan … sequences(%x) {                  %2 = dot %x, %W            the steps are one more axis of it
//     %2 = dot %element, %W                 scan … sequences(%2) {
//     … add %2, %3                            … add %element, %3
//   }                                       }
//
// Cheap work stays in the loop, where it fuses with its readers. A loop without carries is no loop at all.

// Note [Products of all steps]: a product with a weight is faster for all steps at once: the weight is read once for many
// of them. Where both factors are other ones in each step, nothing is gained, and what the loop hands out or takes in may
// be much more: a matrix where the loop itself would need two vectors, or a vector. Such products stay in the loop.

extension Pass {
  static let splitBefore = Pass(
    name: "split-scan-before", summary: "do costly work that no carry takes part in for all steps at once"
  ) { graph in
    graph.rebuild { rebuilder, id in
      let old = rebuilder.old
      guard let scan = ScanView(id, in: old), scan.isStepwise else { return false }
      if scan.initials.isEmpty {
        guard let draft = ScanDraft(copying: id, in: rebuilder) else { return false }
        let outside = OutsideView(of: draft, in: rebuilder)
        for (value, result) in zip(scan.outputs, scan.stacks) {
          rebuilder.bind(result, to: outside.lift.stacked(outside[value]))
        }
        return true
      }
      let carried = old.valuesDepending(on: scan.carryArguments, in: scan.body)
      let varying = old.valuesDepending(on: scan.elements, in: scan.body)
      var lifted = BitSet()
      for inner in old[scan.body].operations
      where old[inner].kind.traits.contains(.costly)
        && !old[inner].results.contains(where: { carried.contains($0.index) })
        && !old.isProductOfStep(old[inner], varying)
      {
        for result in old[inner].results { lifted.insert(result.index) }
      }
      let values = lifted.isEmpty ? [] : old.valuesRead(by: scan, from: lifted)
      guard !values.isEmpty, var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      let outside = OutsideView(of: draft, in: rebuilder)
      for value in values {
        let all = outside[value]
        if all.isStacked {
          draft.sequences.append(.init(outer: all.value, inner: value))
        } else {
          draft.invariants.append(.init(outer: all.value, inner: value))
        }
      }
      rebuilder.emit(draft)
      return true
    }
  }
}

extension Graph {
  /// Whether an operation is a product of values that are other ones in each step, which reads or makes something larger
  /// than all else that it reads and makes.
  fileprivate func isProductOfStep(_ operation: Operation, _ varying: BitSet) -> Bool {
    guard case .dot = operation.kind, operation.operands.allSatisfy({ varying.contains($0.index) }) else {
      return false
    }
    let ranks = (operation.operands + operation.results).map { type($0).rank }.sorted()
    return ranks[ranks.count - 1] > ranks[ranks.count - 2]
  }
}
