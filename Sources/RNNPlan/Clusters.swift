import RNNGraph

extension Planner {
  /// Groups the operations of a region.
  ///
  /// Each operation joins the first group that runs over the same domain and does not come before a group that it
  /// depends on; where there is none, it starts one at the end. What depends on no group joins its first reader's: it
  /// would be stored for it anywhere else. See note [Bounded kernels].
  func cluster(_ region: RegionID, results: [Destination?]) -> Clustering {
    var clustering = Clustering()
    let operations = graph[region].operations
    clustering.results = Set(graph[region].results)
    findAbsorbed(operations, &clustering)
    findPostponed(operations, in: region, &clustering)
    for id in operations where !graph[id].results.contains(where: clustering.postponed.contains) {
      assignOperands(of: id, &clustering)
      assign(id, &clustering)
    }
    for (value, destination) in zip(graph[region].results, results) {
      assignPostponed(value, &clustering)
      if let destination { store(value, to: destination, &clustering) }
    }
    findOutputPlaces(&clustering)
    return clustering
  }

  private func findAbsorbed(_ operations: [OperationID], _ clustering: inout Clustering) {
    var absorber: [ValueID: OperationID] = [:]
    // How often a reduction reads a value, at most, and about how much code all that it absorbs is.
    var readings: [ValueID: Int] = [:]
    var weights: [OperationID: Int] = [:]
    for id in operations.reversed() {
      let operation = graph[id]
      if case .reduce = operation.kind { continue }
      guard !operation.kind.traits.isDisjoint(with: [.elementwise, .view]),
        !clustering.results.contains(operation.result),
        !neededInMemory.contains(operation.result)
      else { continue }
      let readers = Set(
        users[operation.result.index].map { user -> OperationID? in
          if case .reduce = graph[user].kind { return user }
          return graph[user].results.first.flatMap { absorber[$0] }
        })
      if readers.count == 1, let only = readers.first, let reduction = only,
        graph[reduction].region == operation.region
      {
        let count = users[operation.result.index].reduce(0) { count, user in
          count + (user == reduction ? 1 : readings[graph[user].result, default: 0])
        }
        if isElementwise(operation.kind) {
          let weight = weights[reduction, default: 0] + count * weight(of: operation)
          if weight > Clustering.limit { continue }
          weights[reduction] = weight
          clustering.absorbed.insert(operation.result)
        }
        readings[operation.result] = count
        absorber[operation.result] = reduction
      }
    }
  }

  /// About how much code an elementwise operation is, with what it may have to load.
  private func weight(of operation: Operation) -> Int {
    if case .unary(let function) = operation.kind, function.traits.contains(.long) { return 20 }
    if case .binary(let function) = operation.kind, function.traits.contains(.long) { return 20 }
    return 4
  }

  /// Finds the elementwise work on what is there when the region begins, or is computed from that wherever it is read.
  private func findPostponed(
    _ operations: [OperationID], in region: RegionID, _ clustering: inout Clustering
  ) {
    // The leaves that are given so.
    var leaves: Set<ValueID> = []
    // About how much code a postponed value is, with all that is computed together with it.
    var weights: [ValueID: Int] = [:]
    for id in operations where graph[id].results.count == 1 {
      let operation = graph[id]
      let result = operation.result
      let isGiven = operation.operands.allSatisfy { operand in
        let base = resolve(operand).base
        guard let source = graph.definingOperation(base), graph[source].region == region else { return true }
        return clustering.postponed.contains(base) || leaves.contains(base)
      }
      if !isGiven { continue }
      if isLeaf(result) { leaves.insert(result) }
      guard isElementwise(operation.kind), !clustering.absorbed.contains(result),
        !neededInMemory.contains(result)
      else { continue }
      let weight = operation.operands.reduce(weight(of: operation)) { $0 + weights[$1, default: 0] }
      if weight > Clustering.limit / 2 { continue }
      weights[result] = weight
      clustering.postponed.insert(result)
    }
  }

  /// Computes what was postponed and is read by an operation, but cannot join it: only elementwise work is computed
  /// together with its operands.
  private func assignOperands(of reader: OperationID, _ clustering: inout Clustering) {
    if isElementwise(graph[reader].kind), !clustering.absorbed.contains(graph[reader].result) { return }
    for operand in graph[reader].operands { assignPostponed(operand, &clustering) }
  }

  /// Computes a value in the first cluster that can, if it was postponed.
  private func assignPostponed(_ value: ValueID, _ clustering: inout Clustering) {
    guard clustering.postponed.remove(value) != nil, let id = graph.definingOperation(value) else { return }
    assign(id, &clustering)
  }

  /// Computes the operands of an operation that were postponed in its cluster, and theirs.
  private func join(_ cluster: Int, _ operands: [ValueID], _ clustering: inout Clustering) {
    for operand in operands {
      guard clustering.postponed.remove(operand) != nil, let id = graph.definingOperation(operand) else {
        continue
      }
      join(cluster, graph[id].operands, &clustering)
      clustering.compute(operand, weight: weight(of: graph[id]), in: cluster)
    }
  }

  func isElementwise(_ kind: OperationKind) -> Bool { kind.traits.contains(.elementwise) }

  private func assign(_ id: OperationID, _ clustering: inout Clustering) {
    let operation = graph[id]
    switch operation.kind {
    case .unary, .binary, .compare, .select, .convert:
      if clustering.absorbed.contains(operation.result) {
        clustering.readiness[operation.result] =
          operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
        return
      }
      let domain = graph.type(operation.result).shape
      let first = operation.operands.map { ready($0, domain: domain, clustering) }.max() ?? 0
      let place = clustering.pointwise(domain, from: first)
      join(place, operation.operands, &clustering)
      clustering.compute(operation.result, weight: weight(of: operation), in: place)
    case .constant, .size, .iota, .random, .reversePrefix, .oneHot, .gather:
      guard neededInMemory.contains(operation.result) else { return }
      let domain = graph.type(operation.result).shape
      let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
      clustering.compute(
        operation.result, weight: 16, in: clustering.pointwise(domain, from: first))
    case .dot(let axes):
      assignDot(id, axes, &clustering)
    case .reduce:
      let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
      clustering.append(
        Cluster(kind: .reduce(id), domain: graph.type(operation.operands[0]).shape), after: first,
        computing: operation.results)
    case .scatterAdd:
      let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
      clustering.append(
        Cluster(kind: .scatter(id), domain: graph.type(operation.operands[1]).shape), after: first,
        computing: operation.results)
    case .scan:
      clustering.append(Cluster(kind: .scan(id), domain: []), after: 0, computing: operation.results)
    case .concat(let axis):
      var start: Size = 0
      var last = 0
      for operand in operation.operands {
        last = max(
          last, store(operand, to: .part(of: operation.result, axis: axis, start: start), &clustering))
        start = start + extent(graph.type(operand).shape[axis])
      }
      clustering.completion[operation.result] = last
    case .pad(let axis, let start, let to, let anchor):
      assignPad(operation, axis, start, to, anchor, &clustering)
    case .reshape:
      // One that is not a view: the elements are copied in order.
      if resolve(operation.result).base == operation.result {
        clustering.completion[operation.result] = store(
          operation.operands[0], to: .flat(of: operation.result), &clustering)
      }
    case .detach, .broadcast, .transpose, .slice, .reverse:
      break
    }
  }

  /// Zeros first; then the operand over them.
  private func assignPad(
    _ operation: Operation, _ axis: Int, _ start: Int, _ to: Dimension, _ anchor: Anchor,
    _ clustering: inout Clustering
  ) {
    let result = operation.result
    let count = graph.type(operation.operands[0]).shape[axis]
    let offset = anchor == .front ? Size(start) : extent(to) - extent(count) - Size(start)
    let zeros = clustering.pointwise(graph.type(result).shape, from: 0)
    clustering.copy(result, to: .zeros(of: result), in: zeros)
    let place = max(zeros + 1, ready(operation.operands[0], domain: nil, clustering))
    let copy = clustering.pointwise(graph.type(operation.operands[0]).shape, from: place)
    clustering.copy(operation.operands[0], to: .part(of: result, axis: axis, start: offset), in: copy)
    clustering.completion[result] = copy
  }

  private func assignDot(_ id: OperationID, _ axes: DotAxes, _ clustering: inout Clustering) {
    let operation = graph[id]
    let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
    var domain = graph.type(operation.result).shape
    guard productForm(axes, operation) != nil else {
      clustering.append(
        Cluster(kind: .reduce(id), domain: domain), after: first, computing: operation.results)
      return
    }
    let groups = columnGroups(operation, clustering)
    clustering.groups[operation.result] = groups
    domain[domain.count - 1] = .fixed(
      domain[domain.count - 1].fixed.map { $0 / groups } ?? 0, or: domain.last!)
    _ = clustering.pointwise(domain, from: first, joining: id, of: operation.result)
  }

  /// In how many groups of adjacent columns a product is read, if all that reads it slices it so; otherwise 1.
  private func columnGroups(_ operation: Operation, _ clustering: Clustering) -> Int {
    let type = graph.type(operation.result)
    guard let columns = type.shape.last?.fixed, !users[operation.result.index].isEmpty else { return 1 }
    var width: Int?
    for user in users[operation.result.index] {
      guard case .slice(type.rank - 1, let start, let count, _) = graph[user].kind, start % count == 0,
        width == nil || width == count
      else { return 1 }
      width = count
    }
    guard let width, columns % width == 0 else { return 1 }
    let groups = columns / width
    return groups <= Self.mostGroups && !clustering.results.contains(operation.result) ? groups : 1
  }

  private func isPointwise(_ cluster: Cluster, _ domain: [Dimension]) -> Bool {
    if case .pointwise = cluster.kind { cluster.domain == domain } else { false }
  }

  /// The first cluster in which a value can be read by work over `domain`, element by element; by work of another kind
  /// if that is nil.
  private func ready(_ value: ValueID, domain: [Dimension]?, _ clustering: Clustering) -> Int {
    let view = resolve(value)
    if let home = clustering.home[view.base] {
      return isLocal(view, value, home, domain, clustering) ? home : home + 1
    }
    if let completion = clustering.completion[view.base] { return completion + 1 }
    if let readiness = clustering.readiness[view.base] { return readiness }
    guard let id = graph.definingOperation(view.base) else { return 0 }
    if clustering.postponed.contains(view.base) { return readyPostponed(view.base, domain, clustering) }
    return isLeaf(view.base) ? graph[id].operands.map { ready($0, domain: nil, clustering) }.max() ?? 0 : 0
  }

  /// The first cluster in which a value that was postponed can be computed, with all that was postponed with it.
  private func readyPostponed(_ value: ValueID, _ domain: [Dimension]?, _ clustering: Clustering) -> Int {
    var first = 0
    var seen: Set<ValueID> = [value]
    var work = [value]
    while let value = work.popLast() {
      for operand in graph.definingOperation(value).map({ graph[$0].operands }) ?? [] {
        let base = resolve(operand).base
        if !clustering.postponed.contains(base) {
          first = max(first, ready(operand, domain: domain, clustering))
        } else if seen.insert(base).inserted {
          work.append(base)
        }
      }
    }
    return first
  }

  /// Whether a view of a value computed in a cluster can be read there from a register.
  func isLocal(_ view: View, _ value: ValueID, _ home: Int, _ domain: [Dimension]?, _ clustering: Clustering)
    -> Bool
  {
    guard let domain, isPointwise(clustering.clusters[home], domain) else { return false }
    if let groups = clustering.groups[view.base] {
      return columnGroup(view.map, of: view.base, groups: groups) != nil
    }
    return view.isIdentity && graph.type(view.base).shape == domain
  }

  /// Which group of columns of a product a form reads at the same place of the domain, or nil.
  func columnGroup(_ map: [Affine], of value: ValueID, groups: Int) -> Int? {
    let shape = graph.type(value).shape
    for (axis, form) in map.dropLast().enumerated() where form != Affine(.axis(axis)) { return nil }
    guard let last = map.last, last.factors == [.axis(map.count - 1): 1] else { return nil }
    if groups == 1 { return last.constant == 0 ? 0 : nil }
    guard let columns = shape.last?.fixed, let start = last.constant.constant, start % (columns / groups) == 0
    else { return nil }
    return start / (columns / groups)
  }

  /// Has a value stored somewhere and gives the cluster that does it.
  @discardableResult
  private func store(_ value: ValueID, to destination: Destination, _ clustering: inout Clustering) -> Int {
    let view = resolve(value)
    let isWhole = view.isIdentity && graph.type(view.base) == graph.type(value)
    if let home = clustering.home[view.base], isWhole, !isScan(clustering.clusters[home]),
      clustering.groups[view.base] ?? 1 == 1, clustering.destinations[view.base, default: []].count < 16
    {
      if case .flat = destination {
      } else {
        clustering.destinations[view.base, default: []].append(destination)
        return home
      }
    }
    if let completion = clustering.completion[view.base], isWhole,
      canLieAnywhere(view.base, destination),
      clustering.destinations[view.base] == nil
    {
      clustering.destinations[view.base] = [destination]
      return completion
    }
    let domain = graph.type(value).shape
    let place = clustering.pointwise(domain, from: ready(value, domain: domain, clustering))
    clustering.copy(value, to: destination, in: place)
    return place
  }

  /// Finds which values are stored as they are in outputs of the program.
  private func findOutputPlaces(_ clustering: inout Clustering) {
    for (value, destination) in clustering.clusters.lazy.flatMap(\.copies) {
      guard case .memory(let place) = destination, case .output = buffers[place.buffer.index].place else {
        continue
      }
      let view = resolve(value)
      if view.isIdentity, graph.type(value) == graph.type(view.base),
        clustering.outputPlaces[view.base] == nil
      {
        clustering.outputPlaces[view.base] = place
      }
    }
  }

  /// Whether the parts of a concatenation or padding may be stored right where the whole is wanted.
  private func canLieAnywhere(_ value: ValueID, _ destination: Destination) -> Bool {
    if case .reshape = graph.definingKind(value) { return false }
    return switch destination {
    case .memory, .part: true
    case .flat, .zeros, .replacement: false
    }
  }

  private func isScan(_ cluster: Cluster) -> Bool {
    if case .scan = cluster.kind { true } else { false }
  }
}

extension Dimension {
  /// A fixed extent unless it is 0, otherwise another dimension.
  static func fixed(_ extent: Int, or other: Dimension) -> Dimension { extent == 0 ? other : .fixed(extent) }
}
