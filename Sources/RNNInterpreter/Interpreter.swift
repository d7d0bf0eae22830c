import RNNGraph

/// Evaluates a graph, slowly and obviously: what the compiled code is compared with.
///
/// Each operation is computed in `Double` and rounded once to the element type of its result.
public struct Interpreter: Sendable {
  /// The graph that is evaluated.
  public let graph: Graph

  /// Makes an interpreter of a graph.
  ///
  /// - Requires: the graph is verified.
  public init(_ graph: Graph) { self.graph = graph }

  /// Evaluates the graph and gives its outputs by name.
  ///
  /// Sizes that occur in the shape of an input need not be given.
  ///
  /// - Throws: `InterpreterError` if the inputs do not fit the graph, or an id or a position is out of range.
  public func run(
    inputs: [String: DenseArray], sizes: [Symbol: Int] = [:]
  ) throws(InterpreterError) -> [String: DenseArray] {
    let sizes = try bind(inputs, sizes)
    var evaluation = Evaluation(graph: graph, sizes: sizes)
    let arguments = graph.inputs.compactMap { inputs[$0.name] }
    let results = try evaluation.run(.entry, arguments)
    return Dictionary(
      zip(graph.outputs.map(\.name), results), uniquingKeysWith: { first, _ in first })
  }

  /// Checks the inputs and gives the size of each symbol.
  private func bind(
    _ inputs: [String: DenseArray], _ given: [Symbol: Int]
  ) throws(InterpreterError) -> [Symbol: Int] {
    var sizes = given
    for (symbol, size) in given where size < 0 { throw .wrongSize(symbol, [size]) }
    if let name = inputs.keys.sorted().first(where: { graph.input(named: $0) == nil }) {
      throw .unknownInput(name)
    }
    for input in graph.inputs {
      guard let array = inputs[input.name] else { throw .missingInput(input.name) }
      let type = graph.type(input.value)
      guard array.element == type.element, array.shape.count == type.rank else {
        throw .wrongType(input: input.name, expected: type, found: array.typeDescription)
      }
      for (dimension, extent) in zip(type.shape, array.shape) {
        switch dimension {
        case .fixed(let expected):
          if extent != expected {
            throw .wrongType(input: input.name, expected: type, found: array.typeDescription)
          }
        case .symbol(let symbol):
          let known = sizes[symbol] ?? extent
          if known != extent { throw .wrongSize(symbol, [known, extent]) }
          sizes[symbol] = extent
        }
      }
      if let limit = input.idLimit,
        let id = array.numbers.first(where: { $0 < 0 || $0 >= Double(limit) })
      {
        throw .inputIDOutOfRange(input: input.name, id: Int(id), limit: limit)
      }
    }
    return sizes
  }
}

/// One run: the sizes of symbols and the values computed so far.
struct Evaluation {
  let graph: Graph
  var sizes: [Symbol: Int]
  /// The values of regions being evaluated, by `ValueID.index`.
  private var values: [DenseArray?]

  init(graph: Graph, sizes: [Symbol: Int]) {
    self.graph = graph
    self.sizes = sizes
    values = Array(repeating: nil, count: graph.valueCount)
  }

  /// Evaluates a region on its arguments and gives its results.
  mutating func run(
    _ region: RegionID, _ arguments: [DenseArray]
  ) throws(InterpreterError) -> [DenseArray] {
    let region = graph[region]
    for (value, array) in zip(region.arguments, arguments) { values[value.index] = array }
    for id in region.operations {
      let operation = graph[id]
      let results = try evaluate(id, operation.kind, operation.operands.map { self[$0] })
      for (value, array) in zip(operation.results, results) { values[value.index] = array }
    }
    return region.results.map { self[$0] }
  }

  private subscript(value: ValueID) -> DenseArray {
    guard let array = values[value.index] else {
      preconditionFailure("\(value) is read before it is defined")
    }
    return array
  }

  /// The results of one operation.
  private mutating func evaluate(
    _ id: OperationID, _ kind: OperationKind, _ x: [DenseArray]
  ) throws(InterpreterError) -> [DenseArray] {
    if case .scan(let scan) = kind { return try self.scan(scan, graph[id].results, x) }
    return [try evaluateOne(id, kind, x)]
  }

  private func evaluateOne(
    _ id: OperationID, _ kind: OperationKind, _ x: [DenseArray]
  ) throws(InterpreterError) -> DenseArray {
    switch kind {
    case .constant(let number, let type): DenseArray(type.element, try extents(type.shape), repeating: number)
    case .table(let table, let type): DenseArray(type.element, try extents(type.shape), table.numbers)
    case .size(let symbols, let element): DenseArray(element, scalar: try product(of: symbols))
    case .iota(let extent, let element): iota(try self.extent(extent), element)
    case .random(let stream, let shape, let element):
      random(keys: x[0], counters: x[1], stream: stream, try extents(shape), element)
    case .unary(let function): x[0].mapped(function)
    case .binary(let function): x[0].mapped(function, with: x[1])
    case .compare(let comparison): x[0].compared(comparison, with: x[1])
    case .select: x[0].selected(x[1], x[2])
    case .convert(let element): DenseArray(element, x[0].shape, x[0].numbers)
    case .surrogate: x[0]
    case .dot(let axes): x[0].dot(x[1], axes, from: x.dropFirst(2).first)
    case .reduce(let reduction, let axes, _): x[0].reduced(reduction, axes, from: x.dropFirst().first)
    case .broadcast(let axes, let shape): x[0].broadcast(axes, try extents(shape))
    case .reshape(let shape): DenseArray(exact: x[0].element, try extents(shape), x[0].numbers)
    case .transpose(let permutation): x[0].transposed(permutation)
    case .slice(let axis, let start, let count, let anchor):
      x[0].sliced(
        axis, start: try position(id, anchor, start, count, in: x[0].shape[axis]), count: count)
    case .pad(let axis, let start, let to, let anchor):
      try padded(id, x[0], axis: axis, start: start, anchor, extent: extent(to))
    case .concat(let axis): DenseArray.concatenated(x, axis)
    case .reverse(let axis): x[0].reversed(axis)
    case .reversePrefix(let axis): try reversedPrefix(id, x[0], lengths: x[1], axis)
    case .oneHot(let extent, let element): try oneHot(id, x[0], extent, element)
    case .gather: try gather(id, table: x[0], ids: x[1])
    case .scatterAdd(let extent, _):
      try scatterAdd(id, ids: x[0], rows: x[1], extent, from: x.dropFirst(2).first)
    case .scan: preconditionFailure("a scan has a list of results")
    }
  }

  // MARK: Sizes

  func extent(_ dimension: Dimension) throws(InterpreterError) -> Int {
    switch dimension {
    case .fixed(let extent): return extent
    case .symbol(let symbol):
      guard let extent = sizes[symbol] else { throw .unknownSize(symbol) }
      return extent
    }
  }

  func extents(_ shape: [Dimension]) throws(InterpreterError) -> [Int] {
    var result: [Int] = []
    for dimension in shape { result.append(try extent(dimension)) }
    return result
  }

  private func product(of symbols: [Symbol]) throws(InterpreterError) -> Double {
    var product = 1.0
    for symbol in symbols { product *= Double(try extent(.symbol(symbol))) }
    return product
  }

  /// The first of `count` places that start, or at the back end, `start` from an end of an axis.
  func position(
    _ id: OperationID, _ anchor: Anchor, _ start: Int, _ count: Int, in extent: Int
  ) throws(InterpreterError) -> Int {
    let first =
      switch anchor {
      case .front: start
      case .back: extent - start - count
      }
    guard first >= 0, first + count <= extent else {
      throw .rangeOutOfAxis(
        operation: graph.description(of: id), first: first, count: count, extent: extent)
    }
    return first
  }
}
