/// Makes operations at one place of a graph: the only way to make one.
///
/// Every operation is checked by the shape rules; a violation is a bug of the caller and traps with both types.
public final class GraphBuilder {
  /// The graph built so far.
  public var graph: Graph
  /// The region that new operations are placed in.
  public private(set) var region: RegionID = .entry
  /// The equations that new operations come from.
  public var places = SourcePlaces.none

  /// Continues a graph at the end of its entry region.
  public init(_ graph: Graph) { self.graph = graph }

  /// Places new operations at the end of a region.
  public func move(toEndOf region: RegionID) {
    self.region = region
  }

  /// The type of a value.
  public func type(_ value: ValueID) -> TensorType { graph.type(value) }

  /// Adds an operation and gives its results.
  @discardableResult
  public func add(_ kind: OperationKind, _ operands: [ValueID]) -> [ValueID] {
    do {
      return place(kind, operands, types: try graph.resultTypes(kind, operands))
    } catch {
      preconditionFailure("\(kind) on \(operands.map { "\($0): \(type($0))" }): \(error)")
    }
  }

  /// Adds what an operation of another graph computes, on other operands, and gives its results.
  ///
  /// - Requires: the operands have the types of the other's, and it is not a scan. Only debug builds check that.
  public func copy(_ operation: Operation, of other: Graph, on operands: [ValueID]) -> [ValueID] {
    assert(operands.map { type($0) } == operation.operands.map { other.type($0) }, "operands of other types")
    return at(operation.places) {
      place(operation.kind, operands, types: operation.results.map { other.type($0) })
    }
  }

  /// Makes operations that come from some equations, whatever those around them come from.
  public func at<Result>(_ places: SourcePlaces, _ make: () throws -> Result) rethrows -> Result {
    let outside = self.places
    self.places = places
    defer { self.places = outside }
    return try make()
  }

  private func place(_ kind: OperationKind, _ operands: [ValueID], types: [TensorType]) -> [ValueID] {
    let id = graph.makeOperation(kind, operands, types: types, in: region, places: places)
    graph.regions[region.index].operations.append(id)
    return graph[id].results
  }

  private func one(_ kind: OperationKind, _ operands: ValueID...) -> ValueID { add(kind, operands)[0] }

  /// A tensor in which every element is `number`.
  public func constant(_ number: Double, _ type: TensorType) -> ValueID { one(.constant(number, type)) }
  /// A tensor of the type of `value` in which every element is `number`.
  public func constant(_ number: Double, like value: ValueID) -> ValueID { constant(number, type(value)) }
  /// A tensor of numbers that stand in the program; those that are all the same are a constant.
  public func table(_ table: NumberTable, _ type: TensorType) -> ValueID {
    table.only.map { constant($0, type) } ?? one(.table(table, type))
  }
  /// The product of the sizes of `symbols` as a scalar.
  public func size(_ symbols: [Symbol], _ element: ElementType) -> ValueID { one(.size(symbols, element)) }
  /// The positions along an axis of an extent.
  public func iota(_ extent: Dimension, _ element: ElementType) -> ValueID { one(.iota(extent, element)) }
  /// Random numbers, uniform in 0..<1, in a shape that begins with the axes of `keys` and `counters`.
  public func random(
    keys: ValueID, counters: ValueID, stream: Int, shape: [Dimension], _ element: ElementType
  ) -> ValueID {
    one(.random(stream: stream, shape: shape, element), keys, counters)
  }

  /// `function` of each element.
  public func unary(_ function: UnaryFunction, _ x: ValueID) -> ValueID { one(.unary(function), x) }
  /// `function` of pairs of elements.
  public func binary(_ function: BinaryFunction, _ a: ValueID, _ b: ValueID) -> ValueID {
    one(.binary(function), a, b)
  }
  /// `a + b`.
  public func add(_ a: ValueID, _ b: ValueID) -> ValueID { binary(.add, a, b) }
  /// `a - b`.
  public func subtract(_ a: ValueID, _ b: ValueID) -> ValueID { binary(.subtract, a, b) }
  /// `a * b`, elementwise.
  public func multiply(_ a: ValueID, _ b: ValueID) -> ValueID { binary(.multiply, a, b) }
  /// `a / b`, elementwise.
  public func divide(_ a: ValueID, _ b: ValueID) -> ValueID { binary(.divide, a, b) }
  /// `-x`.
  public func negate(_ x: ValueID) -> ValueID { unary(.negate, x) }
  /// `number * x`.
  public func scale(_ x: ValueID, by number: Double) -> ValueID { multiply(x, constant(number, like: x)) }

  /// Compares pairs of elements.
  public func compare(_ comparison: Comparison, _ a: ValueID, _ b: ValueID) -> ValueID {
    one(.compare(comparison), a, b)
  }
  /// `condition ? a : b` for each element.
  public func select(_ condition: ValueID, _ a: ValueID, _ b: ValueID) -> ValueID {
    one(.select, condition, a, b)
  }
  /// The same numbers as another element type.
  public func convert(_ x: ValueID, to element: ElementType) -> ValueID {
    type(x).element == element ? x : one(.convert(element), x)
  }
  /// `x`, through which no gradient flows.
  public func detach(_ x: ValueID) -> ValueID { one(.surrogate(.stop), x) }
  /// `hard`, with the derivative of `soft`.
  public func straightThrough(_ hard: ValueID, _ soft: ValueID) -> ValueID {
    one(.surrogate(.straightThrough), hard, soft)
  }
  /// `x`, whose adjoint goes on with each element between `-bound` and `bound`.
  public func clipGradient(_ x: ValueID, bound: Double) -> ValueID { one(.surrogate(.clip(bound)), x) }

  /// A sum of products over paired axes.
  public func dot(_ a: ValueID, _ b: ValueID, _ axes: DotAxes) -> ValueID { one(.dot(axes), a, b) }
  /// Combines all elements along `axes`; no axes give `x`.
  public func reduce(_ reduction: Reduction, _ x: ValueID, axes: [Int], order: SumOrder = .any) -> ValueID {
    axes.isEmpty ? x : one(.reduce(reduction, axes: axes.sorted(), order: order), x)
  }
  /// Repeats `x`: its axis `i` becomes axis `axes[i]` of `shape`.
  public func broadcast(_ x: ValueID, axes: [Int], shape: [Dimension]) -> ValueID {
    type(x).shape == shape ? x : one(.broadcast(axes: axes, shape: shape), x)
  }
  /// Repeats a scalar in the shape of `value`.
  public func broadcast(scalar x: ValueID, like value: ValueID) -> ValueID {
    broadcast(x, axes: [], shape: type(value).shape)
  }
  /// Repeats `x` along new axes in front of its own.
  public func broadcast(_ x: ValueID, leading dimensions: [Dimension]) -> ValueID {
    let own = type(x).shape
    return broadcast(x, axes: own.indices.map { $0 + dimensions.count }, shape: dimensions + own)
  }
  /// The same elements in another shape.
  public func reshape(_ x: ValueID, _ shape: [Dimension]) -> ValueID {
    type(x).shape == shape ? x : one(.reshape(shape), x)
  }
  /// Permutes the axes: result axis `i` is axis `permutation[i]` of `x`.
  public func transpose(_ x: ValueID, _ permutation: [Int]) -> ValueID {
    permutation == Array(permutation.indices) ? x : one(.transpose(permutation), x)
  }
  /// `count` elements along `axis`, starting `start` from the anchored end.
  public func slice(_ x: ValueID, axis: Int, start: Int, count: Int, anchor: Anchor = .front) -> ValueID {
    type(x).shape[axis] == .fixed(count)
      ? x : one(.slice(axis: axis, start: start, count: count, anchor: anchor), x)
  }
  /// Zeros of extent `to` along `axis`, with `x` in them.
  public func pad(_ x: ValueID, axis: Int, start: Int, to: Dimension, anchor: Anchor = .front) -> ValueID {
    type(x).shape[axis] == to ? x : one(.pad(axis: axis, start: start, to: to, anchor: anchor), x)
  }
  /// The values one after the other along an axis.
  public func concat(_ values: [ValueID], axis: Int) -> ValueID {
    values.count == 1 ? values[0] : add(.concat(axis: axis), values)[0]
  }
  /// The elements along an axis in the opposite order.
  public func reverse(_ x: ValueID, axis: Int) -> ValueID { one(.reverse(axis: axis), x) }
  /// The first `lengths` elements along an axis in the opposite order, the others in place.
  public func reversePrefix(_ x: ValueID, _ lengths: ValueID, axis: Int) -> ValueID {
    one(.reversePrefix(axis: axis), x, lengths)
  }
  /// 1 at each id's place along a new last axis.
  public func oneHot(_ ids: ValueID, extent: Int, _ element: ElementType) -> ValueID {
    one(.oneHot(extent, element), ids)
  }
  /// Rows of `table` by `ids`.
  public func gather(_ table: ValueID, _ ids: ValueID) -> ValueID { one(.gather, table, ids) }
  /// The sums of `rows` by `ids`, in a table of `extent` rows.
  public func scatterAdd(_ ids: ValueID, _ rows: ValueID, extent: Int, order: SumOrder = .any) -> ValueID {
    one(.scatterAdd(extent, order: order), ids, rows)
  }
}
