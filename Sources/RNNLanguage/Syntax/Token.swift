import RNNSupport

/// A word that cannot be used as a name.
enum Keyword: String, CaseIterable, Sendable {
  case cell, model, fn, `import`, param, input, target, state, output, loss

  /// Whether it starts a declaration of a file.
  var startsDeclaration: Bool {
    switch self {
    case .cell, .model, .fn, .import: true
    case .param, .input, .target, .state, .output, .loss: false
    }
  }

  /// How it is used, for one that was taken for a name.
  var use: String {
    switch self {
    case .cell: "it starts a declaration: cell Name(sizes) { … }"
    case .model: "it starts a declaration: model Name(sizes) { … }"
    case .fn: "it starts a declaration: fn name(x) = …"
    case .import: "it starts a line: import \"cells.rnn\""
    case .param: "it declares a parameter: param W: [H, I] = zeros"
    case .input: "it declares an input: input x: [I]"
    case .target: "it declares a target: target next: seq token(V)"
    case .state: "it declares a state: state h: [H], whose next value is h' = …"
    case .output: "it puts a value out: output y, or output name = y"
    case .loss: "it says what is made small: loss e, or loss name = e"
    }
  }
}

/// A sign of the language.
enum Punctuation: String, CaseIterable, Sendable {
  case leftParenthesis = "("
  case rightParenthesis = ")"
  case leftBracket = "["
  case rightBracket = "]"
  case leftBrace = "{"
  case rightBrace = "}"
  case comma = ","
  case colon = ":"
  case equals = "="
  case dot = "."
  case plus = "+"
  case minus = "-"
  case star = "*"
  case slash = "/"
  case at = "@"
  case less = "<"
  case greater = ">"
  case lessOrEqual = "<="
  case greaterOrEqual = ">="
  case equal = "=="
  case notEqual = "!="
}

/// A word of the source with its place.
struct Token: Sendable {
  /// What it is.
  enum Kind: Equatable, Sendable {
    case name(String)
    /// A name with a prime: the next value of a state.
    case next(String)
    case keyword(Keyword)
    case number(Double)
    case string(String)
    case punctuation(Punctuation)
    /// No sign of the language.
    case foreign(String)
    /// The end of a line, or `;`.
    case newline
    case end
  }

  let kind: Kind
  let range: SourceRange

  /// How the token is called in a message.
  var description: String {
    switch kind {
    case .name, .next, .keyword, .number, .string, .punctuation, .foreign: "'\(range.text)'"
    case .newline: range.text == ";" ? "';'" : "the end of the line"
    case .end: "the end of the file"
    }
  }
}
