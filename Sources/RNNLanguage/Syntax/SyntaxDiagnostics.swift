import RNNSupport

extension Diagnostic {
  static func strayCharacter(at site: SourceRange) -> Diagnostic {
    Diagnostic("stray-character", "unexpected character '\(site.text)'", at: site)
  }

  static func malformedNumber(_ text: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "malformed-number", "'\(text)' is not a number", at: site,
      notes: [Note("a number looks like 3, 0.5 or 1e-3, and a name starts with a letter")])
  }

  static func unterminatedString(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "unterminated-string", "the string does not end on its line", at: site,
      notes: [Note("close it with '\"'")])
  }

  static func expected(_ what: String, found: Token, notes: [Note] = []) -> Diagnostic {
    Diagnostic("syntax", "expected \(what), found \(found.description)", at: found.range, notes: notes)
  }

  static func unclosed(_ open: Token, expected sign: Punctuation, found: Token) -> Diagnostic {
    .expected(
      "'\(sign.rawValue)'", found: found,
      notes: [Note("to close this \(open.description)", at: open.range)]
        + (sign == .rightParenthesis ? sideBySide(found) : []))
  }

  static func unfinished(_ found: Token) -> Diagnostic {
    .expected("the end of the statement", found: found, notes: sideBySide(found))
  }

  /// What may have been meant by a value that follows another one.
  private static func sideBySide(_ found: Token) -> [Note] {
    switch found.kind {
    case .name, .next, .number:
      [Note("for a product of a matrix write '@' between the two, for one element by element '*'")]
    case .keyword, .string, .punctuation, .newline, .end: []
    }
  }

  static func tooDeep(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "too-deep", "the expression is nested too deeply", at: site,
      notes: [Note("name a part of it, at most \(Parser.depthLimit) levels fit")])
  }

  static func chainedComparison(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "chained-comparison", "comparisons do not chain", at: site,
      notes: [Note("combine two with where: where(a < b, where(b < c, x, y), y)")])
  }
}
