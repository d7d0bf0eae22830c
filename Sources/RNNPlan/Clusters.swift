import RNNGraph

/// Where a value is to be stored.
enum Destination {
  /// At a place that is known.
  case memory(Storage)
  /// In a part of the value of a concatenation or padding, along an axis.
  case part(of: ValueID, axis: Int, start: Size)
  /// Over an input that it replaces, when nothing reads the input any more.
  case replacement(of: ValueID)
}

/// Operations that become one kernel, or one operation that becomes a step of its own.
struct Cluster {
  /// What the step is.
  enum Kind {
    /// Elementwise work over one domain, perhaps with a product in front.
    case pointwise
    /// One reduction, with the elementwise work that only it needs.
    case reduce(OperationID)
    /// One scatter-add.
    case scatter(OperationID)
    /// One loop.
    case scan(OperationID)
  }

  var kind: Kind
  /// The shape over which elementwise work runs.
  var domain: [Dimension]
  /// The product whose groups of columns the elementwise work reads.
  var dot: OperationID?
  /// Values computed here, in order.
  var values: [ValueID] = []
  /// Values computed elsewhere or anywhere that are stored here, and where to.
  var copies: [(value: ValueID, destination: Destination)] = []
}

/// The clusters of one region in their order, and what was found out on the way.
struct Clustering {
  var clusters: [Cluster] = []
  /// The cluster that computes a value.
  var home: [ValueID: Int] = [:]
  /// Concatenations and paddings: the last cluster that stores a part.
  var completion: [ValueID: Int] = [:]
  /// Elementwise values that only one reduction needs, which computes them itself.
  var absorbed: Set<ValueID> = []
  /// Elementwise values that nothing computed in the region enters: they are computed where they are first read.
  var postponed: Set<ValueID> = []
  /// The first cluster that can compute an absorbed value.
  var readiness: [ValueID: Int] = [:]
  /// Where values computed here go, besides memory of their own.
  var destinations: [ValueID: [Destination]] = [:]
  /// How many groups of columns a product is read in.
  var groups: [ValueID: Int] = [:]
}

extension Planner {
  /// Groups the operations of a region.
  ///
  /// Each operation joins the first group that runs over the same domain and does not come before a group that it
  /// depends on; where there is none, it starts one at the end. What depends on no group joins its first reader's: it
  /// would be stored for it anywhere else.
  func cluster(_ region: RegionID, results: [Destination?]) -> Clustering {
    var clustering = Clustering()
    let operations = graph[region].operations
    findAbsorbed(operations, graph[region].results, &clustering)
    findPostponed(operations, &clustering)
    for id in operations where !graph[id].results.contains(where: clustering.postponed.contains) {
      assignOperands(of: id, &clustering)
      assign(id, &clustering)
    }
    for (value, destination) in zip(graph[region].results, results) {
      assignPostponed(value, &clustering)
      if let destination { store(value, to: destination, &clustering) }
    }
    return clustering
  }

  private func findAbsorbed(_ operations: [OperationID], _ results: [ValueID], _ clustering: inout Clustering)
  {
    var absorber: [ValueID: OperationID] = [:]
    let results = Set(results)
    for id in operations.reversed() {
      let operation = graph[id]
      if case .reduce = operation.kind { continue }
      guard isElementwise(operation.kind) || isViewKind(operation.kind), !results.contains(operation.result),
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
        absorber[operation.result] = reduction
        if isElementwise(operation.kind) { clustering.absorbed.insert(operation.result) }
      }
    }
  }

  private func findPostponed(_ operations: [OperationID], _ clustering: inout Clustering) {
    for id in operations where isElementwise(graph[id].kind) {
      let result = graph[id].result
      guard !clustering.absorbed.contains(result), !neededInMemory.contains(result),
        graph[id].operands.allSatisfy({ isGiven($0, in: graph[id].region, clustering) })
      else { continue }
      clustering.postponed.insert(result)
    }
  }

  /// Whether a value is there when a region begins, or is computed from what is wherever it is read.
  private func isGiven(_ value: ValueID, in region: RegionID, _ clustering: Clustering) -> Bool {
    let base = resolve(value).base
    guard let id = graph.definingOperation(base), graph[id].region == region else { return true }
    if clustering.postponed.contains(base) { return true }
    return isLeaf(base) && graph[id].operands.allSatisfy { isGiven($0, in: region, clustering) }
  }

  /// Computes what was postponed and is read by an operation, but cannot join it: only elementwise work is computed
  /// together with its operands.
  private func assignOperands(of reader: OperationID, _ clustering: inout Clustering) {
    let isJoined =
      isElementwise(graph[reader].kind) && !clustering.absorbed.contains(graph[reader].result)
    for operand in graph[reader].operands where clustering.postponed.contains(operand) {
      if isJoined {
        assignOperands(of: graph.definingOperation(operand)!, &clustering)
      } else {
        assignPostponed(operand, &clustering)
      }
    }
  }

  /// Computes a value in the first cluster that can, if it was postponed.
  private func assignPostponed(_ value: ValueID, _ clustering: inout Clustering) {
    guard clustering.postponed.remove(value) != nil, let id = graph.definingOperation(value) else { return }
    assignOperands(of: id, &clustering)
    assign(id, &clustering)
  }

  /// Computes the operands of an operation that were postponed in its cluster, and theirs.
  private func join(_ cluster: Int, _ operands: [ValueID], _ clustering: inout Clustering) {
    for operand in operands {
      guard clustering.postponed.remove(operand) != nil, let id = graph.definingOperation(operand) else {
        continue
      }
      join(cluster, graph[id].operands, &clustering)
      compute(operand, in: cluster, &clustering)
    }
  }

  func isElementwise(_ kind: OperationKind) -> Bool {
    switch kind {
    case .unary, .binary, .compare, .select, .convert: true
    case .constant, .size, .iota, .random, .reversePrefix, .detach, .dot, .reduce, .broadcast, .reshape,
      .transpose, .slice, .pad, .concat,
      .reverse,
      .oneHot, .gather, .scatterAdd, .scan:
      false
    }
  }

  private func isViewKind(_ kind: OperationKind) -> Bool {
    switch kind {
    case .detach, .broadcast, .transpose, .slice, .reverse: true
    case .constant, .size, .iota, .random, .reversePrefix, .unary, .binary, .compare, .select, .convert, .dot,
      .reduce, .reshape, .pad,
      .concat,
      .oneHot, .gather, .scatterAdd, .scan:
      false
    }
  }

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
      let place = pointwise(domain, from: first, &clustering)
      join(place, operation.operands, &clustering)
      compute(operation.result, in: place, &clustering)
    case .constant, .size, .iota, .random, .reversePrefix, .oneHot, .gather:
      guard neededInMemory.contains(operation.result) else { return }
      let domain = graph.type(operation.result).shape
      let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
      compute(operation.result, in: pointwise(domain, from: first, &clustering), &clustering)
    case .dot(let axes):
      assignDot(id, axes, &clustering)
    case .reduce:
      let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
      append(
        Cluster(kind: .reduce(id), domain: graph.type(operation.operands[0]).shape), first, operation.results,
        &clustering)
    case .scatterAdd:
      let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
      append(
        Cluster(kind: .scatter(id), domain: graph.type(operation.operands[1]).shape), first,
        operation.results, &clustering)
    case .scan:
      append(Cluster(kind: .scan(id), domain: []), 0, operation.results, &clustering)
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
          operation.operands[0], to: .part(of: operation.result, axis: -1, start: 0), &clustering)
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
    let zeros = pointwise(graph.type(result).shape, from: 0, &clustering)
    clustering.clusters[zeros].copies.append((result, .part(of: result, axis: -2, start: 0)))
    let place = max(zeros + 1, ready(operation.operands[0], domain: nil, clustering))
    let copy = pointwise(graph.type(operation.operands[0]).shape, from: place, &clustering)
    clustering.clusters[copy].copies.append(
      (operation.operands[0], .part(of: result, axis: axis, start: offset)))
    clustering.completion[result] = copy
  }

  private func assignDot(_ id: OperationID, _ axes: DotAxes, _ clustering: inout Clustering) {
    let operation = graph[id]
    let first = operation.operands.map { ready($0, domain: nil, clustering) }.max() ?? 0
    var domain = graph.type(operation.result).shape
    guard productForm(axes, operation) != nil else {
      append(Cluster(kind: .reduce(id), domain: domain), first, operation.results, &clustering)
      return
    }
    let groups = columnGroups(operation)
    clustering.groups[operation.result] = groups
    domain[domain.count - 1] = .fixed(
      domain[domain.count - 1].fixed.map { $0 / groups } ?? 0, or: domain.last!)
    let free = clustering.clusters.indices.first {
      $0 >= first && isPointwise(clustering.clusters[$0], domain) && clustering.clusters[$0].dot == nil
    }
    let home = free ?? clustering.clusters.count
    if free == nil { clustering.clusters.append(Cluster(kind: .pointwise, domain: domain)) }
    clustering.clusters[home].dot = id
    clustering.home[operation.result] = home
    clustering.clusters[home].values.insert(operation.result, at: 0)
  }

  /// In how many groups of adjacent columns a product is read, if all that reads it slices it so; otherwise 1.
  private func columnGroups(_ operation: Operation) -> Int {
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
    return groups <= maximalGroups && !isResult(operation) ? groups : 1
  }

  private func isResult(_ operation: Operation) -> Bool {
    graph[operation.region].results.contains(operation.result)
  }

  private func isPointwise(_ cluster: Cluster, _ domain: [Dimension]) -> Bool {
    if case .pointwise = cluster.kind { cluster.domain == domain } else { false }
  }

  private func pointwise(_ domain: [Dimension], from first: Int, _ clustering: inout Clustering) -> Int {
    if let place = clustering.clusters.indices.first(where: {
      $0 >= first && isPointwise(clustering.clusters[$0], domain)
    }) {
      return place
    }
    clustering.clusters.append(Cluster(kind: .pointwise, domain: domain))
    return clustering.clusters.count - 1
  }

  private func compute(_ value: ValueID, in cluster: Int, _ clustering: inout Clustering) {
    clustering.clusters[cluster].values.append(value)
    clustering.home[value] = cluster
  }

  private func append(_ cluster: Cluster, _ first: Int, _ values: [ValueID], _ clustering: inout Clustering) {
    precondition(first <= clustering.clusters.count, "a cluster waits for one that does not exist")
    clustering.clusters.append(cluster)
    for value in values { clustering.home[value] = clustering.clusters.count - 1 }
    clustering.clusters[clustering.clusters.count - 1].values = values
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
    if clustering.postponed.contains(view.base) {
      return graph[id].operands.map { ready($0, domain: domain, clustering) }.max() ?? 0
    }
    return isLeaf(view.base) ? graph[id].operands.map { ready($0, domain: nil, clustering) }.max() ?? 0 : 0
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
      clustering.groups[view.base] ?? 1 == 1
    {
      if case .part(_, -1, _) = destination {
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
    let place = pointwise(domain, from: ready(value, domain: domain, clustering), &clustering)
    clustering.clusters[place].copies.append((value, destination))
    return place
  }

  /// Whether the parts of a concatenation or padding may be stored right where the whole is wanted.
  private func canLieAnywhere(_ value: ValueID, _ destination: Destination) -> Bool {
    if case .reshape = graph.definingKind(value) { return false }
    return switch destination {
    case .memory: true
    case .part(_, let axis, _): axis >= 0
    case .replacement: false
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
