import RNNSupport

extension Diagnostic {
  static func foreignSign(_ sign: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "stray-character", "the language has no '\(sign)'", at: site,
      notes: Note.hint(ForeignWords.hint(forSign: sign)))
  }

  static func foreignComment(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "stray-character", "the language has no '#'", at: site, notes: [Note("a comment starts with '//'")])
  }

  /// A character that looks like another one; nil stands for a space.
  static func lookalike(of sign: String?, at site: SourceRange) -> Diagnostic {
    let code = site.text.unicodeScalars.first.map { String($0.value, radix: 16, uppercase: true) } ?? ""
    let name = "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
    return Diagnostic(
      "stray-character",
      sign == nil
        ? "the character \(name) is not a space of the language"
        : "the language has no '\(site.text)' (\(name))",
      at: site,
      notes: [
        Note(
          sign == "'"
            ? "the next value of a state is written with a straight apostrophe: h'"
            : sign.map { "write '\($0)'" } ?? "write a plain space, or nothing")
      ])
  }

  static func malformedNumber(_ text: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "malformed-number", "'\(text)' is not a number", at: site,
      notes: [Note("a number looks like 3, 0.5 or 1e-3, and a name starts with a letter")])
  }

  static func numberOutOfRange(_ text: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "number-out-of-range", "'\(text)' is out of range", at: site,
      notes: [Note("numbers other than 0 go from 5e-324 to 1.7e308")])
  }

  static func unterminatedString(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "unterminated-string", "the string does not end on its line", at: site,
      notes: [Note("close it with '\"'")])
  }

  static func expected(_ what: String, found: Token, notes: [Note] = []) -> Diagnostic {
    if case .foreign(let sign) = found.kind { return foreignSign(sign, at: found.range) }
    return Diagnostic("syntax", "expected \(what), found \(found.description)", at: found.range, notes: notes)
  }

  static func keywordAsName(_ keyword: Keyword, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "keyword-as-name", "'\(keyword.rawValue)' is a keyword and cannot be a name", at: site,
      notes: [Note(keyword.use)])
  }

  /// A word of another language at the start of a statement or in place of an operator.
  static func foreignWord(_ word: String, hint: String, at site: SourceRange) -> Diagnostic {
    Diagnostic("foreign-word", "the language has no '\(word)'", at: site, notes: [Note(hint)])
  }

  /// A call of a name behind a dot.
  static func callOfMember(_ base: Expression, _ member: Name, at site: SourceRange) -> Diagnostic {
    let isModule = if case .name(let name) = base.kind { ForeignWords.modules.contains(name) } else { false }
    let hint =
      isModule
      ? "there are no modules: write \(member.text)(…)"
      : "functions, cells and instances are called by their name alone, as in tanh(x)"
    return Diagnostic("syntax", "'\(site.text)' cannot be called", at: site, notes: [Note(hint)])
  }

  /// A file in a version of the language that is not known here.
  static func newerLanguage(_ version: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "newer-language",
      "the file is in version \(version) of the language, and this rnnc knows versions up to \(SyntaxFile.latestLanguage)",
      at: site, notes: [Note("update rnnc")])
  }

  static func misplacedLanguage(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "misplaced-language", "the version of the language is not at the start of the file", at: site,
      notes: [.language])
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
    case .keyword, .string, .punctuation, .foreign, .newline, .end: []
    }
  }

  static func tooDeep(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "too-deep", "the expression is nested too deeply", at: site,
      notes: [
        Note(
          "name a part of it: at most \(Parser.depthLimit) levels fit, and \(Checker.depthLimit) with functions written out"
        )
      ])
  }

  static func chainedComparison(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "chained-comparison", "comparisons do not chain", at: site,
      notes: [Note("combine two with where: where(a < b, where(b < c, x, y), y)")])
  }
}

extension Diagnostic.Note {
  /// How the version of the language is said.
  static let language = Diagnostic.Note(
    "the first line of a file may be 'language \(SyntaxFile.latestLanguage)'")
}
