import RNNGraph

extension Planner {
  /// The steps of a region, which store its results where they are wanted.
  func lower(_ region: RegionID, results: [Destination?]) -> [Step] {
    openRegions.append(region)
    steps.append([])
    var clustering = cluster(region, results: results)
    placeValues(region, &clustering)
    for number in clustering.clusters.indices { lowerCluster(number, clustering) }
    openRegions.removeLast()
    return steps.removeLast()
  }

  func emit(_ kernel: Kernel) { steps[steps.count - 1].append(.kernel(kernel)) }

  private func lowerCluster(_ number: Int, _ clustering: Clustering) {
    let cluster = clustering.clusters[number]
    switch cluster.kind {
    case .pointwise: lowerPointwise(number, clustering)
    case .reduce(let id): lowerReduction(id, clustering)
    case .scatter(let id): lowerScatter(id, clustering)
    case .scan(let id): lowerScan(id, clustering)
    }
  }

  private func lowerPointwise(_ number: Int, _ clustering: Clustering) {
    let cluster = clustering.clusters[number]
    let domain = cluster.domain.map(extent)
    let batchAxis = cluster.domain.firstIndex(of: .batch)
    let identity = View.identity(domain.count)
    var builder = KernelBuilder(planner: self, clustering: clustering, cluster: number, batchAxis: batchAxis)
    var stores: [Store] = []
    var late: [(Storage, Storage, ValueID)] = []
    for value in cluster.values {
      guard let primary = storage[value] else { continue }
      var places: [Storage] = []
      for destination in clustering.destinations[value] ?? [] {
        if let place = resolvedPlace(destination, of: value, clustering) {
          places.append(place)
        } else if case .replacement(let input) = destination {
          late.append((primary, storage[input]!, value))
        }
      }
      if places.isEmpty { places = [primary] }
      for place in places { add(value, to: place) }
    }
    for (value, destination) in cluster.copies {
      if case .zeros(let whole) = destination {
        let zero = builder.add(.constant(0, graph.type(whole).element))
        stores.append(Store(access: access(storage[whole]!, identity), value: zero))
        continue
      }
      if let place = resolvedPlace(destination, of: value, clustering)
        ?? replacedPlace(destination, cluster: number, clustering)
      {
        let view = resolve(value)
        // A loop may have stored it there.
        if view.isIdentity, storage[view.base] == place { continue }
        stores.append(Store(access: access(place, identity), value: builder.emit(value, identity)))
      } else if case .replacement(let input) = destination {
        let temporary = allocate("next", graph.type(value), graph.places(of: value))
        stores.append(Store(access: access(temporary, identity), value: builder.emit(value, identity)))
        late.append((temporary, storage[input]!, value))
      }
    }
    if stores.isEmpty { return }
    let kernel = Kernel(
      name: name(stores, cluster), domain: domain, kind: .map, body: builder.body,
      stores: stores, examples: batchAxis,
      places: KernelPlaces(sum: cluster.dot.map { graph[$0].places } ?? .none, body: builder.places))
    if let dot = cluster.dot {
      emit(withProduct(kernel, dot, groups: clustering.groups[graph[dot].result]!, batchAxis: batchAxis))
    } else {
      emit(kernel)
    }
    // Replaced inputs that are still read by what follows wait until the end of the program.
    lateCopies += late.map { copyKernel(from: $0, to: $1, graph.type($2), graph.places(of: $2)) }

    func access(_ place: Storage, _ map: [Affine]) -> Access {
      Access(buffer: place.buffer, index: place.index(map), isOwned: batchAxis != nil)
    }
    func add(_ value: ValueID, to place: Storage) {
      guard let groups = clustering.groups[value] else {
        stores.append(Store(access: access(place, identity), value: builder.emit(value, identity)))
        return
      }
      let width = domain.last!
      for group in 0..<groups {
        let part = place.part(axis: domain.count - 1, start: width * Size(group))
        let accumulator = builder.add(.accumulator(group, graph.type(value).element))
        stores.append(Store(access: access(part, identity), value: accumulator))
      }
    }
  }

  private func replacedPlace(_ destination: Destination, cluster: Int, _ clustering: Clustering) -> Storage? {
    guard case .replacement(let input) = destination else { return nil }
    return isLastReader(cluster, of: input, clustering) ? storage[input] : nil
  }

  /// A kernel that copies a tensor from one place to another.
  func copyKernel(
    from source: Storage, to target: Storage, _ type: TensorType, _ places: SourcePlaces
  ) -> Kernel {
    let domain = shape(type)
    let identity = View.identity(domain.count)
    let batchAxis = type.shape.firstIndex(of: .batch)
    let load = Instruction.load(
      Access(buffer: source.buffer, index: source.index(identity), isOwned: batchAxis != nil))
    let store = Store(
      access: Access(buffer: target.buffer, index: target.index(identity), isOwned: batchAxis != nil),
      value: 0)
    return Kernel(
      name: "copy_\(buffers[target.buffer.index].name)", domain: domain, kind: .map, body: [load],
      stores: [store], examples: batchAxis, places: KernelPlaces(body: [places]))
  }

  private func name(_ stores: [Store], _ cluster: Cluster) -> String {
    let targets = stores.prefix(2).map { buffers[$0.access.buffer.index].name }
    return (cluster.dot == nil ? "map_" : "product_") + targets.joined(separator: "_")
  }

  /// A reduction, or a product of a form that has no tiles: its domain is the kept axes and the reduced ones.
  private func lowerReduction(_ id: OperationID, _ clustering: Clustering) {
    let operation = graph[id]
    let result = storage[operation.result]!
    var builder: KernelBuilder
    var kept: [Dimension]
    let reduced: [Dimension]
    let value: Int
    let combine: Reduction
    // Sums along the last axis are made in lanes: a chain runs along another one, if need be before a unit axis.
    var keepsLast = operation.kind.order == .chain || operation.start != nil
    let batchAxis: Int?
    func keep(_ dimensions: [Dimension]) -> [Dimension] {
      keepsLast && dimensions.isEmpty ? [1] : dimensions
    }
    if case .reduce(let reduction, let axes, _) = operation.kind {
      let shape = graph.type(operation.operands[0]).shape
      let keptAxes = shape.indices.filter { !axes.contains($0) }
      keepsLast = keepsLast || !axes.contains(shape.count - 1)
      kept = keep(keptAxes.map { shape[$0] })
      reduced = axes.map { shape[$0] }
      batchAxis = batchAxisOf(kept, reduced, keepsLast: keepsLast)
      builder = KernelBuilder(planner: self, clustering: clustering, cluster: nil, batchAxis: batchAxis)
      var map = View.identity(shape.count)
      let order = domainOrder(kept.count, reduced.count, keepsLast: keepsLast)
      for (i, axis) in keptAxes.enumerated() { map[axis] = Affine(.axis(order[i])) }
      for (i, axis) in axes.enumerated() { map[axis] = Affine(.axis(order[kept.count + i])) }
      value = builder.emit(operation.operands[0], map)
      combine = reduction
    } else if case .dot(let axes) = operation.kind {
      let types = operation.operands.map { graph.type($0) }
      let lhsFree = axes.lhsFree(rank: types[0].rank)
      let rhsFree = axes.rhsFree(rank: types[1].rank)
      kept = keep(graph.type(operation.result).shape)
      // An outer product sums over one index.
      reduced = axes.lhsContracting.isEmpty ? [1] : axes.lhsContracting.map { types[0].shape[$0] }
      batchAxis = batchAxisOf(kept, reduced, keepsLast: keepsLast)
      let places = domainOrder(kept.count, reduced.count, keepsLast: keepsLast).map { Affine(.axis($0)) }
      builder = KernelBuilder(planner: self, clustering: clustering, cluster: nil, batchAxis: batchAxis)
      var lhs = View.identity(types[0].rank)
      var rhs = View.identity(types[1].rank)
      for (i, axis) in axes.lhsBatch.enumerated() { lhs[axis] = places[i] }
      for (i, axis) in axes.rhsBatch.enumerated() { rhs[axis] = places[i] }
      let batches = axes.lhsBatch.count
      for (i, axis) in lhsFree.enumerated() { lhs[axis] = places[batches + i] }
      for (i, axis) in rhsFree.enumerated() { rhs[axis] = places[batches + lhsFree.count + i] }
      for (i, axis) in axes.lhsContracting.enumerated() { lhs[axis] = places[kept.count + i] }
      for (i, axis) in axes.rhsContracting.enumerated() { rhs[axis] = places[kept.count + i] }
      let element = graph.type(operation.result).element
      let factors = zip(operation.operands, [lhs, rhs]).map { operand, map in
        let factor = builder.emit(operand, map)
        return graph.type(operand).element == element ? factor : builder.add(.convert(element, factor))
      }
      value = builder.add(.binary(.multiply, factors[0], factors[1]))
      combine = .sum
    } else {
      preconditionFailure("not a reduction")
    }
    let order = domainOrder(kept.count, reduced.count, keepsLast: keepsLast)
    var domain = [Size](repeating: 1, count: kept.count + reduced.count)
    for (i, dimension) in (kept + reduced).enumerated() { domain[order[i]] = extent(dimension) }
    let map = graph.type(operation.result).shape.indices.map { Affine(.axis(order[$0])) }
    var places = (clustering.destinations[operation.result] ?? []).compactMap {
      resolvedPlace($0, of: operation.result, clustering)
    }
    if places.isEmpty { places = [result] }
    let stores = places.map {
      Store(access: Access(buffer: $0.buffer, index: $0.index(map), isOwned: batchAxis != nil), value: value)
    }
    for case .replacement(let input) in clustering.destinations[operation.result] ?? [] {
      lateCopies.append(
        copyKernel(from: places[0], to: storage[input]!, graph.type(operation.result), operation.places))
    }
    let start = operation.start.map { builder.access(of: $0, map) }
    var kernel = Kernel(
      name: "reduce_\(buffers[places[0].buffer.index].name)", domain: domain,
      kind: .reduce(combine, axes: reduced.count, keepsLast: keepsLast), body: builder.body,
      stores: stores, start: start, examples: batchAxis,
      places: KernelPlaces(sum: operation.places, body: builder.places))
    kernel.sumsOverExamples = reduced.contains(.batch)
    kernel.order = operation.kind.order ?? .any
    emit(kernel)
  }

  /// The place in the domain of each kept axis and then of each reduced one: the last kept axis comes last if it is
  /// vectorised, and before it the reduced ones.
  private func domainOrder(_ kept: Int, _ reduced: Int, keepsLast: Bool) -> [Int] {
    if !keepsLast { return Array(0..<(kept + reduced)) }
    return Array(0..<(kept - 1)) + [kept + reduced - 1] + Array((kept - 1)..<(kept - 1 + reduced))
  }

  private func batchAxisOf(_ kept: [Dimension], _ reduced: [Dimension], keepsLast: Bool) -> Int? {
    kept.firstIndex(of: .batch).map { domainOrder(kept.count, reduced.count, keepsLast: keepsLast)[$0] }
  }

  private func lowerScatter(_ id: OperationID, _ clustering: Clustering) {
    let operation = graph[id]
    let ids = graph.type(operation.operands[0]).rank
    var shape = graph.type(operation.operands[1]).shape
    if shape.count == ids { shape.append(1) }
    // The rows' own axes except the last come first: the threads and the table's rows meet in the others.
    let inner = Array(ids..<(shape.count - 1))
    let order = inner + Array(0..<ids) + [shape.count - 1]
    var map = View.identity(shape.count)
    for (place, axis) in order.enumerated() { map[axis] = Affine(.axis(place)) }
    var builder = KernelBuilder(planner: self, clustering: clustering, cluster: nil, batchAxis: nil)
    let id = builder.emit(operation.operands[0], Array(map.prefix(ids)))
    let row = builder.emit(operation.operands[1], Array(map.prefix(graph.type(operation.operands[1]).rank)))
    let table = storage[operation.result]!
    var index = table.offset
    for (form, stride) in zip(map.dropFirst(ids), table.strides.dropFirst()) { index = index + form * stride }
    let store = Store(access: Access(buffer: table.buffer, index: index, isOwned: false), value: row)
    let rows = graph.type(operation.result).shape[0].fixed!
    if let start = operation.start {
      let view = resolve(start)
      let source = Storage(
        buffer: storage[view.base]!.buffer, offset: storage[view.base]!.index(view.map).withoutAxes,
        strides: view.map.indices.map { storage[view.base]!.index(view.map).factor(ofAxis: $0) })
      emit(copyKernel(from: source, to: table, graph.type(operation.result), operation.places))
    }
    var kernel = Kernel(
      name: "scatter_\(buffers[table.buffer.index].name)", domain: order.map { extent(shape[$0]) },
      kind: .scatterAdd(id: id, TableRows(count: Size(rows), stride: table.strides[0])), body: builder.body,
      stores: [store], start: operation.start.map { _ in store.access },
      places: KernelPlaces(sum: operation.places, body: builder.places))
    kernel.sumsOverExamples = true
    kernel.order = operation.kind.order ?? .any
    emit(kernel)
    for destination in clustering.destinations[operation.result] ?? [] {
      if case .replacement(let input) = destination {
        lateCopies.append(
          copyKernel(from: table, to: storage[input]!, graph.type(operation.result), operation.places))
      } else if let place = resolvedPlace(destination, of: operation.result, clustering), place != table {
        emit(copyKernel(from: table, to: place, graph.type(operation.result), operation.places))
      }
    }
  }

  /// A table whose rows are dense, for reading rows by id; copied out of the loops if it is not so.
  func rowTable(_ value: ValueID) -> Storage {
    let view = resolve(value)
    let type = graph.type(value)
    let base = storage[view.base]!
    let index = base.index(view.map)
    let strides = (0..<type.rank).map { index.factor(ofAxis: $0) }
    if type.rank == 1 || strides.last == 1 {
      var offset = index
      offset.factors = offset.factors.filter { if case .axis = $0.key { false } else { true } }
      return Storage(buffer: base.buffer, offset: offset, strides: strides)
    }
    let key = TableKey(value: view.base, map: view.map, extents: shape(type))
    if let known = tables[key] {
      return Storage(buffer: known, offset: Affine(0), strides: Storage.denseStrides(shape(type)))
    }
    let copy = allocate("rows_\(view.base)", type, graph.places(of: value))
    let source = Storage(buffer: base.buffer, offset: index.withoutAxes, strides: strides)
    let level = levelOf(view, extents: shape(type))
    steps[level].append(.kernel(copyKernel(from: source, to: copy, type, graph.places(of: value))))
    if level < openRegions.count - 1 || level == 0 { tables[key] = copy.buffer }
    return copy
  }

  /// The outermost open region in which what a view shows is known, and how much of it there is.
  func levelOf(_ view: View, extents: [Size] = []) -> Int {
    let shown = levelOf(view)
    let lengths = Set(extents.flatMap { $0.terms.keys.joined() }).intersection(longest.keys)
    return openRegions.indices.reduce(shown) { level, place in
      guard let owner = graph[openRegions[place]].owner, case .scan(let scan) = graph[owner].kind,
        let segments = scan.segments, lengths.contains(segments.length)
      else { return level }
      return max(level, place)
    }
  }

  private func levelOf(_ view: View) -> Int {
    var level = openRegions.firstIndex(of: graph.region(of: view.base)) ?? openRegions.count - 1
    for form in view.map {
      for index in form.factors.keys {
        guard case .loop(let number) = index else { continue }
        if case .scan(let scan) = graph[loops[number]].kind, let place = openRegions.firstIndex(of: scan.body)
        {
          level = max(level, place)
        }
      }
    }
    return level
  }
}

/// A table with dense rows: what it shows of which value.
struct TableKey: Hashable {
  var value: ValueID
  var map: [Affine]
  /// The extents: a broadcast value looks the same in any.
  var extents: [Size]
}

extension Affine {
  /// What does not depend on the domain.
  var withoutAxes: Affine {
    var form = self
    form.factors = factors.filter { if case .axis = $0.key { false } else { true } }
    return form
  }
}
