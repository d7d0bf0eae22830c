import RNNGraph

/// The fifth stage, for one region: which of its values lie in memory because another kernel reads them than the one that
/// computes them, or because they are wanted there. Others are computed where they are used. Loops lay out what they make.
struct Placement: Sendable {
  private let clustering: Clustering
  private let facts: ValueFacts
  /// The values in the order in which they get memory: that of a destination, or of their own if there is none.
  private(set) var values: [(value: ValueID, destination: Destination?)] = []
  /// The operation for which each of them got it; nil if it is not for an operation of the region.
  private(set) var reasons: [ValueID: OperationID?] = [:]

  init(_ region: RegionID, _ clustering: Clustering, _ facts: ValueFacts) {
    self.clustering = clustering
    self.facts = facts
    let graph = facts.graph
    for id in graph[region].operations where !facts.isPlainView(graph[id]) {
      let operation = graph[id]
      let isInside = operation.kind.isElementwise || facts.sweeps.contains(operation)
      let reader = isInside ? clustering.home[operation.result] : nil
      for operand in operation.operands { placeWhatIsRead(operand, in: reader, by: id) }
    }
    for (number, cluster) in clustering.clusters.enumerated() {
      for (value, destination) in cluster.copies {
        if let whole = destination.whole { place(whole) }
        placeWhatIsRead(value, in: number)
      }
      for value in cluster.values {
        let isComputedApart = !cluster.isPointwise && !cluster.isScan && !cluster.isSweep
        if isComputedApart || facts.needed[value] != nil || clustering.destinations[value] != nil {
          place(value)
        }
      }
    }
    // What lies somewhere else, too, is a part as well.
    for value in clustering.clusters.flatMap(\.values) {
      for case let whole? in clustering.destinations[value, default: []].map(\.whole) { place(whole) }
    }
  }

  /// Places the values that are read in the place of a value, unless they are in registers of the cluster that reads it.
  private mutating func placeWhatIsRead(_ value: ValueID, in reader: Int?, by operation: OperationID? = nil) {
    let view = facts.views(value)
    for base in facts.views.bases(value) {
      if let home = clustering.home[base] {
        let isRead =
          base != view.base || reader != home
          || !clustering.isLocal(view, in: home, facts.graph)
        if isRead { place(base, for: operation) }
      } else if clustering.completion[base] != nil {
        place(base, for: operation)
      }
    }
  }

  /// Gives a value the first place where it is wanted, or memory of its own.
  private mutating func place(_ value: ValueID, for operation: OperationID? = nil) {
    // A part lies where the whole does, which may be a part itself.
    var wanted: [(value: ValueID, destination: Destination?)] = []
    var next: ValueID? = value
    while let value = next, reasons[value] == nil,
      clustering.home[value].map({ clustering.clusters[$0].isScan }) != true
    {
      let destination = firstDestination(of: value)
      reasons[value] = .some(wanted.isEmpty ? operation : nil)
      wanted.append((value, destination))
      next = destination?.whole
    }
    values += wanted.reversed()
  }

  private func firstDestination(of value: ValueID) -> Destination? {
    clustering.destinations[value]?.first { destination in
      guard case .replacement(let input) = destination else { return true }
      return clustering.isLastReader(clustering.home[value], of: input)
    }
  }
}
