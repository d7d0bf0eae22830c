import RNNGraph

// cse: an operation that computes what another of its region has computed is dropped.
//
//   %2 = add %0, %1                 %2 = add %0, %1
//   %3 = add %1, %0                 %4 = multiply %2, %2
//   %4 = multiply %2, %3

extension Pass {
  static let commonSubexpressions = Pass(
    name: "cse", summary: "compute equal operations of a region once"
  ) { graph in
    var known: [Expression: ValueID] = [:]
    return graph.rebuild { rebuilder, id in
      let operation = rebuilder.old[id]
      if case .scan = operation.kind { return false }
      let operands = rebuilder.operands(id)
      let key = Expression(
        kind: operation.kind,
        operands: operation.kind.traits.contains(.commutative) ? operands.sorted() : operands,
        region: rebuilder.builder.region)
      let earlier = known[key]
      let value = earlier ?? rebuilder.builder.copy(operation, of: rebuilder.old, on: operands)[0]
      known[key] = value
      rebuilder.bind(operation.result, to: value)
      return earlier != nil
    }
  }
}

private struct Expression: Hashable {
  let kind: OperationKind
  let operands: [ValueID]
  let region: RegionID
}
