import BitCollections
import RNNGraph

/// Copies operations of one graph into another, some of them several times.
struct GraphCopier {
  let old: Graph
  let builder: GraphBuilder

  /// Copies what computes some values of a region, up to those that have a copy.
  func copy(_ values: [ValueID], in region: RegionID, _ map: inout [ValueID: ValueID]) {
    let needed = old.operationsNeeded(for: values, in: region) { [map] in map[$0] != nil }
    for id in old[region].operations where needed.contains(id.index) { copy(id, &map) }
  }

  /// Copies an operation whose operands have copies.
  func copy(_ id: OperationID, _ map: inout [ValueID: ValueID]) {
    let operation = old[id]
    let operands = operation.operands.map { map[$0]! }
    let results: [ValueID]
    if let scan = ScanView(id, in: old) {
      let (first, second) = (scan.invariants.count, scan.invariants.count + scan.initials.count)
      results = builder.at(operation.places) {
        self.scan(
          scan, scan.attributes.stepping, invariants: Array(operands[..<first]),
          carries: Array(operands[first..<second]), sequences: Array(operands[second...]),
          keepingCarries: Array(scan.nexts.indices), outputs: Array(scan.outputs.indices))
      }
    } else {
      results = builder.copy(operation, of: old, on: operands)
    }
    for (old, new) in zip(operation.results, results) { map[old] = new }
  }

  /// Copies a scan with some of its carries and outputs, and gives the new one's results.
  ///
  /// - Parameters:
  ///   - stepping: how the copy goes through its sequences.
  ///   - carries: the initial values of the carries that are kept.
  func scan(
    _ scan: ScanView, _ stepping: Stepping, invariants: [ValueID], carries: [ValueID], sequences: [ValueID],
    keepingCarries kept: [Int], outputs: [Int]
  ) -> [ValueID] {
    let results = builder.scan(
      stepping, invariants: invariants, carries: carries, sequences: sequences
    ) { invariants, carries, elements in
      var inner: [ValueID: ValueID] = [:]
      for (old, new) in zip(scan.invariantArguments, invariants) { inner[old] = new }
      for (carry, new) in zip(kept, carries) { inner[scan.carryArguments[carry]] = new }
      for (old, new) in zip(scan.elements, elements) { inner[old] = new }
      let nexts = kept.map { scan.nexts[$0] }
      let values = outputs.map { scan.outputs[$0] }
      copy(nexts + values, in: scan.body, &inner)
      return (nexts.map { inner[$0]! }, values.map { inner[$0]! })
    }
    return results.carries + results.outputs
  }
}

extension Graph {
  /// The carries of a loop on which some of its outputs depend.
  func carriesNeeded(for outputs: [ValueID], of scan: ScanView) -> [Int] {
    let carries = Dictionary(uniqueKeysWithValues: scan.carryArguments.enumerated().map { ($1, $0) })
    var kept: Set<Int> = []
    var seen: Set<ValueID> = []
    var work = outputs
    while let value = work.popLast() {
      if !seen.insert(value).inserted { continue }
      if let id = definingOperation(value) {
        work += self[id].operands
      } else if let carry = carries[value] {
        kept.insert(carry)
        work.append(scan.nexts[carry])
      }
    }
    return kept.sorted()
  }
}
