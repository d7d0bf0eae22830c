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
        guard case .scan(let scan) = self[id].kind else {
          for operand in self[id].operands { mark(operand) }
          continue
        }
        let body = self[scan.body]
        mark(index < scan.carries ? body.arguments[scan.invariants + index] : body.results[index])
      case .argument(let region, let index):
        guard let owner = self[region].owner, case .scan(let scan) = self[owner].kind else { continue }
        mark(self[owner].operands[index])
        let carry = index - scan.invariants
        if (0..<scan.carries).contains(carry) { mark(self[region].results[carry]) }
      }
    }
    return live
  }
}
