import OrderedCollections
import RNNGraph

// merge-sums: a sum of products is one product of longer rows.
//
//   %2 = dot %a, %A                         %2 = concat %a, %b
//   %3 = dot %b, %B                         %3 = concat %A, %B
//   %4 = add %2, %3                         %4 = dot %2, %3
//
// In loops only, and where each product has a factor that depends on a carry and one that is a weight: the weights
// are put together once, in front of the loop, and the other factors are written side by side as they are computed.
// A product that does not depend on a carry is left to be done for all steps at once.

extension Pass {
  static let mergeSums = Pass(
    name: "merge-sums", summary: "make one product of a sum of products in a loop"
  ) { graph in
    let plan = SumPlan(graph)
    if plan.sums.isEmpty { return false }
    return graph.rebuild { rebuilder, id in
      if plan.absorbed.contains(id) { return true }
      guard let sum = plan.sums[id] else { return false }
      let (old, builder) = (rebuilder.old, rebuilder.builder)
      let terms =
        sum.groups.map { group in
          guard case .dot(let axes) = old[group[0]].kind else { preconditionFailure("not a product") }
          let factors = group.map { old[$0].operands }
          return builder.dot(
            builder.concat(factors.map { rebuilder[$0[0]] }, axis: axes.lhsContracting[0]),
            builder.concat(factors.map { rebuilder[$0[1]] }, axis: axes.rhsContracting[0]), axes)
        } + sum.rest.map { rebuilder[$0] }
      rebuilder.bind(old[id].result, to: terms.dropFirst().reduce(terms[0]) { builder.add($0, $1) })
      return true
    }
  }
}

private struct SumPlan {
  struct Sum {
    /// Products that become one, each.
    var groups: [[OperationID]]
    /// The other terms.
    var rest: [ValueID]
  }
  private struct Key: Hashable {
    var axes: DotAxes
    /// The types of both factors but for the contracted extent.
    var types: [TensorType]
    var isWeightLeft: Bool
  }

  /// Sums by the addition that completes them.
  var sums: [OperationID: Sum] = [:]
  /// Operations that vanish in a sum.
  var absorbed: Set<OperationID> = []

  init(_ graph: Graph) {
    let (counts, users) = (graph.useCounts(), graph.users())
    for region in graph.reachableRegions where graph[region].owner != nil {
      let products = ProductRegion(region, in: graph, counts)
      let order = MergingOrder(region, in: graph, users: users)
      for id in graph[region].operations where graph[id].kind == .binary(.add) {
        let readers = users[graph[id].result.index]
        if readers.count == 1, counts[graph[id].result.index] == 1,
          graph[readers[0]].kind == .binary(.add)
        {
          continue  // part of a longer sum
        }
        add(id, products, counts, order)
      }
    }
  }

  private mutating func add(
    _ root: OperationID, _ products: ProductRegion, _ counts: [Int], _ order: MergingOrder
  ) {
    let graph = products.graph
    var terms: [ValueID] = []
    var additions: [OperationID] = []
    var work = graph[root].operands
    while let value = work.popLast() {
      if counts[value.index] == 1, let id = graph.definingOperation(value), graph[id].kind == .binary(.add) {
        additions.append(id)
        work += graph[id].operands
      } else {
        terms.append(value)
      }
    }
    terms.sort()
    var candidates: OrderedDictionary<Key, [OperationID]> = [:]
    for term in terms where counts[term.index] == 1 {
      guard let id = graph.definingOperation(term), let key = key(id, products) else { continue }
      candidates[key, default: []].append(id)
    }
    var groups: [[OperationID]] = []
    for (key, candidate) in candidates where candidate.count > 1 {
      var group = order.independent(candidate)
      if group.count < 2 { continue }
      // In the order of the weights, which other loops may have put together as well.
      let weight = key.isWeightLeft ? 0 : 1
      group.sort {
        (products.order(graph[$0].operands[weight]), $0) < (products.order(graph[$1].operands[weight]), $1)
      }
      groups.append(group)
      order.merge(group)
    }
    if groups.isEmpty { return }
    let merged = Set(groups.joined())
    absorbed.formUnion(merged)
    absorbed.formUnion(additions)
    sums[root] = Sum(
      groups: groups,
      rest: terms.filter { term in graph.definingOperation(term).map { !merged.contains($0) } ?? true })
  }

  private func key(_ id: OperationID, _ products: ProductRegion) -> Key? {
    let graph = products.graph
    guard case .dot(let axes) = graph[id].kind, axes.lhsBatch.isEmpty, axes.lhsContracting.count == 1,
      graph[id].start == nil, axes.order == .any
    else { return nil }
    let factors = graph[id].operands
    let isWeightLeft = products.isWeight(factors[0])
    let varying = factors[isWeightLeft ? 1 : 0]
    guard products.isWeight(factors[isWeightLeft ? 0 : 1]), products.isCarried(varying) else { return nil }
    var types = factors.map { graph.type($0) }
    guard types[0].shape[axes.lhsContracting[0]].fixed != nil else { return nil }
    types[0].shape[axes.lhsContracting[0]] = 1
    types[1].shape[axes.rhsContracting[0]] = 1
    return Key(axes: axes, types: types, isWeightLeft: isWeightLeft)
  }
}
