import BitCollections
import RNNGraph

/// A carry that only sums something up: `next = carry + term + …`, and nothing else reads it.
struct Accumulator {
  /// Which carry.
  let carry: Int
  /// What each step adds.
  let terms: [(value: ValueID, isNegative: Bool)]
}

extension Graph {
  /// The carries of a loop that only sum something up which a step computes by a product or a reduction, and which
  /// no other carry needs: the sum can be made of all steps at once, behind the loop.
  func accumulators(of scan: ScanView, _ counts: [Int]) -> [Accumulator] {
    var found: [Accumulator] = []
    for carry in scan.nexts.indices {
      if let terms = terms(from: scan.nexts[carry], to: scan.carryArguments[carry], counts) {
        found.append(Accumulator(carry: carry, terms: terms))
      }
    }
    // What the other carries need is computed in the loop anyway; adding it up there costs nothing more.
    while true {
      let moved = Set(found.map(\.carry))
      let rest = scan.nexts.indices.filter { !moved.contains($0) }.map { scan.nexts[$0] }
      let reduced = reducedValues(of: scan.body, besides: operationsNeeded(for: rest, in: scan.body))
      let kept = found.filter { $0.terms.contains { reduced.contains($0.value.index) } }
      if kept.count == found.count { return found }
      found = kept
    }
  }

  /// The terms of a sum that has `carry` as one term and is computed for nothing else; nil if it is no such sum.
  private func terms(from sum: ValueID, to carry: ValueID, _ counts: [Int]) -> [(
    value: ValueID, isNegative: Bool
  )]? {
    guard counts[carry.index] == 1, sum != carry else { return nil }
    var terms: [(value: ValueID, isNegative: Bool)] = []
    var hasCarry = false
    var work = [(sum, false)]
    while let (value, isNegative) = work.popLast() {
      if value == carry {
        if isNegative { return nil }
        hasCarry = true
        continue
      }
      guard counts[value.index] == 1, let id = definingOperation(value) else {
        terms.append((value, isNegative))
        continue
      }
      if case .binary(.add) = self[id].kind {
        work += self[id].operands.reversed().map { ($0, isNegative) }
      } else if case .binary(.subtract) = self[id].kind {
        work += [(self[id].operands[1], !isNegative), (self[id].operands[0], isNegative)]
      } else {
        terms.append((value, isNegative))
      }
    }
    return hasCarry ? terms : nil
  }

  /// The values that are, but for linear operations, a product or a reduction that is not among `needed`.
  private func reducedValues(of body: RegionID, besides needed: BitSet) -> BitSet {
    var found = BitSet()
    for id in self[body].operations {
      let traits = self[id].kind.traits
      let isReduced =
        traits.contains(.summing) && !needed.contains(id.index)
        || traits.contains(.linear) && self[id].operands.contains { found.contains($0.index) }
      if isReduced { found.insert(self[id].result.index) }
    }
    return found
  }
}
