/// Reads a list of words from the first to the last: what the parsers of graphs and of plans have in common.
package protocol TokenParser {
  /// The words; the last one is `.end`, which is never passed.
  var tokens: [GraphToken] { get }
  /// The place of the word that comes next.
  var place: Int { get set }
}

extension TokenParser {
  package var token: GraphToken { tokens[place] }

  package mutating func take() -> GraphToken {
    let token = self.token
    if place < tokens.count - 1 { place += 1 }
    return token
  }

  /// The comment behind the line that ends with the last word.
  package var comment: String? { place > 0 ? tokens[place - 1].comment : nil }

  /// The places that it names.
  package var places: SourcePlaces { comment.flatMap(SourcePlaces.init(comment:)) ?? .none }

  package func unexpected(_ wanted: String) -> GraphParseError {
    token.error("expected \(wanted), found \(token.name)")
  }

  package mutating func accept(_ mark: Unicode.Scalar) -> Bool {
    guard token.kind == .mark(mark) else { return false }
    _ = take()
    return true
  }

  package mutating func accept(word: String) -> Bool {
    guard token.kind == .word(word) else { return false }
    _ = take()
    return true
  }

  package mutating func expect(_ mark: Unicode.Scalar) throws(GraphParseError) {
    guard accept(mark) else { throw unexpected("'\(mark)'") }
  }

  package mutating func expect(word: String) throws(GraphParseError) {
    guard accept(word: word) else { throw unexpected("'\(word)'") }
  }

  package mutating func word() throws(GraphParseError) -> String {
    guard case .word(let word) = token.kind else { throw unexpected("a word") }
    _ = take()
    return word
  }

  package mutating func string() throws(GraphParseError) -> String {
    guard case .string(let string) = token.kind else { throw unexpected("a string") }
    _ = take()
    return string
  }

  /// A whole number from 0 to the largest `Int32`, so that sums and products of a few cannot overflow.
  package mutating func integer() throws(GraphParseError) -> Int {
    guard case .number(let digits) = token.kind, let number = Int32(digits), number >= 0 else {
      throw unexpected("a whole number")
    }
    _ = take()
    return Int(number)
  }

  /// Any number; infinities and NaN are words.
  package mutating func number() throws(GraphParseError) -> Double {
    switch token.kind {
    case .number(let digits), .word(let digits):
      guard let number = Double(digits) else { throw unexpected("a number") }
      _ = take()
      return number
    case .value, .string, .mark, .end: throw unexpected("a number")
    }
  }

  /// Numbers in parentheses.
  package mutating func table() throws(GraphParseError) -> NumberTable {
    try expect("(")
    var numbers: [Double] = []
    while !accept(")") {
      if !numbers.isEmpty { try expect(",") }
      numbers.append(try number())
    }
    return NumberTable(numbers)
  }

  /// One item in parentheses.
  package mutating func group<Item>(
    _ item: (inout Self) throws(GraphParseError) -> Item
  ) throws(GraphParseError) -> Item {
    try expect("(")
    let result = try item(&self)
    try expect(")")
    return result
  }

  package mutating func symbol() throws(GraphParseError) -> Symbol {
    let start = token
    let name = try word()
    guard isIdentifier(name) else { throw start.error("\(start.name) is not a symbol") }
    return Symbol(name)
  }
}
