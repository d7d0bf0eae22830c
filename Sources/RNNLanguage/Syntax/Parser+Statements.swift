import RNNSupport

extension Parser {
  mutating func parseStatement() throws(Failure) -> Statement {
    let start = current.range
    let kind: Statement.Kind
    switch current.kind {
    case .keyword(let keyword) where isAtKeywordAsName:
      throw fail(.keywordAsName(keyword, at: advance().range))
    case .keyword(.param): kind = try parseDeclaration(.param)
    case .keyword(.input): kind = try parseDeclaration(.input)
    case .keyword(.target): kind = try parseDeclaration(.target)
    case .keyword(.state): kind = try parseDeclaration(.state)
    case .keyword(.output):
      advance()
      kind = .output(try parseOutputs())
    case .keyword(.loss):
      advance()
      kind = .loss(try parseMean(try parseExpression()))
    case .name(Self.measureWord) where isNameNext:
      advance()
      let name = try parseName("the name of a measure")
      guard isAt(.equals) else {
        throw expected("'='", notes: [Diagnostic.Note("such as measure \(name.text) = abs(y - t)")])
      }
      kind = .measure(try parseMean(Expression(.name(name.text), name.range)))
    case .name(DeclarationRole.const.rawValue) where isNameNext: kind = try parseDeclaration(.const)
    case .name, .next: kind = try parseDefinition()
    default:
      throw expected(
        "a statement",
        notes: [
          Diagnostic.Note(
            "a definition 'name = …', or one of param, const, input, target, state, output, loss, measure")
        ])
    }
    try endStatement()
    return Statement(kind: kind, range: range(from: start))
  }

  /// The word in front of a measure; elsewhere a name like any other.
  static let measureWord = "measure"

  /// Parses what follows `value`, which is the name if `=` does: `= value`, and weights behind a comma.
  private mutating func parseMean(_ value: Expression) throws(Failure) -> MeanItem {
    var (name, value) = (Name?.none, value)
    if case .name(let text) = value.kind, accept(.equals) {
      skipNewlines()
      name = Name(text: text, range: value.range)
      value = try parseExpression()
    }
    guard accept(.comma) else { return MeanItem(name: name, value: value, weights: nil) }
    skipNewlines()
    guard isAtName("weights") else {
      throw expected(
        "'weights:'",
        notes: [Diagnostic.Note("one value stands in a line, perhaps with weights: loss e, weights: w")])
    }
    advance()
    try expect(.colon)
    skipNewlines()
    return MeanItem(name: name, value: value, weights: try parseExpression())
  }

  private mutating func parseDeclaration(_ role: DeclarationRole) throws(Failure) -> Statement.Kind {
    advance()
    var groups: [DeclarationGroup] = []
    var initial: Expression?
    repeat {
      var names: [Name] = []
      var otherNames: [String: Name] = [:]
      var indices: [String: [Name]] = [:]
      repeat {
        skipNewlines()
        let name = try parseName("the name of \(role.described)")
        names.append(name)
        if role == .param, isAtName("as") {
          advance()
          otherNames[name.text] = try parseName("another name for the parameter")
        }
        if role == .const, isAt(.leftBracket) {
          let open = advance()
          indices[name.text] = try parseList(open, until: .rightBracket) { parser throws(Failure) in
            try parser.parseName("the name of an index")
          }
        }
      } while accept(.comma)
      do throws(Failure) {
        guard accept(.colon) else {
          let note =
            isAtName("as") ? "only a parameter has another name" : hint(forTypeOf: names[0], role)
          throw expected("':' and a type", notes: [Diagnostic.Note(note)])
        }
        groups.append(
          DeclarationGroup(names: names, otherNames: otherNames, indices: indices, type: try parseType()))
      } catch {
        // The names are declared, whatever their type: their uses are no further faults.
        let type = TypeSyntax(kind: .invalid, isSequence: false, length: nil, range: names[0].range)
        groups.append(DeclarationGroup(names: names, type: type))
        skipLine()
        let initial = role == .param || role == .const ? Expression(.invalid, names[0].range) : nil
        return .declaration(role, groups, initial: initial)
      }
    } while accept(.comma)
    if accept(.equals) {
      skipNewlines()
      initial = try recovering { parser throws(Failure) in
        let value = try parser.parseExpression()
        if case .punctuation(.comma) = parser.current.kind {
          let what = role == .const ? "the value" : "an initial value"
          let note =
            "\(what) stands last and serves all names of its statement; begin another '\(role.rawValue)'"
          throw parser.expected("the end of the statement", notes: [Diagnostic.Note(note)])
        }
        return value
      }
    }
    return .declaration(role, groups, initial: initial)
  }

  private func hint(forTypeOf name: Name, _ role: DeclarationRole) -> String {
    let example = "such as \(name.text): [H]"
    return role == .const && isAt(.equals)
      ? "\(example); a number needs no declaration: \(name.text) = 3" : example
  }

  private mutating func parseType() throws(Failure) -> TypeSyntax {
    let start = current.range
    var isSequence = false
    var length: Name?
    if isAtName("seq") {
      advance()
      isSequence = true
      if isAt(.leftParenthesis) {
        let open = advance()
        length = try parseName("the name of a number of steps")
        try close(open, with: .rightParenthesis)
      }
    }
    let kind: TypeSyntax.Kind
    if isAt(.leftBracket) {
      let open = advance()
      kind = .tensor(
        try parseList(open, until: .rightBracket) { parser throws(Failure) in try parser.parseExpression() })
    } else if isAtName("token") {
      advance()
      let open = current
      try expect(.leftParenthesis)
      let size = try parseExpression()
      try close(open, with: .rightParenthesis)
      kind = .token(size)
    } else {
      throw expected("a type", notes: [Diagnostic.Note("such as [H], token(V), seq [I] or seq token(V)")])
    }
    return TypeSyntax(kind: kind, isSequence: isSequence, length: length, range: range(from: start))
  }

  private mutating func parseDefinition() throws(Failure) -> Statement.Kind {
    var names: [DefinedName] = []
    repeat {
      skipNewlines()
      switch current.kind {
      case .name(let text):
        names.append(DefinedName(name: Name(text: text, range: advance().range), isNext: false))
      case .next(let text):
        names.append(DefinedName(name: Name(text: text, range: advance().range), isNext: true))
      default: throw expected("a name")
      }
    } while accept(.comma)
    guard accept(.equals) else {
      if let first = names.first?.name, let hint = ForeignWords.hint(forStatement: first.text) {
        throw fail(.foreignWord(first.text, hint: hint, at: first.range))
      }
      throw expected("'='", notes: [Diagnostic.Note(definitionHint(names))])
    }
    skipNewlines()
    return .definition(names, try recovering { parser throws(Failure) in try parser.parseExpression() })
  }

  /// What may have been meant by names without a value.
  private func definitionHint(_ names: [DefinedName]) -> String {
    let keywords = Keyword.allCases.map(\.rawValue)
    if let word = names.first?.name.text, let keyword = nearestName(to: word, among: keywords), isAtValue {
      return "did you mean '\(keyword)'?"
    }
    return isAt(.leftParenthesis)
      ? "the next value of a state is written h' = …, without its step"
      : "a statement is a definition 'name = …' or starts with a keyword"
  }

  private var isAtValue: Bool {
    switch current.kind {
    case .name, .next, .number: true
    case .keyword, .string, .punctuation, .foreign, .newline, .end: false
    }
  }

  private mutating func parseOutputs() throws(Failure) -> [OutputItem] {
    var items: [OutputItem] = []
    repeat {
      skipNewlines()
      let value = try parseExpression()
      if case .name(let text) = value.kind, accept(.equals) {
        skipNewlines()
        let name = Name(text: text, range: value.range)
        items.append(OutputItem(name: name, value: try parseExpression()))
      } else {
        items.append(OutputItem(name: nil, value: value))
      }
    } while accept(.comma)
    return items
  }

  /// Parses the value of a name; if that fails, the name still stands, with an invalid value.
  private mutating func recovering(_ parse: (inout Parser) throws(Failure) -> Expression) throws(Failure)
    -> Expression
  {
    let start = current.range
    do throws(Failure) {
      let value = try parse(&self)
      try endStatement()
      return value
    } catch {
      skipLine()
      return Expression(.invalid, start)
    }
  }
}

extension DeclarationRole {
  var described: String {
    switch self {
    case .param: "a parameter"
    case .const: "a constant"
    case .input: "an input"
    case .target: "a target"
    case .state: "a state"
    }
  }
}
