import BitCollections
import RNNGraph

/// What has to be known of a region to put products together.
struct ProductRegion {
  let graph: Graph
  let region: RegionID
  /// Whether it is the body of a loop.
  let isLoop: Bool
  /// Values that depend on more than weights: on data in the entry, on carries or sequences in a loop.
  private let varying: BitSet
  /// Values that depend on a carry.
  private let carried: BitSet
  /// Operations that a carry needs, sums over the steps apart.
  private let needed: BitSet

  init(_ region: RegionID, in graph: Graph, _ counts: [Int]) {
    self.graph = graph
    self.region = region
    if let owner = graph[region].owner, let scan = ScanView(owner, in: graph) {
      isLoop = true
      varying = graph.valuesDepending(on: scan.carryArguments + scan.elements, in: region)
      carried = graph.valuesDepending(on: scan.carryArguments, in: region)
      let sums = Set(graph.accumulators(of: scan, counts).map(\.carry))
      needed = graph.operationsNeeded(
        for: scan.nexts.indices.filter { !sums.contains($0) }.map { scan.nexts[$0] }, in: region)
    } else {
      isLoop = false
      let data = graph.inputs.filter { !$0.role.isWeight }.map(\.value)
      varying = graph.valuesDepending(on: data, in: region)
      carried = BitSet()
      needed = BitSet()
    }
  }

  func isWeight(_ value: ValueID) -> Bool { !varying.contains(value.index) }
  func isCarried(_ value: ValueID) -> Bool { carried.contains(value.index) }
  func isNeeded(_ id: OperationID) -> Bool { needed.contains(id.index) }

  /// Where a value stands in an order that all loops share, so that weights are put together in one order.
  func order(_ value: ValueID) -> ValueID {
    guard case .argument(let region, let index) = graph[value].definition, let owner = graph[region].owner
    else { return value }
    return graph[owner].operands[index]
  }

  /// The places of values in the concatenations of the region.
  func placesInConcats() -> [ValueID: Int] {
    var places: [ValueID: Int] = [:]
    for id in graph[region].operations {
      guard case .concat = graph[id].kind else { continue }
      for (place, part) in graph[id].operands.enumerated() where places[part] == nil { places[part] = place }
    }
    return places
  }
}

extension InputRole {
  /// Whether it is the same for every example.
  fileprivate var isWeight: Bool {
    switch self {
    case .parameter, .hyperparameter, .optimizer, .seed: true
    case .data, .target, .state, .lengths: false
    }
  }
}
