/// Why a text is not a graph, or not a plan, and where.
public struct GraphParseError: Error, CustomStringConvertible {
  /// The place, both counted from 1; a column is one Unicode scalar.
  public let line: Int, column: Int
  /// The reason, lower-case, without a full stop.
  public let message: String

  public var description: String { "\(line):\(column): \(message)" }
}

/// A word of the text of a graph or a plan, and where it starts.
package struct GraphToken {
  package enum Kind: Equatable {
    case word(String)
    case value(String)
    case number(String)
    case string(String)
    case mark(Unicode.Scalar)
    case end
  }

  package var kind: Kind
  var line: Int
  var column: Int
  /// What stands behind it in its line, after `;`.
  var comment: String?

  /// How messages name it.
  package var name: String {
    switch kind {
    case .word(let word): "'\(word)'"
    case .value(let name): "'%\(name)'"
    case .number(let digits): "'\(digits)'"
    case .string(let text): quoted(text)
    case .mark(let mark): "'\(mark)'"
    case .end: "the end"
    }
  }

  package func error(_ message: String) -> GraphParseError {
    GraphParseError(line: line, column: column, message: message)
  }
}

/// Cuts the text of a graph or a plan into words.
package struct GraphLexer {
  private let scalars: [Unicode.Scalar]
  private let marks: Set<Unicode.Scalar>
  private var position = 0
  private var line = 1
  private var column = 1
  /// How many parentheses and brackets are open: in these, `;` is no comment.
  private var depth = 0
  /// The comment that was skipped last.
  private var comment: String?

  private init(_ text: String, marks: String) {
    scalars = Array(text.unicodeScalars)
    self.marks = Set(marks.unicodeScalars)
  }

  /// All words, ending with one `.end`.
  ///
  /// - Parameter marks: the characters that are words of their own.
  package static func tokens(of text: String, marks: String) throws(GraphParseError) -> [GraphToken] {
    var lexer = GraphLexer(text, marks: marks)
    var tokens: [GraphToken] = []
    repeat {
      let token = try lexer.next()
      if let comment = lexer.comment, let last = tokens.indices.last {
        tokens[last].comment = comment
        lexer.comment = nil
      }
      tokens.append(token)
    } while tokens.last?.kind != .end
    return tokens
  }

  private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func advance() {
    if scalars[position] == "\n" {
      line += 1
      column = 1
    } else {
      column += 1
    }
    position += 1
  }

  private mutating func take(while isWanted: (Unicode.Scalar) -> Bool) -> String {
    var text = String.UnicodeScalarView()
    while let scalar = current, isWanted(scalar) {
      text.append(scalar)
      advance()
    }
    return String(text)
  }

  private mutating func skipBlanks() {
    while let scalar = current {
      if scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r" {
        advance()
      } else if scalar == "/", position + 1 < scalars.count, scalars[position + 1] == "/" {
        _ = take { $0 != "\n" }
      } else if scalar == ";", depth == 0 {
        comment = String(take { $0 != "\n" }.dropFirst())
      } else {
        return
      }
    }
  }

  private mutating func next() throws(GraphParseError) -> GraphToken {
    skipBlanks()
    var token = GraphToken(kind: .end, line: line, column: column)
    guard let first = current else { return token }
    switch first {
    case _ where marks.contains(first):
      advance()
      if first == "(" || first == "[" { depth += 1 }
      if first == ")" || first == "]" { depth = max(depth - 1, 0) }
      token.kind = .mark(first)
    case "%":
      advance()
      let name = take(while: isIdentifierPart)
      if name.isEmpty { throw token.error("a value has no name") }
      token.kind = .value(name)
    case "\"":
      token.kind = .string(try string(from: token))
    case "-", "0"..."9":
      var previous: Unicode.Scalar = "e"  // A sign may open the number or its exponent.
      token.kind = .number(
        take { scalar in
          let isSign = (scalar == "-" || scalar == "+") && previous == "e"
          previous = scalar
          return isSign || scalar == "." || isIdentifierPart(scalar)
        })
    case _ where isIdentifierPart(first):
      token.kind = .word(take(while: isIdentifierPart))
    default:
      throw token.error("unexpected character \(quoted(String(first)))")
    }
    return token
  }

  private mutating func string(from start: GraphToken) throws(GraphParseError) -> String {
    advance()
    var text = String.UnicodeScalarView()
    while let scalar = current, scalar != "\n" {
      advance()
      if scalar == "\"" { return String(text) }
      text.append(scalar == "\\" ? try escape(start) : scalar)
    }
    throw start.error("the string does not end")
  }

  private mutating func escape(_ start: GraphToken) throws(GraphParseError) -> Unicode.Scalar {
    if let scalar = current, scalar == "\"" || scalar == "\\" {
      advance()
      return scalar
    }
    guard current == "u" else { throw start.error("the string has an unknown escape") }
    advance()
    guard current == "{" else { throw start.error("the string has an unknown escape") }
    advance()
    let digits = take(while: isIdentifierPart)
    guard current == "}", let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) else {
      throw start.error("the string has an unknown escape")
    }
    advance()
    return scalar
  }
}

private func isIdentifierPart(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar {
  case "a"..."z", "A"..."Z", "0"..."9", "_": true
  default: false
  }
}

/// Whether a name can stand for a symbol in the text of a graph.
package func isIdentifier(_ name: String) -> Bool {
  guard let first = name.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
  return name.unicodeScalars.allSatisfy(isIdentifierPart)
}
