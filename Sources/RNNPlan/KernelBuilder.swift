import RNNGraph

/// Writes the body of one kernel: a value, seen through a map, becomes instructions over the domain.
struct KernelBuilder {
  let planner: Planner
  let clustering: Clustering
  /// The cluster that becomes the kernel; nil for a kernel that only copies.
  let cluster: Int?
  /// The axis of the domain that counts examples.
  let batchAxis: Int?

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

  init(planner: Planner, clustering: Clustering, cluster: Int?, batchAxis: Int?) {
    self.planner = planner
    self.clustering = clustering
    self.cluster = cluster
    self.batchAxis = batchAxis
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
  mutating func emit(_ value: ValueID, _ map: [Affine]) -> Int {
    let view = planner.resolve(value).through(map)
    let outside = current
    defer { current = outside }
    // What is read for an equation belongs to that one, and else to the one that it comes from.
    if current.isEmpty { current = planner.graph.places(of: value) }
    let key = Key(value: view.base, map: view.map)
    if let place = seen[key] { return place }
    let place = emitBase(view)
    seen[key] = place
    return place
  }

  private mutating func emitBase(_ view: View) -> Int {
    let graph = planner.graph
    let type = graph.type(view.base)
    if let cluster, clustering.home[view.base] == cluster,
      planner.isLocal(view, view.base, cluster, clustering.clusters[cluster].domain, clustering)
    {
      if let groups = clustering.groups[view.base] {
        current = graph.places(of: view.base)
        return add(.accumulator(planner.columnGroup(view.map, of: view.base, groups: groups)!, type.element))
      }
      return compute(view)
    }
    if let storage = planner.storage[view.base] {
      return add(.load(access(storage, view)))
    }
    return compute(view)
  }

  /// The access to memory of a value through a view.
  func access(_ storage: Storage, _ view: View) -> Access {
    Access(buffer: storage.buffer, index: storage.index(view.map), isOwned: isOwned(view))
  }

  /// The access to a value in memory through a map.
  func access(of value: ValueID, _ map: [Affine]) -> Access {
    let view = planner.resolve(value).through(map)
    guard let storage = planner.storage[view.base] else {
      preconditionFailure("\(value) is not in memory")
    }
    return access(storage, view)
  }

  private func isOwned(_ view: View) -> Bool {
    guard let batchAxis, let axis = planner.graph.type(view.base).shape.firstIndex(of: .batch) else {
      return false
    }
    return view.map[axis] == Affine(.axis(batchAxis))
  }

  /// Computes an elementwise value or a leaf at the place that a view names.
  private mutating func compute(_ view: View) -> Int {
    let graph = planner.graph
    guard let id = graph.definingOperation(view.base) else {
      preconditionFailure("\(view.base) is neither in memory nor computed")
    }
    let operation = graph[id]
    if !operation.places.isEmpty { current = operation.places }
    let element = graph.type(view.base).element
    switch operation.kind {
    case .constant(let number, _):
      return add(.constant(number, element))
    case .size(let symbols, let element):
      return add(.size(symbols.reduce(1) { $0 * planner.extent(.symbol($1)) }, element))
    case .iota(_, let element):
      let place = add(.index(view.map[0]))
      return element == .i32 ? place : add(.convert(element, place))
    case .random(let stream, let shape, let element):
      return random(operation, stream, shape, element, view.map)
    case .reversePrefix(let axis):
      return reversedPrefix(operation, axis, view.map)
    case .unary(let function):
      return add(.unary(function, emit(operation.operands[0], view.map)))
    case .binary(let function):
      let a = emit(operation.operands[0], view.map)
      return add(.binary(function, a, emit(operation.operands[1], view.map)))
    case .compare(let comparison):
      let a = emit(operation.operands[0], view.map)
      return add(.compare(comparison, a, emit(operation.operands[1], view.map)))
    case .select:
      let condition = emit(operation.operands[0], view.map)
      let a = emit(operation.operands[1], view.map)
      return add(.select(condition, a, emit(operation.operands[2], view.map)))
    case .convert(let element):
      return add(.convert(element, emit(operation.operands[0], view.map)))
    case .oneHot(_, let element):
      let id = emit(operation.operands[0], view.map.dropLast())
      let place = add(.index(view.map.last!))
      let isHere = add(.compare(.equal, place, id))
      let one = add(.constant(1, element))
      return add(.select(isHere, one, add(.constant(0, element))))
    case .gather:
      let ids = graph.type(operation.operands[1]).rank
      let id = emit(operation.operands[1], Array(view.map.prefix(ids)))
      let table = planner.rowTable(operation.operands[0])
      var index = table.offset
      for (form, stride) in zip(view.map.dropFirst(ids), table.strides.dropFirst()) {
        index = index + form * stride
      }
      let access = Access(buffer: table.buffer, index: index, isOwned: false)
      let rows = planner.extent(graph.type(operation.operands[0]).shape[0])
      return add(.loadRow(access, id: id, TableRows(count: rows, stride: table.strides[0])))
    case .surrogate, .dot, .reduce, .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse,
      .scatterAdd, .scan:
      preconditionFailure("\(view.base) has no memory")
    }
  }
  /// Random numbers: keys and counters follow the first axes, the place among the others is a running index.
  private mutating func random(
    _ operation: Operation, _ stream: Int, _ shape: [Dimension], _ element: ElementType, _ map: [Affine]
  ) -> Int {
    let prefix = planner.graph.type(operation.operands[0]).rank
    let key = emit(operation.operands[0], Array(map.prefix(prefix)))
    let counter = emit(operation.operands[1], Array(map.prefix(prefix)))
    let strides = Storage.denseStrides(planner.shape(TensorType(element, Array(shape.dropFirst(prefix)))))
    let place = zip(map.dropFirst(prefix), strides).reduce(Affine(0)) { $0 + $1.0 * $1.1 }
    return add(
      .random(key: key, counter: counter, position: add(.index(place)), stream: stream, element))
  }

  /// Row `t` of a reversed prefix is row `length - 1 - t` before the length and row `t` from there on.
  private mutating func reversedPrefix(_ operation: Operation, _ axis: Int, _ map: [Affine]) -> Int {
    let length = emit(operation.operands[1], Array(map[..<axis]) + [map[axis + 1]])
    let place = add(.index(map[axis]))
    let isBefore = add(.compare(.less, place, length))
    let mirrored = add(.binary(.subtract, length, add(.index(map[axis] + Affine(1)))))
    let row = add(.select(isBefore, mirrored, place))
    let source = operation.operands[0]
    let table = planner.rowTable(source)
    var index = table.offset
    for i in map.indices where i != axis { index = index + map[i] * table.strides[i] }
    // Whichever row it is, it is one of the same example.
    var rowless = map
    rowless[axis] = Affine(0)
    let owned = isOwned(planner.resolve(source).through(rowless))
    let access = Access(buffer: table.buffer, index: index, isOwned: owned)
    let rows = planner.extent(planner.graph.type(source).shape[axis])
    return add(.loadRow(access, id: row, TableRows(count: rows, stride: table.strides[axis])))
  }
}
