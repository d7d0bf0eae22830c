import RNNGraph

extension Planner {
  /// Gives memory to the values of a region that are read by another kernel than the one that computes them.
  func placeValues(_ region: RegionID, _ clustering: inout Clustering) {
    for id in graph[region].operations {
      let operation = graph[id]
      let reader: Int? = isElementwise(operation.kind) ? clustering.home[operation.result] : nil
      if isPlainView(operation) { continue }
      for operand in operation.operands {
        let view = resolve(operand)
        for base in bases(operand) {
          guard let home = clustering.home[base] else {
            if clustering.completion[base] != nil { place(base, clustering) }
            continue
          }
          if base == view.base, reader == home,
            isLocal(view, operand, home, clustering.clusters[home].domain, clustering)
          {
            continue
          }
          place(base, clustering)
        }
      }
    }
    for (number, cluster) in clustering.clusters.enumerated() {
      for (value, destination) in cluster.copies {
        if case .part(let whole, _, _) = destination { place(whole, clustering) }
        let view = resolve(value)
        for base in bases(value) {
          guard let home = clustering.home[base] else {
            if clustering.completion[base] != nil { place(base, clustering) }
            continue
          }
          if base == view.base, home == number, isLocal(view, value, home, cluster.domain, clustering) {
            continue
          }
          place(base, clustering)
        }
      }
      for value in cluster.values {
        if neededInMemory.contains(value) || clustering.destinations[value] != nil {
          place(value, clustering)
        }
        if case .pointwise = cluster.kind { continue }
        if case .scan = cluster.kind { continue }
        place(value, clustering)
      }
    }
  }

  /// Whether an operation is looked through by all that read it, so that it reads nothing itself.
  private func isPlainView(_ operation: Operation) -> Bool {
    guard operation.results.count == 1 else { return false }
    if isLeaf(operation.result) { return !neededInMemory.contains(operation.result) }
    return resolve(operation.result).base != operation.result
  }

  /// Gives a value memory: the first place where it is wanted, or memory of its own.
  func place(_ value: ValueID, _ clustering: Clustering) {
    if storage[value] != nil { return }
    for destination in clustering.destinations[value] ?? [] {
      if let place = resolvedPlace(destination, of: value, clustering) {
        storage[value] = place
        return
      }
    }
    if case .scan = clustering.home[value].map({ clustering.clusters[$0].kind }) { return }
    // The elements of a reshaped tensor are stored in order.
    let isReshaped = if case .reshape = graph.definingKind(value) { true } else { false }
    let type = graph.type(value)
    storage[value] = allocate("\(value)", type.element, shape(type), isDense: isReshaped)
  }

  /// The memory that a destination means for a value; nil for a replacement that would come too early.
  func resolvedPlace(_ destination: Destination, of value: ValueID, _ clustering: Clustering) -> Storage? {
    switch destination {
    case .memory(let storage):
      return storage
    case .part(let whole, let axis, let start):
      place(whole, clustering)
      let place = storage[whole]!
      switch axis {
      case -1:
        return Storage(
          buffer: place.buffer, offset: place.offset, strides: Storage.denseStrides(shape(graph.type(value))))
      case -2: return place
      default: return place.part(axis: axis, start: start)
      }
    case .replacement(let input):
      return isLastReader(clustering.home[value], of: input, clustering) ? storage[input] : nil
    }
  }

  /// Whether nothing reads an input after a cluster, and that cluster only element by element.
  func isLastReader(_ cluster: Int?, of input: ValueID, _ clustering: Clustering) -> Bool {
    guard let cluster, case .pointwise = clustering.clusters[cluster].kind else { return false }
    for id in graph[RegionID.entry].operations {
      let operation = graph[id]
      if isPlainView(operation) { continue }
      let reader = operation.results.compactMap { clustering.home[$0] ?? clustering.completion[$0] }.max()
      for operand in operation.operands where bases(operand).contains(input) {
        if let reader, reader < cluster { continue }
        let view = resolve(operand)
        guard reader == cluster, view.base == input, view.isIdentity, isElementwise(operation.kind),
          graph.type(input).shape == clustering.clusters[cluster].domain
        else { return false }
      }
    }
    for (number, other) in clustering.clusters.enumerated() where number >= cluster {
      for (value, _) in other.copies where bases(value).contains(input) { return false }
    }
    return true
  }
}
