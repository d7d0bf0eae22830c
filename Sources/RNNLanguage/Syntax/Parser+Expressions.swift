import RNNSupport

extension Parser {
  mutating func parseExpression() throws(Failure) -> Expression {
    try parseBinary(precedence: 1)
  }

  private mutating func parseBinary(precedence: Int) throws(Failure) -> Expression {
    var left = try parseUnary()
    var isComparison = false
    // An operator may stand at the end of a line or at the start of the next: no statement starts with one.
    while case .punctuation(let sign) = nextSignificant.kind,
      let operation = BinaryOperator(rawValue: sign.rawValue), operation.precedence >= precedence
    {
      skipNewlines()
      advance()
      skipNewlines()
      let right = try parseBinary(precedence: operation.precedence + 1)
      let range = left.range.joined(right.range)
      if operation.isComparison, isComparison { throw fail(.chainedComparison(at: range)) }
      isComparison = operation.isComparison
      left = try bounded(Expression(.binary(operation, left, right), range))
    }
    return left
  }

  private mutating func parseUnary() throws(Failure) -> Expression {
    guard isAt(.minus) else { return try parsePostfix() }
    let start = advance().range
    let operand = try nested { parser throws(Failure) in try parser.parseUnary() }
    return try bounded(Expression(.negate(operand), start.joined(operand.range)))
  }

  private mutating func parsePostfix() throws(Failure) -> Expression {
    var base = try parsePrimary()
    while true {
      if isAt(.leftBracket) {
        let open = advance()
        let inner = try nested { parser throws(Failure) in try parser.parseIndex(of: base, open) }
        base = try bounded(inner)
      } else if isAt(.dot) {
        advance()
        switch current.kind {
        case .name(let text):
          let name = Name(text: text, range: advance().range)
          base = Expression(.member(base, name, isNext: false), base.range.joined(name.range))
        case .next(let text):
          let name = Name(text: text, range: advance().range)
          base = Expression(.member(base, name, isNext: true), base.range.joined(name.range))
        default: throw expected("a name behind '.'")
        }
        if isAt(.leftParenthesis), case .member(let inner, let name, _) = base.kind {
          throw fail(.callOfMember(inner, name, at: base.range))
        }
        base = try bounded(base)
      } else {
        return base
      }
    }
  }

  private mutating func parseIndex(of base: Expression, _ open: Token) throws(Failure) -> Expression {
    skipNewlines()
    var start: Expression?
    if !isAt(.colon) { start = try parseExpression() }
    skipNewlines()
    guard accept(.colon) else {
      try close(open, with: .rightBracket)
      guard let start else { return Expression(.invalid, base.range) }
      return Expression(.element(base, start), range(from: base.range))
    }
    skipNewlines()
    var end: Expression?
    if !isAt(.rightBracket) { end = try parseExpression() }
    try close(open, with: .rightBracket)
    return Expression(.slice(base, start, end), range(from: base.range))
  }

  private mutating func parsePrimary() throws(Failure) -> Expression {
    switch current.kind {
    case .number(let value): return Expression(.number(value), advance().range)
    case .string(let text): return Expression(.text(text), advance().range)
    case .next(let text): return Expression(.next(text), advance().range)
    case .name(let text):
      let name = Name(text: text, range: advance().range)
      guard isAt(.leftParenthesis) else { return Expression(.name(text), name.range) }
      let open = advance()
      let arguments = try nested { parser throws(Failure) in
        try parser.parseList(open, until: .rightParenthesis) { parser throws(Failure) in
          try parser.parseArgument()
        }
      }
      return try bounded(Expression(.call(name, arguments), range(from: name.range)))
    case .punctuation(.leftParenthesis):
      let open = advance()
      let elements = try nested { parser throws(Failure) in
        try parser.parseList(open, until: .rightParenthesis) { parser throws(Failure) in
          try parser.parseExpression()
        }
      }
      if elements.isEmpty {
        throw fail(
          Diagnostic("syntax", "expected an expression between '(' and ')'", at: range(from: open.range)))
      }
      if elements.count == 1 { return Expression(elements[0].kind, range(from: open.range)) }
      return try bounded(Expression(.tuple(elements), range(from: open.range)))
    default: throw expected("an expression")
    }
  }

  private mutating func parseArgument() throws(Failure) -> Argument {
    let value = try parseExpression()
    guard case .name(let text) = value.kind, isAt(.colon) else { return Argument(label: nil, value: value) }
    advance()
    skipNewlines()
    return Argument(label: Name(text: text, range: value.range), value: try parseExpression())
  }

  /// Runs a parser one level of brackets further in.
  private mutating func nested<Result>(_ parse: (inout Parser) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    if nesting >= Self.depthLimit { throw fail(.tooDeep(at: current.range)) }
    nesting += 1
    defer { nesting -= 1 }
    return try parse(&self)
  }

  private mutating func bounded(_ expression: Expression) throws(Failure) -> Expression {
    if expression.depth > Self.depthLimit { throw fail(.tooDeep(at: expression.range)) }
    return expression
  }
}
