import HeapModule
import RNNGraph

/// Operations that become one sweep over the rows of matrices, in their order. See note [Sweeps],
/// `Sources/RNNPlan/Sweep.swift`.
struct SweepGroup: Sendable {
  /// The outer axes, and those of the matrices.
  let domain: [Dimension]
  fileprivate(set) var members: [OperationID] = []
  /// Along which axes of the matrices the result of each member has values of its own.
  fileprivate(set) var roles: [ValueID: SweepAxes] = [:]
  /// The same of what sums and products read.
  fileprivate(set) var operandRoles: [OperationID: [SweepAxes]] = [:]
  /// How many operations touch whole matrices, and whether one of them adds up.
  fileprivate var matrices = 0
  fileprivate var hasSums = false

  /// The element of a value at a point of the domain.
  func map(_ role: SweepAxes) -> [Affine] { Self.map(role, outer: domain.count - 2) }

  fileprivate static func map(_ role: SweepAxes, outer: Int) -> [Affine] {
    var map = Affine.axes(outer)
    if role.contains(.rows) { map.append(Affine(.axis(outer))) }
    if role.contains(.columns) { map.append(Affine(.axis(outer + 1))) }
    return map
  }

  /// The shape of a value.
  fileprivate func shape(_ role: SweepAxes) -> [Dimension] {
    var shape = Array(domain.dropLast(2))
    if role.contains(.rows) { shape.append(domain[domain.count - 2]) }
    if role.contains(.columns) { shape.append(domain[domain.count - 1]) }
    return shape
  }
}

/// The second stage: which operations become one sweep.
///
/// What works on matrices of one shape, one for each example, joins the group of what it reads, and so does what works on
/// their rows and columns; but nothing that depends on a group through something else.
struct Sweeps: Sendable {
  private(set) var groups: [SweepGroup] = []
  /// The group that computes a value.
  private(set) var home: [ValueID: Int] = [:]

  init(_ views: Views) {
    for region in views.graph.reachableRegions {
      var finder = SweepFinder(views)
      for id in views.graph[region].operations { finder.visit(id) }
      for group in finder.groups where group.hasSums && group.matrices > 1 {
        for value in group.roles.keys { home[value] = groups.count }
        groups.append(group)
      }
    }
  }

  /// Whether an operation is computed in a sweep.
  func contains(_ operation: Operation) -> Bool {
    operation.results.count == 1 && home[operation.result] != nil
  }

  /// Operations of a region in an order in which nothing stands between the members of a group.
  func ordered(_ operations: [OperationID], _ views: Views) -> [OperationID] {
    let graph = views.graph
    // A group stands for its members, where the last of them is.
    var place: [OperationID: Int] = [:]
    var last: [Int: Int] = [:]
    for (number, id) in operations.enumerated() where contains(graph[id]) {
      last[home[graph[id].result]!] = number
    }
    if last.isEmpty { return operations }
    for (number, id) in operations.enumerated() {
      place[id] = contains(graph[id]) ? last[home[graph[id].result]!]! : number
    }
    // What waits for how many others, and which wait for it.
    var waiting = Array(repeating: Set<Int>(), count: operations.count)
    var followers = Array(repeating: [Int](), count: operations.count)
    for id in operations {
      let own = place[id]!
      // A sweep looks through views of its own values.
      let operands = graph[id].operands.flatMap { contains(graph[id]) ? views.bases($0) : [$0] }
      for operand in operands {
        guard let source = graph.definingOperation(operand), let before = place[source],
          graph[source].region == graph[id].region,
          before != own
        else { continue }
        if waiting[own].insert(before).inserted { followers[before].append(own) }
      }
    }
    var counts = waiting.map(\.count)
    var members: [Int: [OperationID]] = [:]
    for id in operations { members[place[id]!, default: []].append(id) }
    var ready = Heap(operations.indices.filter { members[$0] != nil && counts[$0] == 0 })
    var result: [OperationID] = []
    while let next = ready.popMin() {
      result += members[next]!
      for follower in followers[next] {
        counts[follower] -= 1
        if counts[follower] == 0 { ready.insert(follower) }
      }
    }
    precondition(result.count == operations.count, "a sweep waits for itself")
    return result
  }
}

/// Finds the groups of a region.
private struct SweepFinder {
  let views: Views
  private(set) var groups: [SweepGroup] = []
  private var home: [ValueID: Int] = [:]
  /// The groups that a value depends on, a bit each.
  private var dependences: [ValueID: UInt64] = [:]
  /// The groups that a group depends on.
  private var groupDependences: [UInt64] = []

  /// The most groups of a region, and members of a group: code would become long.
  private static let mostGroups = 64
  private static let mostMembers = 96
  /// The longest rows and columns, of which a part is kept in memory of the function.
  private static let mostRows = 4096
  private static let mostColumns = 512

  private var graph: Graph { views.graph }

  init(_ views: Views) { self.views = views }

  mutating func visit(_ id: OperationID) {
    let operation = graph[id]
    if operation.results.count == 1, let candidate = candidate(id, operation), join(id, operation, candidate)
    {
      return
    }
    let all = operation.operands.reduce(0) { $0 | dependence(of: $1) }
    if all != 0 { for result in operation.results { dependences[result] = all } }
  }

  /// What a value depends on, through groups as a whole.
  private func dependence(of value: ValueID) -> UInt64 {
    let base = views(value).base
    return (dependences[value] ?? 0) | (dependences[base] ?? 0)
  }

  private func closure(_ groups: UInt64) -> UInt64 {
    var (all, open) = (groups, groups)
    while open != 0 {
      let group = open.trailingZeroBitCount
      open &= open - 1
      let new = groupDependences[group] & ~all
      all |= new
      open |= new
    }
    return all
  }

  // MARK: Candidates

  /// How an operation could be part of a sweep.
  private struct Candidate {
    /// The domain, if it touches whole matrices; otherwise that of what it reads decides.
    var domain: [Dimension]?
    var role: SweepAxes?
    /// Of each operand, along which axes it is read; nil for one that may be of a row or of a column.
    var operands: [SweepAxes?]
    var isSum = false
  }

  /// Whether a shape is one of matrices, one for each example.
  private func isMatrix(_ shape: [Dimension]) -> Bool {
    guard shape.count >= 3, shape.dropLast(2).contains(.batch), let rows = shape[shape.count - 2].fixed,
      let columns = shape[shape.count - 1].fixed
    else { return false }
    return (2...Self.mostRows).contains(rows) && (2...Self.mostColumns).contains(columns)
  }

  private func candidate(_ id: OperationID, _ operation: Operation) -> Candidate? {
    let shapes = operation.operands.map { graph.type($0).shape }
    let shape = graph.type(operation.result).shape
    if case .reduce(_, let axes, .any) = operation.kind, operation.start == nil {
      let rank = shapes[0].count
      if isMatrix(shapes[0]), axes.allSatisfy({ $0 >= rank - 2 }), !axes.isEmpty {
        var role = SweepAxes.matrix
        if axes.contains(rank - 2) { role.remove(.rows) }
        if axes.contains(rank - 1) { role.remove(.columns) }
        return Candidate(domain: shapes[0], role: role, operands: [.matrix], isSum: true)
      }
      return axes == [rank - 1] && shapes[0].contains(.batch)
        ? Candidate(role: [], operands: [nil], isSum: true) : nil
    }
    if case .dot(let axes) = operation.kind {
      guard operation.start == nil, axes.order == .any, !axes.isWide else { return nil }
      return candidate(axes, shapes, shape)
    }
    guard operation.kind.isElementwise else { return nil }
    if isMatrix(shape) {
      return Candidate(domain: shape, role: .matrix, operands: shapes.map { _ in .matrix })
    }
    return shape.contains(.batch) ? Candidate(operands: shapes.map { _ in nil }) : nil
  }

  private func candidate(_ axes: DotAxes, _ shapes: [[Dimension]], _ shape: [Dimension]) -> Candidate? {
    let outer = axes.lhsBatch.count
    let batch = Array(0..<outer)
    guard axes.lhsBatch == batch, axes.rhsBatch == batch, shapes[0].prefix(outer).contains(.batch) else {
      return nil
    }
    let inner = shapes.map { $0.count - outer }
    if inner == [1, 1] {
      if axes.lhsContracting.isEmpty {
        return isMatrix(shape) ? Candidate(domain: shape, role: .matrix, operands: [.rows, .columns]) : nil
      }
      return Candidate(role: [], operands: [nil, nil], isSum: true)
    }
    if inner == [2, 2] {
      guard isMatrix(shapes[0]), axes.lhsContracting == [outer, outer + 1],
        axes.rhsContracting == [outer, outer + 1]
      else { return nil }
      return Candidate(domain: shapes[0], role: [], operands: [.matrix, .matrix], isSum: true)
    }
    guard inner.sorted() == [1, 2] else { return nil }
    let matrix = inner[0] == 2 ? 0 : 1
    let contracting = matrix == 0 ? axes.lhsContracting : axes.rhsContracting
    guard isMatrix(shapes[matrix]), contracting.count == 1 else { return nil }
    let over: SweepAxes = contracting[0] == outer ? .rows : .columns
    let operands: [SweepAxes?] = matrix == 0 ? [.matrix, over] : [over, .matrix]
    return Candidate(
      domain: shapes[matrix], role: SweepAxes.matrix.subtracting(over), operands: operands, isSum: true)
  }

  // MARK: Groups

  /// Has an operation join a group, or begin one.
  private mutating func join(_ id: OperationID, _ operation: Operation, _ candidate: Candidate) -> Bool {
    var possible: [Int] = []
    if let domain = candidate.domain {
      possible = groups.indices.filter { groups[$0].domain == domain }.suffix(4).reversed()
    } else if let group = operation.operands.compactMap({ home[views($0).base] }).last {
      possible = [group]
    }
    for group in possible where add(id, operation, candidate, to: group) { return true }
    guard let domain = candidate.domain, groups.count < Self.mostGroups else { return false }
    groups.append(SweepGroup(domain: domain))
    groupDependences.append(0)
    let isAdded = add(id, operation, candidate, to: groups.count - 1)
    if !isAdded {
      groups.removeLast()
      groupDependences.removeLast()
    }
    return isAdded
  }

  private mutating func add(_ id: OperationID, _ operation: Operation, _ candidate: Candidate, to number: Int)
    -> Bool
  {
    let group = groups[number]
    guard group.members.count < Self.mostMembers, let roles = roles(operation, candidate, in: number) else {
      return false
    }
    // What it reads from outside must not depend on the group.
    let outside = operation.operands.reduce(UInt64(0)) { all, operand in
      home[views(operand).base] == number ? all : all | dependence(of: operand)
    }
    let all = closure(outside)
    let bit = UInt64(1) << UInt64(number)
    if all & bit != 0 { return false }
    groupDependences[number] |= all
    let result = operation.result
    home[result] = number
    dependences[result] = bit
    groups[number].members.append(id)
    groups[number].roles[result] = roles.result
    if candidate.isSum || roles.operands.count == 2 { groups[number].operandRoles[id] = roles.operands }
    if candidate.domain != nil { groups[number].matrices += 1 }
    if candidate.isSum, candidate.domain != nil { groups[number].hasSums = true }
    return true
  }

  /// Along which axes an operation of a group has values of its own, and what it reads; nil if it does not fit.
  private func roles(
    _ operation: Operation, _ candidate: Candidate, in number: Int
  ) -> (result: SweepAxes, operands: [SweepAxes])? {
    let group = groups[number]
    let outer = group.domain.count - 2
    var wanted = candidate.operands
    if wanted.contains(nil) {
      // A vector is of a row or of a column as those are that it is computed from.
      let known = Set(
        operation.operands.compactMap { operand -> SweepAxes? in
          let base = views(operand).base
          guard home[base] == number, let role = group.roles[base],
            graph.type(operand).rank == outer + role.count
          else { return nil }
          return role
        })
      guard known.count == 1, let role = known.first, role != .matrix else { return nil }
      wanted = wanted.map { $0 ?? role }
    }
    let result = candidate.role ?? wanted[0]!
    let roles = wanted.compactMap(\.self)
    guard graph.type(operation.result).shape == group.shape(result) else { return nil }
    for (operand, role) in zip(operation.operands, roles) {
      guard graph.type(operand).shape == group.shape(role) else { return nil }
      let view = views(operand)
      if home[view.base] == number {
        // A member is read at the point where it is computed.
        let read = view.through(SweepGroup.map(role, outer: outer)).map
        guard let own = group.roles[view.base], read == group.map(own) else { return nil }
      } else if views.bases(operand).contains(where: { home[$0] == number }) {
        return nil
      }
    }
    return (result, roles)
  }
}

extension SweepAxes {
  fileprivate var count: Int { (contains(.rows) ? 1 : 0) + (contains(.columns) ? 1 : 0) }
}
