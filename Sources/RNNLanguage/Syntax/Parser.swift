import RNNSupport

/// Parses a file by recursive descent.
///
/// A fault is reported where it stands; the parser then goes on behind the line it is in, so that each faulty
/// statement is reported once and all of them are.
struct Parser {
  /// The fault was reported; the caller goes on at the next place where it can.
  struct Failure: Error {}

  /// The number of levels of an expression: bounds the recursion of everything that walks one.
  static let depthLimit = 128

  private let source: SourceFile
  private let tokens: [Token]
  private var index = 0
  private(set) var diagnostics: DiagnosticSet
  private var lastEnd = 0
  var nesting = 0
  private var faultCount = 0

  init(_ source: SourceFile) {
    self.source = source
    var lexer = Lexer(source)
    tokens = lexer.run()
    diagnostics = lexer.diagnostics
  }

  /// Parses the whole file; what is wrong is in `diagnostics`.
  mutating func run() -> SyntaxFile {
    var declarations: [Declaration] = []
    skipNewlines()
    let language = parseLanguage()
    // Whatever follows may be right in a version that is not known here.
    let isKnown = language ?? 1 <= SyntaxFile.latestLanguage
    skipNewlines()
    while isKnown, current.kind != .end {
      do throws(Failure) {
        declarations.append(try parseDeclaration())
      } catch {
        skipToDeclaration()
      }
      skipNewlines()
    }
    return SyntaxFile(source: source, language: language, declarations: declarations)
  }

  /// Parses the line that names the version of the language; nil if there is none, or none that is right.
  private mutating func parseLanguage() -> Int? {
    guard isAtName(Self.languageWord) else { return nil }
    advance()
    do throws(Failure) {
      guard case .number(let value) = current.kind, let version = Int(exactly: value), version > 0 else {
        throw expected("the version of the language", notes: [.language])
      }
      let site = advance().range
      if version > SyntaxFile.latestLanguage {
        report(.newerLanguage(version, at: site))
      } else {
        try endStatement()
      }
      return version
    } catch {
      skipLine()
      return nil
    }
  }

  /// The word in front of the version of the language; elsewhere a name like any other.
  static let languageWord = "language"

  // MARK: Tokens

  var current: Token { tokens[index] }

  /// Whether a name stands behind the current token, which is then a word that starts a statement.
  var isNameNext: Bool {
    if index + 1 < tokens.count, case .name = tokens[index + 1].kind { true } else { false }
  }

  /// The first token behind the line breaks at the current place.
  var nextSignificant: Token {
    var ahead = index
    while tokens[ahead].kind == .newline { ahead += 1 }
    return tokens[ahead]
  }

  @discardableResult
  mutating func advance() -> Token {
    let token = current
    if token.kind != .end { index += 1 }
    lastEnd = token.range.end
    return token
  }

  mutating func skipNewlines() {
    while current.kind == .newline { advance() }
  }

  func isAt(_ sign: Punctuation) -> Bool { current.kind == .punctuation(sign) }

  func isAtName(_ text: String) -> Bool { current.kind == .name(text) }

  mutating func accept(_ sign: Punctuation) -> Bool {
    guard isAt(sign) else { return false }
    advance()
    return true
  }

  mutating func expect(_ sign: Punctuation) throws(Failure) {
    if !accept(sign) { throw fail(.expected("'\(sign.rawValue)'", found: current)) }
  }

  /// Takes the sign that closes `open`, on this line or a later one.
  ///
  /// If it is missing, the fault stands where the line ends, and what follows is not swallowed.
  mutating func close(_ open: Token, with sign: Punctuation) throws(Failure) {
    if nextSignificant.kind == .punctuation(sign) {
      skipNewlines()
      advance()
    } else if let foreign = foreignOperator {
      throw fail(foreign)
    } else {
      throw fail(.unclosed(open, expected: sign, found: current))
    }
  }

  /// What is wrong if an operator of another language stands here or just in front of here.
  private var foreignOperator: Diagnostic? {
    for token in [current, tokens[max(0, index - 1)]] {
      guard case .name(let word) = token.kind, let hint = ForeignWords.hint(forOperator: word) else {
        continue
      }
      return .foreignWord(word, hint: hint, at: token.range)
    }
    return nil
  }

  mutating func parseName(_ what: String) throws(Failure) -> Name {
    guard case .name(let text) = current.kind else { throw expected(what) }
    return Name(text: text, range: advance().range)
  }

  // MARK: Faults

  mutating func report(_ diagnostic: Diagnostic) {
    faultCount += 1
    diagnostics.report(diagnostic)
  }

  mutating func fail(_ diagnostic: Diagnostic) -> Failure {
    report(diagnostic)
    return Failure()
  }

  mutating func expected(_ what: String, notes: [Diagnostic.Note] = []) -> Failure {
    // One that starts a line is no name: the line before lacks its end.
    if case .keyword(let keyword) = current.kind, !startsLine {
      return fail(.keywordAsName(keyword, at: current.range))
    }
    return fail(.expected(what, found: current, notes: notes))
  }

  /// The range from `start` to the end of the last token taken.
  func range(from start: SourceRange) -> SourceRange {
    SourceRange(source, from: start.start, to: max(start.end, lastEnd))
  }

  var isAtDeclaration: Bool {
    if case .keyword(let keyword) = current.kind {
      keyword.startsDeclaration && !isAtKeywordAsName
    } else {
      false
    }
  }

  /// Whether a keyword stands where a definition has its name.
  var isAtKeywordAsName: Bool {
    guard case .keyword = current.kind, index + 1 < tokens.count else { return false }
    return tokens[index + 1].kind == .punctuation(.equals) || tokens[index + 1].kind == .punctuation(.comma)
  }

  private var startsLine: Bool { index == 0 || tokens[index - 1].kind == .newline }

  private mutating func skipToDeclaration() {
    repeat { advance() } while current.kind != .end && !(isAtDeclaration && (startsLine || isBehindBody))
  }

  private var isBehindBody: Bool { index > 0 && tokens[index - 1].kind == .punctuation(.rightBrace) }

  /// Goes to the end of the line, or to the brace that ends the body; a block in braces is skipped as a whole.
  ///
  /// A fault at a keyword that starts a line leaves that line whole: the line before it lacks its end.
  mutating func skipLine() {
    if startsLine, case .keyword = current.kind { return }
    var depth = 0
    while current.kind != .end, !(startsLine && isAtDeclaration) {
      if depth == 0, current.kind == .newline || isAt(.rightBrace) { return }
      if isAt(.leftBrace) { depth += 1 } else if isAt(.rightBrace) { depth -= 1 }
      advance()
    }
  }

  // MARK: Declarations

  private mutating func parseDeclaration() throws(Failure) -> Declaration {
    switch current.kind {
    case .keyword(.cell): return .unit(try parseUnit(.cell))
    case .keyword(.model): return .unit(try parseUnit(.model))
    case .keyword(.fn): return .function(try parseFunction())
    case .keyword(.import): return .importation(try parseImport())
    case .name(Self.languageWord): throw fail(.misplacedLanguage(at: current.range))
    case .name(let word):
      guard let hint = ForeignWords.hint(forStatement: word) else { fallthrough }
      throw fail(.foreignWord(word, hint: hint, at: current.range))
    default:
      throw expected("a declaration", notes: [Diagnostic.Note("one of cell, model, fn and import")])
    }
  }

  private mutating func parseImport() throws(Failure) -> ImportDeclaration {
    advance()
    guard case .string(let path) = current.kind else {
      throw expected("a path in quotes", notes: [Diagnostic.Note("such as import \"cells.rnn\"")])
    }
    let range = advance().range
    try endStatement()
    return ImportDeclaration(path: path, range: range)
  }

  private mutating func parseFunction() throws(Failure) -> FunctionDeclaration {
    advance()
    let name = try parseName("the name of a function")
    var parameters: [Name] = []
    do throws(Failure) {
      let open = current
      try expect(.leftParenthesis)
      parameters = try parseList(open, until: .rightParenthesis) { parser throws(Failure) in
        try parser.parseName("the name of a parameter")
      }
      try expect(.equals)
      skipNewlines()
      let body = try parseExpression()
      try endStatement()
      return FunctionDeclaration(name: name, parameters: parameters, body: body)
    } catch {
      // The function exists, whatever it computes: its uses are no further faults.
      skipLine()
      return FunctionDeclaration(
        name: name, parameters: parameters, body: Expression(.invalid, name.range))
    }
  }

  private mutating func parseUnit(_ kind: UnitDeclaration.Kind) throws(Failure) -> UnitDeclaration {
    advance()
    let name = try parseName("the name of a \(kind.rawValue)")
    let faultsBefore = faultCount
    var sizes: [SizeParameter] = []
    if isAt(.leftParenthesis) {
      let open = advance()
      do throws(Failure) {
        sizes = try parseList(open, until: .rightParenthesis) { parser throws(Failure) in
          let name = try parser.parseName("the name of a size")
          let value: Expression? = parser.accept(.equals) ? try parser.parseExpression() : nil
          return SizeParameter(name: name, defaultValue: value)
        }
      } catch {
        while current.kind != .newline, current.kind != .end, !isAt(.leftBrace) { advance() }
      }
    }
    skipNewlines()
    let open = current
    try expect(.leftBrace)
    var statements: [Statement] = []
    while true {
      skipNewlines()
      if accept(.rightBrace) { break }
      if current.kind == .end || isAtDeclaration {
        report(.unclosed(open, expected: .rightBrace, found: current))
        break
      }
      do throws(Failure) {
        statements.append(try parseStatement())
      } catch {
        skipLine()
      }
    }
    return UnitDeclaration(
      kind: kind, name: name, sizes: sizes, statements: statements, isIncomplete: faultCount > faultsBefore)
  }

  /// Parses items separated by commas up to the sign that closes `open`; a comma may end the list.
  mutating func parseList<Item>(
    _ open: Token, until sign: Punctuation, item: (inout Parser) throws(Failure) -> Item
  ) throws(Failure) -> [Item] {
    var items: [Item] = []
    while nextSignificant.kind != .punctuation(sign) {
      skipNewlines()
      items.append(try item(&self))
      guard nextSignificant.kind == .punctuation(.comma) else { break }
      skipNewlines()
      advance()
    }
    try close(open, with: sign)
    return items
  }

  /// Checks that the statement ends here.
  mutating func endStatement() throws(Failure) {
    switch current.kind {
    case .newline, .end, .punctuation(.rightBrace): break
    default: throw fail(foreignOperator ?? .unfinished(current))
    }
  }
}
