import BitCollections
import RNNGraph

// dce: what no output of the graph needs vanishes.
//
//   %2:2 = scan … { … return next_h, next_c, h, unused }      %2 = scan … { … return next_h, h }
//
// A carry counts as needed only if a needed result depends on it, so a carry that only feeds itself goes.

extension Pass {
  /// Drops what no output needs.
  public static let deadCode = Pass(
    name: "dce", summary: "drop operations, carries, operands and outputs of scans that nothing needs"
  ) { graph in
    let live = graph.liveValues()
    return graph.rebuild { rebuilder, id in
      let operation = rebuilder.old[id]
      func isLive(_ value: ValueID) -> Bool { live.contains(value.index) }
      if !operation.results.contains(where: isLive) { return true }
      guard let scan = ScanView(id, in: rebuilder.old) else { return false }
      let isWhole =
        (scan.invariantArguments + scan.carryArguments + scan.elements + scan.stacks).allSatisfy(isLive)
        && rebuilder.old[scan.body].operations.allSatisfy {
          rebuilder.old[$0].results.contains(where: isLive)
        }
      guard !isWhole, let draft = ScanDraft(copying: id, in: rebuilder, where: isLive) else { return false }
      rebuilder.emit(draft)
      return true
    }
  }
}

extension Graph {
  /// The indices of all values that an output needs; a carry's argument stands for the carry.
  fileprivate func liveValues() -> BitSet {
    var live = BitSet(reservingCapacity: valueCount)
    var work: [ValueID] = []
    func mark(_ value: ValueID) {
      if live.insert(value.index).inserted { work.append(value) }
    }
    for output in outputs { mark(output.value) }
    while let value = work.popLast() {
      switch self[value].definition {
      case .result(let id, let index):
        guard let scan = ScanView(id, in: self) else {
          for operand in self[id].operands { mark(operand) }
          continue
        }
        if index < scan.nexts.count {
          mark(scan.carryArguments[index])
        } else {
          mark(scan.outputs[index - scan.nexts.count])
        }
      case .argument(let region, let index):
        guard let owner = self[region].owner, let scan = ScanView(owner, in: self) else { continue }
        mark(self[owner].operands[index])
        let carry = index - scan.invariants.count
        if scan.nexts.indices.contains(carry) { mark(scan.nexts[carry]) }
      }
    }
    return live
  }
}
