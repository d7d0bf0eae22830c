import RNNGraph

// one-hot: a product with a one-hot picks rows of the other factor, or adds rows up.
//
//   %2 = one_hot %ids                       %2 = transpose %W
//   %3 = dot %2, %W  along the classes      %3 = gather %2, %ids
//
//   %4 = dot %g, %2  along the ids          %4 = scatter_add %ids, %g, transposed

extension Pass {
  static let oneHot = Pass(
    name: "one-hot", summary: "turn products with a one-hot into gathers and scatter-adds"
  ) { graph in
    graph.rebuild { rebuilder, id in
      guard case .dot(let axes) = rebuilder.old[id].kind, axes.lhsBatch.isEmpty,
        rebuilder.old[id].start == nil
      else { return false }
      let rewriter = OneHotProduct(builder: rebuilder.builder)
      let operands = rebuilder.operands(id)
      guard let value = rewriter.rewrite(operands[0], operands[1], axes) else { return false }
      rebuilder.bind(rebuilder.old[id].result, to: value)
      return true
    }
  }
}

private struct OneHotProduct {
  let builder: GraphBuilder

  func rewrite(_ a: ValueID, _ b: ValueID, _ axes: DotAxes) -> ValueID? {
    if let (ids, extent) = oneHot(a) {
      return product(ids, extent, b, own: axes.lhsContracting, other: axes.rhsContracting, axes.order)
    }
    if let (ids, extent) = oneHot(b),
      let product = product(ids, extent, a, own: axes.rhsContracting, other: axes.lhsContracting, axes.order)
    {
      // The one-hot's axes came first, but belong behind.
      let own = builder.type(b).rank - axes.rhsContracting.count
      return builder.transpose(product, Array(own..<builder.type(product).rank) + Array(0..<own))
    }
    return nil
  }

  private func oneHot(_ value: ValueID) -> (ids: ValueID, extent: Int)? {
    guard let id = builder.graph.definingOperation(value),
      case .oneHot(let extent, _) = builder.graph[id].kind
    else { return nil }
    return (builder.graph[id].operands[0], extent)
  }

  /// The product of a one-hot with `x`; the one-hot's axes come first.
  private func product(
    _ ids: ValueID, _ extent: Int, _ x: ValueID, own: [Int], other: [Int], _ sumOrder: SumOrder
  ) -> ValueID? {
    let classes = builder.type(ids).rank
    let rest = (0..<builder.type(x).rank).filter { !other.contains($0) }
    if own == [classes] {
      return builder.gather(builder.transpose(x, other + rest), ids)
    }
    if own.sorted() == Array(0..<classes), sumOrder == .any || own == own.sorted() {
      let order = own.indices.sorted { own[$0] < own[$1] }.map { other[$0] }
      return builder.scatterAdd(
        ids, builder.transpose(x, order + rest), extent: extent, order: sumOrder)
    }
    return nil
  }
}
