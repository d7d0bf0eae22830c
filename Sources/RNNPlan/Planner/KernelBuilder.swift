import RNNGraph

/// Writes the body of one kernel: a value, seen through a map, becomes instructions over the domain.
struct KernelBuilder {
  private let views: Views
  /// The cluster that becomes the kernel, in its region; nil for work that reads everything from memory.
  private let cluster: (clustering: Clustering, number: Int)?
  /// The axis of the domain that counts examples.
  private let examples: Int?
  /// What becomes a sweep, if the kernel is one.
  private let sweep: SweepGroup?

  private(set) var body: [Instruction] = []
  /// The equations that each instruction comes from.
  private(set) var places: [SourcePlaces] = []
  /// Those of the operation that is being written.
  private var current = SourcePlaces.none
  private var known: [Instruction: Int] = [:]
  private var seen: [Key: Int] = [:]

  private struct Key: Hashable {
    var value: ValueID
    var map: [Affine]
  }

  init(
    _ views: Views, cluster: (clustering: Clustering, number: Int)? = nil, sweep: SweepGroup? = nil,
    examples: Int?
  ) {
    self.views = views
    self.cluster = cluster
    self.sweep = sweep
    self.examples = examples
  }

  mutating func add(_ instruction: Instruction) -> Int {
    if let place = known[instruction] {
      places[place].formUnion(current)
      return place
    }
    body.append(instruction)
    places.append(current)
    known[instruction] = body.count - 1
    return body.count - 1
  }

  /// The element of a value that a map names, at each point of the domain.
  mutating func emit(_ value: ValueID, _ map: [Affine], _ memory: inout Memory) -> Int {
    let view = views(value).through(map)
    let outside = current
    defer { current = outside }
    // What is read for an equation belongs to that one, and else to the one that it comes from.
    if current.isEmpty { current = views.graph.places(of: value) }
    let key = Key(value: view.base, map: view.map)
    if let place = seen[key] { return place }
    let place = emitBase(view, &memory)
    seen[key] = place
    return place
  }

  private mutating func emitBase(_ view: View, _ memory: inout Memory) -> Int {
    if let (clustering, number) = cluster, clustering.home[view.base] == number,
      clustering.isLocal(view, in: number, views.graph)
    {
      guard let groups = clustering.groups[view.base] else { return compute(view, &memory) }
      current = views.graph.places(of: view.base)
      let group = view.columnGroup(groups, views.graph)!
      return add(.accumulator(group, views.graph.type(view.base).element))
    }
    if memory[view.base] != nil { return add(.load(memory.access(view, examples: examples))) }
    return compute(view, &memory)
  }

  /// Computes an elementwise value or a leaf at the place that a view names.
  private mutating func compute(_ view: View, _ memory: inout Memory) -> Int {
    let graph = views.graph
    guard let id = graph.definingOperation(view.base) else {
      preconditionFailure("\(view.base) is neither in memory nor computed")
    }
    let operation = graph[id]
    if !operation.places.isEmpty { current = operation.places }
    let element = graph.type(view.base).element
    func operand(_ number: Int, _ map: some Sequence<Affine>) -> Int {
      emit(operation.operands[number], Array(map), &memory)
    }
    func operand(_ number: Int) -> Int { operand(number, view.map) }
    switch operation.kind {
    case .constant(let number, _):
      return add(.constant(number, element))
    case .size(let symbols, let element):
      return add(.size(symbols.reduce(1) { $0 * views.extent(.symbol($1)) }, element))
    case .iota(_, let element):
      let place = add(.index(view.map[0]))
      return element == .i32 ? place : add(.convert(element, place))
    case .random(let stream, let shape, let element):
      // Keys and counters follow the first axes, the place among the others is a running index.
      let prefix = graph.type(operation.operands[0]).rank
      let key = operand(0, view.map.prefix(prefix))
      let counter = operand(1, view.map.prefix(prefix))
      let strides = Storage.denseStrides(shape.dropFirst(prefix).map(views.extent))
      let place = zip(view.map.dropFirst(prefix), strides).reduce(Affine(0)) { $0 + $1.0 * $1.1 }
      let position = add(.index(place))
      return add(.random(key: key, counter: counter, position: position, stream: stream, element))
    case .reversePrefix(let axis):
      return reversedPrefix(operation, axis, view.map, &memory)
    case .unary(let function):
      return add(.unary(function, operand(0)))
    case .binary(let function):
      let (a, b) = (operand(0), operand(1))
      return add(.binary(function, a, b))
    case .compare(let comparison):
      let (a, b) = (operand(0), operand(1))
      return add(.compare(comparison, a, b))
    case .select:
      let (condition, a, b) = (operand(0), operand(1), operand(2))
      return add(.select(condition, a, b))
    case .convert(let element):
      return add(.convert(element, operand(0)))
    case .oneHot(_, let element):
      let id = operand(0, view.map.dropLast())
      let place = add(.index(view.map.last!))
      let isHere = add(.compare(.equal, place, id))
      let one = add(.constant(1, element))
      return add(.select(isHere, one, add(.constant(0, element))))
    case .gather:
      let ids = graph.type(operation.operands[1]).rank
      let id = operand(1, view.map.prefix(ids))
      let table = memory.rowTable(operation.operands[0])
      let index = zip(view.map.dropFirst(ids), table.strides.dropFirst()).reduce(table.offset) {
        $0 + $1.0 * $1.1
      }
      let access = Access(buffer: table.buffer, index: index, isOwned: false)
      let rows = views.extent(graph.type(operation.operands[0]).shape[0])
      return add(.loadRow(access, id: id, TableRows(count: rows, stride: table.strides[0])))
    case .dot, .reduce:
      if let sweep, let roles = sweep.operandRoles[id] { return combined(operation, roles, sweep, &memory) }
      preconditionFailure("\(view.base) has no memory")
    case .table, .surrogate, .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse,
      .scatterAdd, .scan:
      preconditionFailure("\(view.base) has no memory")
    }
  }

  /// A sum of a sweep, or a product without one.
  private mutating func combined(
    _ operation: Operation, _ roles: [SweepAxes], _ sweep: SweepGroup, _ memory: inout Memory
  ) -> Int {
    let factors = zip(operation.operands, roles).map { emit($0, sweep.map($1), &memory) }
    let term = factors.count == 2 ? add(.binary(.multiply, factors[0], factors[1])) : factors[0]
    let all = roles.reduce(into: SweepAxes()) { $0.formUnion($1) }
    let over = all.subtracting(sweep.roles[operation.result]!)
    if over.isEmpty { return term }
    var reduction = Reduction.sum
    if case .reduce(let own, _, _) = operation.kind { reduction = own }
    return add(.combine(reduction, over, term))
  }

  /// Row `t` of a reversed prefix is row `length - 1 - t` before the length and row `t` from there on.
  private mutating func reversedPrefix(
    _ operation: Operation, _ axis: Int, _ map: [Affine], _ memory: inout Memory
  ) -> Int {
    let length = emit(operation.operands[1], Array(map[..<axis]) + [map[axis + 1]], &memory)
    let place = add(.index(map[axis]))
    let isBefore = add(.compare(.less, place, length))
    let mirrored = add(.binary(.subtract, length, add(.index(map[axis] + Affine(1)))))
    let row = add(.select(isBefore, mirrored, place))
    let source = operation.operands[0]
    let table = memory.rowTable(source)
    var index = table.offset
    for i in map.indices where i != axis { index = index + map[i] * table.strides[i] }
    // Whichever row it is, it is one of the same example.
    var rowless = map
    rowless[axis] = Affine(0)
    let owned = memory.isOwned(views(source).through(rowless), examples)
    let access = Access(buffer: table.buffer, index: index, isOwned: owned)
    let rows = views.extent(views.graph.type(source).shape[axis])
    return add(.loadRow(access, id: row, TableRows(count: rows, stride: table.strides[axis])))
  }
}
