extension GraphParser {
  /// The attributes of an operation behind its operands, as a function that makes the kind when the type of the result
  /// is known; nil if the word names no operation.
  mutating func operationAttributes(
    _ word: String
  ) throws(GraphParseError) -> ((TensorType) -> OperationKind)? {
    if let function = UnaryFunction(rawValue: word) { return { _ in .unary(function) } }
    if let function = BinaryFunction(rawValue: word) { return { _ in .binary(function) } }
    if let comparison = Comparison(rawValue: word) { return { _ in .compare(comparison) } }
    for reduction in Reduction.allCases where word == OperationKind.reduce(reduction, axes: []).mnemonic {
      let axes = try list("axes")
      let order = try order()
      return { _ in .reduce(reduction, axes: axes, order: order) }
    }
    switch word {
    case "constant":
      let number = try number()
      return { .constant(number, $0) }
    case "table":
      let table = try table()
      return { .table(table, $0) }
    case "size":
      try expect(word: "of")
      let symbols = try symbols()
      return { .size(symbols, $0.element) }
    case "iota": return { .iota($0.shape.first ?? .fixed(0), $0.element) }
    case "random":
      let stream = try labelled("stream")
      return { .random(stream: stream, shape: $0.shape, $0.element) }
    case "select": return { _ in .select }
    case "convert": return { .convert($0.element) }
    case "detach": return { _ in .surrogate(.stop) }
    case "straight_through": return { _ in .surrogate(.straightThrough) }
    case "clip_gradient":
      try expect(word: "bound")
      let bound = try group { parser throws(GraphParseError) in try parser.number() }
      return { _ in .surrogate(.clip(bound)) }
    case "dot":
      let axes = try dotAxes()
      return { _ in .dot(axes) }
    case "broadcast":
      let axes = try list("axes")
      return { .broadcast(axes: axes, shape: $0.shape) }
    case "reshape": return { .reshape($0.shape) }
    case "transpose":
      let axes = try list("axes")
      return { _ in .transpose(axes) }
    case "slice":
      let axis = try labelled("axis")
      let (anchor, start) = try position()
      let count = try labelled("count")
      return { _ in .slice(axis: axis, start: start, count: count, anchor: anchor) }
    case "pad":
      let axis = try labelled("axis")
      let (anchor, start) = try position()
      try expect(word: "to")
      let to = try group { parser throws(GraphParseError) in try parser.dimension() }
      return { _ in .pad(axis: axis, start: start, to: to, anchor: anchor) }
    case "concat":
      let axis = try labelled("axis")
      return { _ in .concat(axis: axis) }
    case "reverse":
      let axis = try labelled("axis")
      return { _ in .reverse(axis: axis) }
    case "reverse_prefix":
      let axis = try labelled("axis")
      return { _ in .reversePrefix(axis: axis) }
    case "one_hot":
      let extent = try labelled("extent")
      return { .oneHot(extent, $0.element) }
    case "gather": return { _ in .gather }
    case "scatter_add":
      let extent = try labelled("extent")
      let order = try order()
      return { _ in .scatterAdd(extent, order: order) }
    default: return nil
    }
  }

  /// `contract(1; 1)` and perhaps `batch(0; 0)`, `wide` and the order.
  private mutating func dotAxes() throws(GraphParseError) -> DotAxes {
    try expect(word: "contract")
    let (lhs, rhs) = try pairedLists()
    var axes = DotAxes(lhsContracting: lhs, rhsContracting: rhs)
    if accept(word: "batch") { (axes.lhsBatch, axes.rhsBatch) = try pairedLists() }
    axes.isWide = accept(word: "wide")
    axes.order = try order()
    return axes
  }

  /// `chain`, or nothing.
  private mutating func order() throws(GraphParseError) -> SumOrder {
    accept(word: SumOrder.chain.rawValue) ? .chain : .any
  }

  private mutating func pairedLists() throws(GraphParseError) -> ([Int], [Int]) {
    try expect("(")
    let lhs = try integers(until: ";")
    let rhs = try integers(until: ")")
    return (lhs, rhs)
  }

  /// `word(1, 2)`.
  private mutating func list(_ word: String) throws(GraphParseError) -> [Int] {
    try expect(word: word)
    try expect("(")
    return try integers(until: ")")
  }

  private mutating func integers(until end: Unicode.Scalar) throws(GraphParseError) -> [Int] {
    var numbers: [Int] = []
    while !accept(end) {
      if !numbers.isEmpty { try expect(",") }
      numbers.append(try integer())
    }
    return numbers
  }

  /// `(T, B)`.
  mutating func symbols() throws(GraphParseError) -> [Symbol] {
    try expect("(")
    var symbols: [Symbol] = []
    while !accept(")") {
      if !symbols.isEmpty { try expect(",") }
      symbols.append(try symbol())
    }
    return symbols
  }

  /// `word(1)`.
  private mutating func labelled(_ word: String) throws(GraphParseError) -> Int {
    try expect(word: word)
    return try group { parser throws(GraphParseError) in try parser.integer() }
  }

  /// `front(1)` or `back(1)`.
  private mutating func position() throws(GraphParseError) -> (Anchor, Int) {
    for anchor in Anchor.allCases where accept(word: anchor.rawValue) {
      return (anchor, try group { parser throws(GraphParseError) in try parser.integer() })
    }
    throw unexpected("'front' or 'back'")
  }
}
