import RNNGraph

extension PlanParser {
  /// What a word stands for that is a symbol: one that could be taken for an index is in quotation marks.
  mutating func symbol() throws(GraphParseError) -> Symbol {
    let start = token
    let name: String
    if case .string(let text) = token.kind {
      name = text
      _ = take()
    } else {
      name = try word()
      if Index(text: name) != nil { throw start.error("\(start.name) is an index, and no symbol") }
    }
    guard isIdentifier(name) else { throw start.error("\(start.name) is not a symbol") }
    return Symbol(name)
  }

  mutating func positive() throws(GraphParseError) -> Int {
    let start = token
    let number = try integer()
    if number == 0 { throw start.error("0 is too small") }
    return number
  }

  /// A whole number below the number of things of a sort.
  mutating func integer(below limit: Int, _ sort: String) throws(GraphParseError) -> Int {
    let start = token
    let number = try integer()
    if number >= limit { throw start.error("there is no \(sort) \(number)") }
    return number
  }

  // MARK: Sizes

  /// `2·T·S + 3`.
  mutating func size() throws(GraphParseError) -> Size {
    let start = token
    var size = try term()
    while accept("+") { size = try sum(size, term(), start) }
    return size
  }

  /// The largest size: sums and products of a few cannot overflow.
  private static let largest = 0x1p56

  private func sum(_ a: Size, _ b: Size, _ start: GraphToken) throws(GraphParseError) -> Size {
    if !Set(a.terms.keys).isDisjoint(with: b.terms.keys) { throw start.error("a term is there twice") }
    let sum = a + b
    if sum.magnitude >= Self.largest { throw start.error("the size is too large") }
    return sum
  }

  /// `2·T·S`, `T` or `3`.
  private mutating func term() throws(GraphParseError) -> Size {
    let start = token
    var factor = 1
    if case .number(let digits) = token.kind {
      guard let number = Int(digits), abs(Double(number)) < Self.largest else {
        throw start.error("\(start.name) is no whole number, or too large")
      }
      _ = take()
      factor = number
      if !accept("·") { return Size(number) }
    }
    var symbols = [try symbol()]
    while accept("·") { symbols.append(try symbol()) }
    if symbols.count > 8 { throw start.error("a product of more than 8 symbols") }
    let size = symbols.reduce(Size(factor)) { $0 * Size($1) }
    if size.magnitude >= Self.largest { throw start.error("the size is too large") }
    return size
  }

  // MARK: Indices

  /// `i0·8 + t1·(4·T) + odd(T) + 3`.
  mutating func form() throws(GraphParseError) -> Affine {
    let start = token
    var form = Affine(0)
    repeat {
      if let index = try index() {
        let factor = accept("·") ? try factor() : 1
        if form.factors[index] != nil { throw start.error("\(index) is there twice") }
        form = form + Affine(index, times: factor)
      } else {
        form.constant = try sum(form.constant, term(), start)
      }
    } while accept("+")
    return form
  }

  /// The next word if it is an index; nil if it is not.
  private mutating func index() throws(GraphParseError) -> Index? {
    guard case .word(let word) = token.kind else { return nil }
    if let index = Index(text: word) {
      _ = take()
      return index
    }
    guard word == "odd", tokens[min(place + 1, tokens.count - 1)].kind == .mark("(") else { return nil }
    _ = take()
    return .stepsParity(try group { parser throws(GraphParseError) in try parser.symbol() })
  }

  /// `8`, `-8` or `(4·T)`.
  private mutating func factor() throws(GraphParseError) -> Size {
    if case .number = token.kind { return try wholeNumber() }
    return try group { parser throws(GraphParseError) in try parser.size() }
  }

  private mutating func wholeNumber() throws(GraphParseError) -> Size {
    let start = token
    let size = try term()
    if size.constant == nil { throw start.error("a factor with symbols stands in parentheses") }
    return size
  }

  /// An extent of a domain as `i0 < 8`, where the index must be the next one.
  mutating func extents(from first: Int) throws(GraphParseError) -> [Size] {
    var extents: [Size] = []
    try expect("[")
    while !accept("]") {
      if !extents.isEmpty { try expect(",") }
      try expect(word: "i\(first + extents.count)")
      try expect("<")
      extents.append(try size())
    }
    return extents
  }

  /// An axis, `i0`.
  mutating func axis() throws(GraphParseError) -> Int {
    let start = token
    guard case .axis(let axis)? = Index(text: try word()) else {
      throw start.error("\(start.name) is not an axis")
    }
    return axis
  }
}

extension Size {
  /// More than its magnitude for as many steps as the verifier tries.
  var magnitude: Double {
    terms.reduce(0) { sum, term in
      sum + abs(Double(term.value)) * term.key.reduce(1.0) { product, _ in product * 64 }
    }
  }
}
