import RNNGraph

/// The last stage: makes kernels and loops of clusters, in the order of these, and gives out memory on the way.
struct Lowering {
  let stages: PlanStages
  /// What products round to what depends on parameters only.
  let weights: Buffer.Format
  var memory: Memory
  /// Copies over replaced inputs that must wait until nothing reads these any more.
  var lateCopies: [Step] = []

  var graph: Graph { stages.facts.graph }
  var views: Views { stages.facts.views }
  var facts: ValueFacts { stages.facts }

  /// A region while it is lowered.
  struct Scope {
    let clustering: Clustering
    /// Where its results are wanted.
    let results: [Storage?]
  }

  /// The plan of what is decided about a graph.
  static func plan(_ stages: PlanStages, weights: Buffer.Format) -> Plan {
    var lowering = Lowering(stages: stages, weights: weights, memory: Memory(stages.facts.views))
    return lowering.plan()
  }

  private mutating func plan() -> Plan {
    var inputs: [Plan.Port] = []
    for (i, input) in graph.inputs.enumerated() {
      inputs.append(port(input.name, graph.type(input.value)))
      inputs[i].isStable = facts.stableInputs.contains(i)
      memory[input.value] = memory.allocate(
        input.name, inputs[i].element, inputs[i].shape, at: .input(i), isDense: true, input.places)
    }
    var outputs: [Plan.Port] = []
    var results: [Storage?] = []
    for (i, output) in graph.outputs.enumerated() {
      outputs.append(port(output.name, graph.type(output.value)))
      if case .update(let name) = output.role {
        outputs[i].replaces = graph.place(ofInput: name)!
        results.append(nil)
      } else {
        results.append(
          memory.allocate(
            output.name, outputs[i].element, outputs[i].shape, at: .output(i), isDense: true,
            graph.places(of: output.value)))
      }
    }
    let steps = lower(.entry, results: results) + lateCopies
    let symbols = graph.symbols.subtracting([.batch]).sorted()
    return Plan(
      name: graph.name, inputs: inputs, outputs: outputs, buffers: memory.buffers, steps: steps,
      batch: views.batch,
      symbols: symbols)
  }

  private func port(_ name: String, _ type: TensorType) -> Plan.Port {
    Plan.Port(name: name, element: type.element, shape: views.shape(type), replaces: nil)
  }

  /// The steps of a region, which store its results where they are wanted.
  mutating func lower(_ region: RegionID, results: [Storage?]) -> [Step] {
    let scope = Scope(clustering: stages.clusterings[region]!, results: results)
    for id in graph[region].operations {
      guard case .table(let table, let type) = graph[id].kind else { continue }
      let value = graph[id].result
      memory[value] = memory.allocate(
        "\(value)", type.element, views.shape(type), at: .table(table), isDense: true, graph[id].places)
    }
    memory.enter(region)
    defer { memory.leave() }
    for (value, destination) in stages.placements[region]!.values { place(value, destination, scope) }
    return scope.clustering.clusters.indices.flatMap { lowerCluster($0, scope) }
  }

  /// Gives a value memory where it is wanted, or of its own.
  private mutating func place(_ value: ValueID, _ destination: Destination?, _ scope: Scope) {
    if let destination {
      memory[value] = storage(destination, of: value, scope)
      return
    }
    // The elements of a reshaped tensor are stored in order.
    let isReshaped = if case .reshape = graph.definingKind(value) { true } else { false }
    let type = graph.type(value)
    memory[value] = memory.allocate(
      "\(value)", type.element, views.shape(type), isDense: isReshaped, graph.places(of: value))
  }

  /// The memory that a destination means for a value; nil for a replacement that would come too early.
  func storage(_ destination: Destination, of value: ValueID, _ scope: Scope) -> Storage? {
    switch destination {
    case .result(let number, _):
      return scope.results[number]
    case .part(let whole, let axis, let start):
      return memory[whole]!.part(axis: axis, start: Affine(start))
    case .flat(let whole):
      var place = memory[whole]!
      place.strides = Storage.denseStrides(views.shape(graph.type(value)))
      return place
    case .zeros(let whole):
      return memory[whole]
    case .replacement(let input):
      return scope.clustering.isLastReader(scope.clustering.home[value], of: input) ? memory[input] : nil
    }
  }

  /// A step, behind what it needs.
  mutating func steps(_ step: Step) -> [Step] { memory.takeCopies() + [step] }

  private mutating func lowerCluster(_ number: Int, _ scope: Scope) -> [Step] {
    switch scope.clustering.clusters[number].kind {
    case .pointwise: lowerPointwise(number, scope)
    case .reduce(let id): lowerReduction(id, scope)
    case .scatter(let id): lowerScatter(id, scope)
    case .scan(let id): lowerScan(id, scope)
    case .sweep(let sweep): lowerSweep(number, facts.sweeps.groups[sweep], scope)
    }
  }

  /// What is copied over an input that it replaces once nothing reads that any more.
  struct LateCopy {
    let source: Storage
    let input: ValueID
    let value: ValueID
  }

  func copy(_ late: LateCopy) -> Step { copy(late.source, to: memory[late.input]!, of: late.value) }

  /// Where a kernel stores a value that it computes: nowhere if the value does not lie in memory.
  ///
  /// - Parameter late: gets what must be copied later, as it would come too early.
  func storedPlaces(of value: ValueID, _ scope: Scope, _ late: inout [LateCopy]) -> [Storage] {
    guard let primary = memory[value] else { return [] }
    var places: [Storage] = []
    for destination in scope.clustering.destinations[value] ?? [] {
      if let place = storage(destination, of: value, scope) {
        places.append(place)
      } else if case .replacement(let input) = destination {
        late.append(LateCopy(source: primary, input: input, value: value))
      }
    }
    return places.isEmpty ? [primary] : places
  }

  private mutating func lowerPointwise(_ number: Int, _ scope: Scope) -> [Step] {
    let clustering = scope.clustering
    let cluster = clustering.clusters[number]
    let domain = cluster.domain.map(views.extent)
    let batchAxis = cluster.domain.firstIndex(of: .batch)
    let identity = View.identity(domain.count)
    var builder = KernelBuilder(views, cluster: (clustering, number), examples: batchAxis)
    var stores: [Store] = []
    var late: [LateCopy] = []
    for value in cluster.values {
      for place in storedPlaces(of: value, scope, &late) { add(value, to: place) }
    }
    for (value, destination) in cluster.copies {
      if case .zeros(let whole) = destination {
        let zero = builder.add(.constant(0, graph.type(whole).element))
        stores.append(Store(access: access(memory[whole]!), value: zero))
        continue
      }
      var target = storage(destination, of: value, scope)
      if case .replacement(let input) = destination, target == nil {
        if clustering.isLastReader(number, of: input) {
          target = memory[input]
        } else {
          target = memory.allocate("next", graph.type(value), graph.places(of: value))
          late.append(LateCopy(source: target!, input: input, value: value))
        }
      }
      let view = views(value)
      // A loop may have stored it there.
      if view.isIdentity, memory[view.base] == target { continue }
      stores.append(Store(access: access(target!), value: builder.emit(value, identity, &memory)))
    }
    // Replaced inputs that are still read by what follows wait until the end of the program.
    lateCopies += late.map(copy)
    if stores.isEmpty { return [] }
    let targets = stores.prefix(2).map { memory.buffers[$0.access.buffer.index].name }
    let kernel = Kernel(
      name: (cluster.dot == nil ? "map_" : "product_") + targets.joined(separator: "_"), domain: domain,
      kind: .map, body: builder.body, stores: stores, examples: batchAxis,
      places: KernelPlaces(sum: cluster.dot.map { graph[$0].places } ?? .none, body: builder.places))
    return steps(
      .kernel(
        cluster.dot.map {
          withProduct(kernel, $0, groups: clustering.groups[graph[$0].result]!, batchAxis: batchAxis)
        } ?? kernel))

    func access(_ place: Storage) -> Access { place.access(identity, isOwned: batchAxis != nil) }
    func add(_ value: ValueID, to place: Storage) {
      guard let groups = clustering.groups[value] else {
        stores.append(Store(access: access(place), value: builder.emit(value, identity, &memory)))
        return
      }
      let width = domain.last!
      for group in 0..<groups {
        let part = place.part(axis: domain.count - 1, start: Affine(width * Size(group)))
        let accumulator = builder.add(.accumulator(group, graph.type(value).element))
        stores.append(Store(access: access(part), value: accumulator))
      }
    }
  }

  /// A step that copies what is stored for a value.
  func copy(_ source: Storage, to target: Storage, of value: ValueID) -> Step {
    .kernel(memory.copyKernel(from: source, to: target, graph.type(value), graph.places(of: value)))
  }

  /// A reduction, or a product of a form that has no tiles: its domain is the kept axes and the reduced ones.
  private mutating func lowerReduction(_ id: OperationID, _ scope: Scope) -> [Step] {
    let operation = graph[id]
    let types = operation.operands.map { graph.type($0) }
    var kept = graph.type(operation.result).shape
    // Sums along the last axis are made in lanes: a chain runs along another one, if need be before a unit axis.
    var keepsLast = operation.kind.order == .chain || operation.start != nil
    if case .reduce(_, let axes, _) = operation.kind, !axes.contains(types[0].rank - 1) { keepsLast = true }
    if keepsLast, kept.isEmpty { kept = [1] }
    var reduced: [Dimension] = []
    var combine = Reduction.sum
    // Which axes of an operand are kept or reduced ones, beginning with which.
    var axesOfOperands: [[(axes: [Int], first: Int)]] = []
    if case .reduce(let reduction, let axes, _) = operation.kind {
      combine = reduction
      reduced = axes.map { types[0].shape[$0] }
      axesOfOperands = [[((0..<types[0].rank).filter { !axes.contains($0) }, 0), (axes, kept.count)]]
    } else if case .dot(let axes) = operation.kind {
      let (lhs, rhs) = (axes.lhsFree(rank: types[0].rank), axes.rhsFree(rank: types[1].rank))
      let batches = axes.lhsBatch.count
      // An outer product sums over one index.
      reduced = axes.lhsContracting.isEmpty ? [1] : axes.lhsContracting.map { types[0].shape[$0] }
      axesOfOperands = [
        [(axes.lhsBatch, 0), (lhs, batches), (axes.lhsContracting, kept.count)],
        [(axes.rhsBatch, 0), (rhs, batches + lhs.count), (axes.rhsContracting, kept.count)],
      ]
    }
    // The last kept axis comes last if it is vectorised, and before it the reduced ones.
    let last = keepsLast ? kept.count - 1 : kept.count
    let count = kept.count + reduced.count
    let order = Array(0..<last) + (keepsLast ? [count - 1] : []) + Array(last..<(last + reduced.count))
    let batchAxis = kept.firstIndex(of: .batch).map { order[$0] }
    var builder = KernelBuilder(views, examples: batchAxis)
    let factors = zip(operation.operands, axesOfOperands).map { operand, parts in
      var map = View.identity(graph.type(operand).rank)
      for (axes, first) in parts {
        for (i, axis) in axes.enumerated() { map[axis] = Affine(.axis(order[first + i])) }
      }
      let factor = builder.emit(operand, map, &memory)
      let element = graph.type(operation.result).element
      return graph.type(operand).element == element ? factor : builder.add(.convert(element, factor))
    }
    let value = factors.count == 2 ? builder.add(.binary(.multiply, factors[0], factors[1])) : factors[0]
    var domain = [Size](repeating: 1, count: count)
    for (i, dimension) in (kept + reduced).enumerated() { domain[order[i]] = views.extent(dimension) }
    let map = graph.type(operation.result).shape.indices.map { Affine(.axis(order[$0])) }
    var late: [LateCopy] = []
    let places = storedPlaces(of: operation.result, scope, &late)
    lateCopies += late.map(copy)
    var kernel = Kernel(
      name: "reduce_\(memory.buffers[places[0].buffer.index].name)", domain: domain,
      kind: .reduce(combine, axes: reduced.count, keepsLast: keepsLast), body: builder.body,
      stores: places.map { Store(access: $0.access(map, isOwned: batchAxis != nil), value: value) },
      start: operation.start.map { memory.access(views($0).through(map), examples: batchAxis) },
      examples: batchAxis, places: KernelPlaces(sum: operation.places, body: builder.places))
    kernel.sumsOverExamples = reduced.contains(.batch)
    kernel.order = operation.kind.order ?? .any
    return steps(.kernel(kernel))
  }

  private mutating func lowerScatter(_ id: OperationID, _ scope: Scope) -> [Step] {
    let operation = graph[id]
    let ids = graph.type(operation.operands[0]).rank
    var shape = graph.type(operation.operands[1]).shape
    if shape.count == ids { shape.append(1) }
    // The rows' own axes except the last come first: the threads and the table's rows meet in the others.
    let inner = Array(ids..<(shape.count - 1))
    let order = inner + Array(0..<ids) + [shape.count - 1]
    var map = View.identity(shape.count)
    for (place, axis) in order.enumerated() { map[axis] = Affine(.axis(place)) }
    var builder = KernelBuilder(views, examples: nil)
    let id = builder.emit(operation.operands[0], Array(map.prefix(ids)), &memory)
    let rank = graph.type(operation.operands[1]).rank
    let row = builder.emit(operation.operands[1], Array(map.prefix(rank)), &memory)
    let table = memory[operation.result]!
    let index = zip(map.dropFirst(ids), table.strides.dropFirst()).reduce(table.offset) { $0 + $1.0 * $1.1 }
    let store = Store(access: Access(buffer: table.buffer, index: index, isOwned: false), value: row)
    let rows = graph.type(operation.result).shape[0].fixed!
    var kernel = Kernel(
      name: "scatter_\(memory.buffers[table.buffer.index].name)",
      domain: order.map { views.extent(shape[$0]) },
      kind: .scatterAdd(id: id, TableRows(count: Size(rows), stride: table.strides[0])), body: builder.body,
      stores: [store], start: operation.start.map { _ in store.access },
      places: KernelPlaces(sum: operation.places, body: builder.places))
    kernel.sumsOverExamples = true
    kernel.order = operation.kind.order ?? .any
    var result: [Step] = []
    if let start = operation.start {
      let view = views(start)
      let source = memory[view.base]!.through(view, rank: view.map.count)
      result += steps(copy(source, to: table, of: operation.result))
    }
    result += steps(.kernel(kernel))
    for destination in scope.clustering.destinations[operation.result] ?? [] {
      if case .replacement(let input) = destination {
        lateCopies.append(copy(table, to: memory[input]!, of: operation.result))
      } else if let place = storage(destination, of: operation.result, scope), place != table {
        result.append(copy(table, to: place, of: operation.result))
      }
    }
    return result
  }
}
