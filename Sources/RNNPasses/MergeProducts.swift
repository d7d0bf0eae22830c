import OrderedCollections
import RNNGraph

// merge-products: products with a factor in common are one wider product.
//
//   %2 = dot %x, %A                         %4 = concat %A, %B
//   %3 = dot %x, %B                         %5 = dot %x, %4
//                                           %2 = slice %5 …
//                                           %3 = slice %5 …
//
// The other factors are weights, or are computed in the body of a loop out of a carry: then they are written side by
// side as they are computed. Products of which one has to stay in a loop and another can leave it are kept apart.

extension Pass {
  static let mergeProducts = Pass(
    name: "merge-products", summary: "make one wide product of products that share a factor"
  ) { graph in
    let groups = graph.productsWithSharedFactor()
    if groups.isEmpty { return false }
    var group: [OperationID: Int] = [:]
    for (i, candidate) in groups.enumerated() {
      for member in candidate.members { group[member] = i }
    }
    return graph.rebuild { rebuilder, id in
      guard let i = group[id] else { return false }
      groups[i].emit(in: rebuilder)
      return true
    }
  }
}

private struct ProductGroup {
  var key: Key
  var members: [OperationID]

  struct Key: Hashable {
    /// The factor in common, and whether it stands left.
    var shared: ValueID
    var isSharedLeft: Bool
    var axes: DotAxes
    /// The other factor's type but for the extent of its free axis, and that axis.
    var type: TensorType
    var free: Int
    var isCarried: Bool
    var isNeeded: Bool
  }

  func emit(in rebuilder: Rebuilder) {
    let (old, builder) = (rebuilder.old, rebuilder.builder)
    let others = members.map { old[$0].operands[key.isSharedLeft ? 1 : 0] }
    let product = builder.at(old.places(of: members)) {
      let wide = builder.concat(others.map { rebuilder[$0] }, axis: key.free)
      let shared = rebuilder[key.shared]
      return key.isSharedLeft ? builder.dot(shared, wide, key.axes) : builder.dot(wide, shared, key.axes)
    }
    let axis = key.isSharedLeft ? builder.type(product).rank - 1 : 0
    var start = 0
    for (member, other) in zip(members, others) {
      let count = old.type(other).shape[key.free].fixed ?? 0
      let slice = builder.at(old[member].places) {
        builder.slice(product, axis: axis, start: start, count: count)
      }
      rebuilder.bind(old[member].result, to: slice)
      start += count
    }
  }
}

extension Graph {
  /// Groups of products that can become one each; no product is in two of them.
  fileprivate func productsWithSharedFactor() -> [ProductGroup] {
    let (counts, users) = (useCounts(), users())
    var groups: [ProductGroup] = []
    for region in reachableRegions {
      let products = ProductRegion(region, in: self, counts)
      var candidates: OrderedDictionary<ProductGroup.Key, [OperationID]> = [:]
      for id in self[region].operations {
        guard case .dot(let axes) = self[id].kind, axes.lhsBatch.isEmpty, self[id].start == nil else {
          continue
        }
        for isSharedLeft in [true, false] {
          if let key = key(id, axes, isSharedLeft, products) { candidates[key, default: []].append(id) }
        }
      }
      let places = products.placesInConcats()
      var taken: Set<OperationID> = []
      // The largest groups first: a product that could go to either goes where it saves more.
      let sorted = candidates.elements.filter { $0.value.count > 1 }.sorted {
        ($1.value.count, $0.value[0]) < ($0.value.count, $1.value[0])
      }
      let order = sorted.isEmpty ? nil : MergingOrder(region, in: self, users: users)
      for (key, candidate) in sorted {
        var members = order?.independent(candidate.filter { !taken.contains($0) }) ?? []
        if members.count < 2 { continue }
        let other = key.isSharedLeft ? 1 : 0
        // In the order of a concatenation that there is already, so that the two become one.
        func rank(_ id: OperationID) -> (Int, ValueID, OperationID) {
          let factor = self[id].operands[other]
          return (places[factor] ?? Int.max, products.order(factor), id)
        }
        members.sort { rank($0) < rank($1) }
        taken.formUnion(members)
        order?.merge(members)
        groups.append(ProductGroup(key: key, members: members))
      }
    }
    return groups
  }

  private func key(_ id: OperationID, _ axes: DotAxes, _ isSharedLeft: Bool, _ products: ProductRegion)
    -> ProductGroup.Key?
  {
    let shared = self[id].operands[isSharedLeft ? 0 : 1]
    let other = self[id].operands[isSharedLeft ? 1 : 0]
    var type = type(other)
    let free = isSharedLeft ? axes.rhsFree(rank: type.rank) : axes.lhsFree(rank: type.rank)
    guard free.count == 1, type.shape[free[0]].fixed != nil else { return nil }
    let isWritten = products.isCarried(other) && definingOperation(other) != nil
    guard products.isWeight(other) || isWritten else { return nil }
    type.shape[free[0]] = 1
    return ProductGroup.Key(
      shared: shared, isSharedLeft: isSharedLeft, axes: axes, type: type, free: free[0],
      isCarried: products.isCarried(self[id].result), isNeeded: products.isNeeded(id))
  }
}
