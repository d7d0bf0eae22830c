extension Graph {
  /// The graph with `f64` in place of every `f32`.
  public func widened() -> Graph { mapped(Mapping(element: { $0 == .f32 ? .f64 : $0 })) }

  /// The graph with other numbers as extents, and as places along axes. It need not be valid.
  public func mappingExtents(_ extent: @escaping (Int) -> Int) -> Graph { mapped(Mapping(extent: extent)) }

  private func mapped(_ mapping: Mapping) -> Graph {
    var graph = self
    for i in graph.values.indices {
      let value = graph.values[i]
      graph.values[i] = Value(type: mapping.type(value.type), definition: value.definition)
    }
    for i in graph.operations.indices { graph.operations[i].kind = mapping.kind(graph.operations[i].kind) }
    graph.setInputs(
      inputs.map { input in
        Input(
          name: input.name, role: input.role, idLimit: input.idLimit.map(mapping.extent),
          places: input.places, value: input.value)
      })
    return graph
  }
}

/// What becomes of the parts of types, in a whole graph.
private struct Mapping {
  var element: (ElementType) -> ElementType
  var extent: (Int) -> Int

  init(
    element: @escaping (ElementType) -> ElementType = { $0 }, extent: @escaping (Int) -> Int = { $0 }
  ) {
    self.element = element
    self.extent = extent
  }

  func dimension(_ dimension: Dimension) -> Dimension {
    if case .fixed(let count) = dimension { .fixed(extent(count)) } else { dimension }
  }

  func type(_ type: TensorType) -> TensorType {
    TensorType(element(type.element), type.shape.map(dimension))
  }

  func kind(_ kind: OperationKind) -> OperationKind {
    switch kind {
    case .constant(let number, let type): return .constant(number, self.type(type))
    case .table(let table, let type):
      // Of smaller extents, the first numbers are left.
      let type = self.type(type)
      let count = type.shape.reduce(1) { $0 * ($1.fixed ?? 1) }
      let numbers = (0..<count).map { table.numbers[$0 % max(table.numbers.count, 1)] }
      return .table(count == table.numbers.count ? table : NumberTable(numbers), type)
    case .size(let symbols, let element): return .size(symbols, self.element(element))
    case .iota(let extent, let element): return .iota(dimension(extent), self.element(element))
    case .random(let stream, let shape, let element):
      return .random(stream: stream, shape: shape.map(dimension), self.element(element))
    case .convert(let element): return .convert(self.element(element))
    case .dot(var axes):
      // A sum of `f32` in `f64` is nothing special where all numbers are of `f64`.
      axes.isWide = axes.isWide && element(.f32) == .f32
      return .dot(axes)
    case .broadcast(let axes, let shape): return .broadcast(axes: axes, shape: shape.map(dimension))
    case .reshape(let shape): return .reshape(shape.map(dimension))
    case .slice(let axis, let start, let count, let anchor):
      return .slice(axis: axis, start: extent(start), count: extent(count), anchor: anchor)
    case .pad(let axis, let start, let to, let anchor):
      return .pad(axis: axis, start: extent(start), to: dimension(to), anchor: anchor)
    case .oneHot(let count, let element): return .oneHot(extent(count), self.element(element))
    case .scatterAdd(let count, let order): return .scatterAdd(extent(count), order: order)
    case .unary, .binary, .compare, .select, .surrogate, .reduce, .transpose, .concat, .reverse,
      .reversePrefix,
      .gather, .scan:
      return kind
    }
  }
}
