/// Whether two graphs are the same but for the indices in their tables, and the places they come from.
///
/// - Requires: both are verified.
public func structurallyEqual(_ a: Graph, _ b: Graph) -> Bool {
  var comparison = StructuralComparison(a: a, b: b)
  return comparison.compareGraphs()
}

/// Walks two graphs side by side and pairs the values they define.
private struct StructuralComparison {
  let a: Graph
  let b: Graph
  private var counterpart: [ValueID: ValueID] = [:]

  init(a: Graph, b: Graph) {
    self.a = a
    self.b = b
  }

  mutating func compareGraphs() -> Bool {
    let inputsAgree = a.inputs.elementsEqual(b.inputs) {
      $0.name == $1.name && $0.role == $1.role && $0.idLimit == $1.idLimit
    }
    guard a.name == b.name, inputsAgree, compareRegions(.entry, .entry) else { return false }
    return a.outputs.elementsEqual(b.outputs) { [counterpart] in
      $0.name == $1.name && $0.role == $1.role && $0.over == $1.over && counterpart[$0.value] == $1.value
    }
  }

  private mutating func compareRegions(_ inA: RegionID, _ inB: RegionID) -> Bool {
    let regionA = a[inA]
    let regionB = b[inB]
    guard pair(regionA.arguments, regionB.arguments),
      regionA.operations.count == regionB.operations.count
    else { return false }
    for (operationA, operationB) in zip(regionA.operations, regionB.operations) {
      let x = a[operationA]
      let y = b[operationB]
      guard reads(x.operands, y.operands), compareKinds(x.kind, y.kind), pair(x.results, y.results) else {
        return false
      }
    }
    return reads(regionA.results, regionB.results)
  }

  private mutating func compareKinds(_ kindA: OperationKind, _ kindB: OperationKind) -> Bool {
    if case .scan(let x) = kindA, case .scan(var y) = kindB {
      let body = y.body
      y.body = x.body
      return x == y && compareRegions(x.body, body)
    }
    if case .constant(let x, let typeX) = kindA, case .constant(let y, let typeY) = kindB {
      // NaN is not equal to itself, and 0 is equal to -0; as constants it is the other way round.
      return typeX == typeY && (x.isNaN ? y.isNaN : x.bitPattern == y.bitPattern)
    }
    return kindA == kindB
  }

  /// Pairs values that both graphs define.
  private mutating func pair(_ valuesA: [ValueID], _ valuesB: [ValueID]) -> Bool {
    guard valuesA.map({ a.type($0) }) == valuesB.map({ b.type($0) }) else { return false }
    for (x, y) in zip(valuesA, valuesB) { counterpart[x] = y }
    return true
  }

  private func reads(_ valuesA: [ValueID], _ valuesB: [ValueID]) -> Bool {
    valuesA.elementsEqual(valuesB) { counterpart[$0] == $1 }
  }
}
