import RNNGraph

extension ClusterBuilder {
  /// Finds the elementwise work that only one reduction needs, which computes it itself.
  mutating func findAbsorbed(_ operations: [OperationID]) {
    var absorber: [ValueID: OperationID] = [:]
    // How often a reduction reads a value, at most, and about how much code all that it absorbs is.
    var readings: [ValueID: Int] = [:]
    var weights: [OperationID: Int] = [:]
    for id in operations.reversed() {
      let operation = graph[id]
      if case .reduce = operation.kind { continue }
      guard !operation.kind.traits.isDisjoint(with: [.elementwise, .view]),
        !results.contains(operation.result), !facts.sweeps.contains(operation),
        facts.needed[operation.result] == nil
      else { continue }
      let readers = Set(
        facts.users[operation.result.index].map { user -> OperationID? in
          if facts.sweeps.contains(graph[user]) { return nil }
          if case .reduce = graph[user].kind { return user }
          return graph[user].results.first.flatMap { absorber[$0] }
        })
      if readers.count == 1, let only = readers.first, let reduction = only,
        graph[reduction].region == operation.region
      {
        let count = facts.users[operation.result.index].reduce(0) { count, user in
          count + (user == reduction ? 1 : readings[graph[user].result, default: 0])
        }
        if operation.kind.isElementwise {
          let weight = weights[reduction, default: 0] + count * weight(of: operation)
          if weight > Self.limit { continue }
          weights[reduction] = weight
          absorbed[operation.result] = reduction
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
  mutating func findPostponed(_ operations: [OperationID]) {
    // The leaves that are given so.
    var leaves: Set<ValueID> = []
    // About how much code a postponed value is, with all that is computed together with it.
    var weights: [ValueID: Int] = [:]
    for id in operations where graph[id].results.count == 1 {
      let operation = graph[id]
      let result = operation.result
      let isGiven = operation.operands.allSatisfy { operand in
        let base = views(operand).base
        guard let source = graph.definingOperation(base), graph[source].region == region else { return true }
        return postponed.contains(base) || leaves.contains(base)
      }
      if !isGiven { continue }
      if views.isLeaf(result) { leaves.insert(result) }
      guard operation.kind.isElementwise, absorbed[result] == nil, facts.needed[result] == nil,
        !facts.sweeps.contains(operation)
      else {
        continue
      }
      let weight = operation.operands.reduce(weight(of: operation)) { $0 + weights[$1, default: 0] }
      if weight > Self.limit / 2 { continue }
      weights[result] = weight
      postponed.insert(result)
    }
  }

  /// Computes what was postponed and is read by an operation, but cannot join it: only elementwise work is computed
  /// together with its operands.
  mutating func assignOperands(of reader: OperationID) {
    let operation = graph[reader]
    if operation.kind.isElementwise, absorbed[operation.result] == nil, !facts.sweeps.contains(operation) {
      return
    }
    for operand in graph[reader].operands { assignPostponed(operand) }
  }

  /// Computes a value in the first cluster that can, if it was postponed.
  mutating func assignPostponed(_ value: ValueID) {
    guard postponed.remove(value) != nil, let id = graph.definingOperation(value) else { return }
    assign(id)
  }

  /// Computes the operands of an operation that were postponed in its cluster, and theirs.
  private mutating func join(_ cluster: Int, _ operands: [ValueID]) {
    for operand in operands {
      guard postponed.remove(operand) != nil, let id = graph.definingOperation(operand) else { continue }
      join(cluster, graph[id].operands)
      compute(operand, weight: weight(of: graph[id]), in: cluster)
    }
  }

  mutating func assign(_ id: OperationID) {
    let operation = graph[id]
    if facts.sweeps.contains(operation) { return assignSweep(id) }
    switch operation.kind {
    case .unary, .binary, .compare, .select, .convert:
      if absorbed[operation.result] != nil {
        readiness[operation.result] = ready(operation.operands, domain: nil)
        return
      }
      let domain = graph.type(operation.result).shape
      let first = ready(operation.operands, domain: domain)
      let place = pointwise(domain, from: first)
      join(place, operation.operands)
      compute(operation.result, weight: weight(of: operation), in: place)
    case .constant, .size, .iota, .random, .reversePrefix, .oneHot, .gather:
      guard facts.needed[operation.result] != nil else { return }
      let domain = graph.type(operation.result).shape
      let first = ready(operation.operands, domain: nil)
      compute(operation.result, weight: 16, in: pointwise(domain, from: first))
    case .table: break
    case .dot(let axes):
      assignDot(id, axes)
    case .reduce:
      let first = ready(operation.operands, domain: nil)
      append(
        .reduce(id), graph.type(operation.operands[0]).shape, after: first, computing: operation.results)
    case .scatterAdd:
      let first = ready(operation.operands, domain: nil)
      append(
        .scatter(id), graph.type(operation.operands[1]).shape, after: first, computing: operation.results)
    case .scan:
      append(.scan(id), [], after: 0, computing: operation.results)
    case .concat(let axis):
      var start: Size = 0
      var last = 0
      for operand in operation.operands {
        last = max(
          last, store(operand, to: .part(of: operation.result, axis: axis, start: start)))
        start = start + views.extent(graph.type(operand).shape[axis])
      }
      completion[operation.result] = last
    case .pad(let axis, let start, let to, let anchor):
      assignPad(operation, axis, start, to, anchor)
    case .reshape:
      // One that is not a view: the elements are copied in order.
      if views(operation.result).base == operation.result {
        completion[operation.result] = store(
          operation.operands[0], to: .flat(of: operation.result))
      }
    case .surrogate, .broadcast, .transpose, .slice, .reverse:
      break
    }
  }

  /// A sweep comes with the last of its members.
  private mutating func assignSweep(_ id: OperationID) {
    let number = facts.sweeps.home[graph[id].result]!
    let sweep = facts.sweeps.groups[number]
    guard sweep.members.last == id else { return }
    let outside = sweep.members.flatMap { graph[$0].operands }.filter {
      facts.sweeps.home[views($0).base] != number
    }
    append(
      .sweep(number), sweep.domain, after: ready(outside, domain: nil),
      computing: sweep.members.map { graph[$0].result })
  }

  /// Zeros first; then the operand over them.
  private mutating func assignPad(
    _ operation: Operation, _ axis: Int, _ start: Int, _ to: Dimension, _ anchor: Anchor
  ) {
    let result = operation.result
    let count = graph.type(operation.operands[0]).shape[axis]
    let offset = anchor == .front ? Size(start) : views.extent(to) - views.extent(count) - Size(start)
    let zeros = pointwise(graph.type(result).shape, from: 0)
    copy(result, to: .zeros(of: result), in: zeros)
    let place = max(zeros + 1, ready(operation.operands[0], domain: nil))
    let part = pointwise(graph.type(operation.operands[0]).shape, from: place)
    copy(operation.operands[0], to: .part(of: result, axis: axis, start: offset), in: part)
    completion[result] = part
  }

  private mutating func assignDot(_ id: OperationID, _ axes: DotAxes) {
    let operation = graph[id]
    let first = ready(operation.operands, domain: nil)
    var domain = graph.type(operation.result).shape
    guard ProductForm(axes, operation, views) != nil else {
      append(.reduce(id), domain, after: first, computing: operation.results)
      return
    }
    let parts = columnGroups(operation)
    groups[operation.result] = parts
    domain[domain.count - 1] = .fixed(
      domain[domain.count - 1].fixed.map { $0 / parts } ?? 0, or: domain.last!)
    pointwise(domain, from: first, joining: id, of: operation.result)
  }

  /// In how many groups of adjacent columns a product is read, if all that reads it slices it so; otherwise 1.
  private func columnGroups(_ operation: Operation) -> Int {
    let type = graph.type(operation.result)
    guard let columns = type.shape.last?.fixed, !facts.users[operation.result.index].isEmpty else { return 1 }
    var width: Int?
    for user in facts.users[operation.result.index] {
      guard case .slice(type.rank - 1, let start, let count, _) = graph[user].kind, start % count == 0,
        width == nil || width == count
      else { return 1 }
      width = count
    }
    guard let width, columns % width == 0 else { return 1 }
    let groups = columns / width
    return groups <= ProductForm.mostGroups && !results.contains(operation.result) ? groups : 1
  }

  /// The first cluster in which a value can be read by work over `domain`, element by element; by work of another kind
  /// if that is nil.
  private func ready(_ values: [ValueID], domain: [Dimension]?) -> Int {
    values.map { ready($0, domain: domain) }.max() ?? 0
  }

  private func ready(_ value: ValueID, domain: [Dimension]?) -> Int {
    let view = views(value)
    if let home = home[view.base] {
      let isLocal = clusters[home].isLocal(view, domain: domain, groups: groups[view.base], graph)
      return isLocal ? home : home + 1
    }
    if let completion = completion[view.base] { return completion + 1 }
    if let readiness = readiness[view.base] { return readiness }
    guard let id = graph.definingOperation(view.base) else { return 0 }
    if postponed.contains(view.base) { return readyPostponed(view.base, domain) }
    return views.isLeaf(view.base) ? ready(graph[id].operands, domain: nil) : 0
  }

  /// The first cluster in which a value that was postponed can be computed, with all that was postponed with it.
  private func readyPostponed(_ value: ValueID, _ domain: [Dimension]?) -> Int {
    var first = 0
    var seen: Set<ValueID> = [value]
    var work = [value]
    while let value = work.popLast() {
      for operand in graph.definingOperation(value).map({ graph[$0].operands }) ?? [] {
        let base = views(operand).base
        if !postponed.contains(base) {
          first = max(first, ready(operand, domain: domain))
        } else if seen.insert(base).inserted {
          work.append(base)
        }
      }
    }
    return first
  }

  /// Has a value stored somewhere and gives the cluster that does it.
  @discardableResult
  mutating func store(_ value: ValueID, to destination: Destination) -> Int {
    let view = views(value)
    let isWhole = view.isIdentity && graph.type(view.base) == graph.type(value)
    if let home = home[view.base], isWhole, !clusters[home].isScan,
      groups[view.base] ?? 1 == 1, destinations[view.base, default: []].count < 16
    {
      if case .flat = destination {
      } else {
        destinations[view.base, default: []].append(destination)
        return home
      }
    }
    if let completion = completion[view.base], isWhole,
      canLieAnywhere(view.base, destination),
      destinations[view.base] == nil
    {
      destinations[view.base] = [destination]
      return completion
    }
    let domain = graph.type(value).shape
    let place = pointwise(domain, from: ready(value, domain: domain))
    copy(value, to: destination, in: place)
    return place
  }

  /// Whether the parts of a concatenation or padding may be stored right where the whole is wanted.
  private func canLieAnywhere(_ value: ValueID, _ destination: Destination) -> Bool {
    if case .reshape = graph.definingKind(value) { return false }
    return switch destination {
    case .result, .part: true
    case .flat, .zeros, .replacement: false
    }
  }
}

extension Dimension {
  /// A fixed extent unless it is 0, otherwise another dimension.
  static func fixed(_ extent: Int, or other: Dimension) -> Dimension { extent == 0 ? other : .fixed(extent) }
}
