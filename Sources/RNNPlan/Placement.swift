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
        if let whole = destination.whole { place(whole, clustering) }
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
  fileprivate func isPlainView(_ operation: Operation) -> Bool {
    guard operation.results.count == 1 else { return false }
    if isLeaf(operation.result) { return !neededInMemory.contains(operation.result) }
    return resolve(operation.result).base != operation.result
  }

  /// Gives a value memory: the first place where it is wanted, or memory of its own.
  func place(_ value: ValueID, _ clustering: Clustering) {
    // A part lies where the whole does, which may be a part itself.
    Graph.visit(
      value, isDone: { storage[$0] != nil || isLaidOutByLoop($0, clustering) },
      needs: { firstWhole(of: $0, clustering).map { [$0] } ?? [] },
      finish: { allocate($0, clustering) })
  }

  /// The concatenation or padding of which a value is to be a part, if no other place comes first.
  private func firstWhole(of value: ValueID, _ clustering: Clustering) -> ValueID? {
    for destination in clustering.destinations[value] ?? [] {
      switch destination {
      case .memory: return nil
      case .part(let whole, _, _), .flat(let whole), .zeros(let whole): return whole
      case .replacement(let input):
        if isLastReader(clustering.home[value], of: input, clustering) { return nil }
      }
    }
    return nil
  }

  private func isLaidOutByLoop(_ value: ValueID, _ clustering: Clustering) -> Bool {
    guard clustering.destinations[value] == nil, let home = clustering.home[value],
      case .scan = clustering.clusters[home].kind
    else { return false }
    return true
  }

  private func allocate(_ value: ValueID, _ clustering: Clustering) {
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
    storage[value] = allocate(
      "\(value)", type.element, shape(type), isDense: isReshaped, graph.places(of: value))
  }

  /// The memory that a destination means for a value; nil for a replacement that would come too early.
  func resolvedPlace(_ destination: Destination, of value: ValueID, _ clustering: Clustering) -> Storage? {
    switch destination {
    case .memory(let storage):
      return storage
    case .part(let whole, let axis, let start):
      place(whole, clustering)
      return storage[whole]!.part(axis: axis, start: start)
    case .flat(let whole):
      place(whole, clustering)
      let place = storage[whole]!
      return Storage(
        buffer: place.buffer, offset: place.offset, strides: Storage.denseStrides(shape(graph.type(value))))
    case .zeros(let whole):
      place(whole, clustering)
      return storage[whole]
    case .replacement(let input):
      return isLastReader(clustering.home[value], of: input, clustering) ? storage[input] : nil
    }
  }

  /// Whether nothing reads an input after a cluster, and that cluster only element by element.
  func isLastReader(_ cluster: Int?, of input: ValueID, _ clustering: Clustering) -> Bool {
    guard let cluster, case .pointwise = clustering.clusters[cluster].kind else { return false }
    let readers = inputReaders ?? InputReaders(self, clustering)
    inputReaders = readers
    for (id, operand, reader) in readers.operations[input, default: []] {
      if let reader, reader < cluster { continue }
      let view = resolve(operand)
      guard reader == cluster, view.base == input, view.isIdentity, isElementwise(graph[id].kind),
        graph.type(input).shape == clustering.clusters[cluster].domain
      else { return false }
    }
    return readers.lastCopies[input].map { $0 < cluster } ?? true
  }
}

/// What reads the inputs of a program that it replaces.
struct InputReaders {
  /// The operations of the entry that read an input, as which operand, and the last cluster that computes a result.
  fileprivate var operations: [ValueID: [(OperationID, ValueID, Int?)]] = [:]
  /// The last cluster that stores something of an input somewhere.
  fileprivate var lastCopies: [ValueID: Int] = [:]

  fileprivate init(_ planner: Planner, _ clustering: Clustering) {
    let graph = planner.graph
    let inputs = Set(
      graph.outputs.compactMap { output in
        if case .update(let name) = output.role { graph.input(named: name)?.value } else { nil }
      })
    for id in graph[RegionID.entry].operations where !planner.isPlainView(graph[id]) {
      let operation = graph[id]
      let reader = operation.results.compactMap { clustering.home[$0] ?? clustering.completion[$0] }.max()
      for operand in operation.operands {
        for base in Set(planner.bases(operand)) where inputs.contains(base) {
          operations[base, default: []].append((id, operand, reader))
        }
      }
    }
    for (number, cluster) in clustering.clusters.enumerated() {
      for (value, _) in cluster.copies {
        for base in planner.bases(value) where inputs.contains(base) { lastCopies[base] = number }
      }
    }
  }
}
