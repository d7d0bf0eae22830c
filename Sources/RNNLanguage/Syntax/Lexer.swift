import RNNSupport

/// Cuts a source file into tokens.
///
/// A sign that only looks like one of the language is reported, and taken for it; what is no sign of the language at
/// all is a token that the parser reports.
struct Lexer {
  private let source: SourceFile
  private let bytes: [UInt8]
  private var position = 0
  private var tokens: [Token] = []
  private(set) var diagnostics = DiagnosticSet()

  init(_ source: SourceFile) {
    self.source = source
    bytes = source.bytes
  }

  /// The tokens of the file; the last one is `.end`.
  mutating func run() -> [Token] {
    while position < bytes.count { scanToken() }
    add(.newline, from: position)
    add(.end, from: position)
    return tokens
  }

  private func byte(at offset: Int) -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private func range(from start: Int) -> SourceRange { SourceRange(source, from: start, to: position) }

  private mutating func add(_ kind: Token.Kind, from start: Int) {
    tokens.append(Token(kind: kind, range: range(from: start)))
  }

  private mutating func skip(while condition: (UInt8) -> Bool) {
    while let next = byte(at: position), condition(next) { position += 1 }
  }

  private mutating func scanToken() {
    let start = position
    let first = bytes[position]
    switch first {
    case UInt8(ascii: " "), UInt8(ascii: "\t"):
      position += 1
    case UInt8(ascii: "\r"):
      position += byte(at: position + 1) == UInt8(ascii: "\n") ? 2 : 1
      add(.newline, from: start)
    case UInt8(ascii: "\n"), UInt8(ascii: ";"):
      position += 1
      add(.newline, from: start)
    case UInt8(ascii: "/") where byte(at: position + 1) == first:
      skip { !$0.endsLine }
    case UInt8(ascii: "#"):
      skip { !$0.endsLine }
      diagnostics.report(.foreignComment(at: SourceRange(source, from: start, to: start + 1)))
    case UInt8(ascii: "\""): scanString()
    case _ where first.startsName: scanName()
    case _ where first.isDigit: scanNumber()
    default: scanPunctuation()
    }
  }

  private mutating func scanName() {
    let start = position
    skip { $0.continuesName }
    let text = source.text(from: start, to: position)
    if byte(at: position) == UInt8(ascii: "'") {
      position += 1
      add(.next(text), from: start)
    } else if let prime = Lookalike.primes.first(where: { isAt($0) }) {
      let mark = position
      position += prime.utf8.count
      diagnostics.report(.lookalike(of: "'", at: range(from: mark)))
      add(.next(text), from: start)
    } else if let keyword = Keyword(rawValue: text) {
      add(.keyword(keyword), from: start)
    } else {
      add(.name(text), from: start)
    }
  }

  private mutating func scanNumber() {
    let start = position
    skip { $0.isDigit }
    if byte(at: position) == UInt8(ascii: "."), byte(at: position + 1)?.isDigit == true {
      position += 1
      skip { $0.isDigit }
    }
    if let mark = byte(at: position), mark | 0x20 == UInt8(ascii: "e") {
      let sign = byte(at: position + 1)
      let digits = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") ? position + 2 : position + 1
      if byte(at: digits)?.isDigit == true {
        position = digits
        skip { $0.isDigit }
      }
    }
    skip { $0.continuesName }
    let text = source.text(from: start, to: position)
    let value = Double(text)
    let isZero = text.prefix { $0 != "e" && $0 != "E" }.allSatisfy { $0 == "0" || $0 == "." }
    if let value, value.isFinite, (value == 0) == isZero {
      add(.number(value), from: start)
    } else {
      let site = range(from: start)
      diagnostics.report(value == nil ? .malformedNumber(text, at: site) : .numberOutOfRange(text, at: site))
      add(.number(1), from: start)
    }
  }

  private mutating func scanString() {
    let start = position
    position += 1
    skip { $0 != UInt8(ascii: "\"") && !$0.endsLine }
    let text = source.text(from: start + 1, to: position)
    if byte(at: position) == UInt8(ascii: "\"") {
      position += 1
    } else {
      diagnostics.report(.unterminatedString(at: range(from: start)))
    }
    add(.string(text), from: start)
  }

  private mutating func scanPunctuation() {
    let start = position
    if let sign = ForeignWords.signs.first(where: { isAt($0) }) {
      position += sign.utf8.count
      add(.foreign(sign), from: start)
      return
    }
    for length in [2, 1] {
      if let sign = Punctuation(rawValue: source.text(from: start, to: start + length)) {
        position += length
        add(.punctuation(sign), from: start)
        return
      }
    }
    for lookalike in Lookalike.all where isAt(lookalike.text) {
      position += lookalike.text.utf8.count
      diagnostics.report(.lookalike(of: lookalike.meant?.rawValue, at: range(from: start)))
      if let sign = lookalike.meant { add(.punctuation(sign), from: start) }
      return
    }
    // A run of strange characters is one token, and none of them splits a multi-byte character.
    position += 1
    skip { !$0.isASCII }
    add(.foreign(source.text(from: start, to: position)), from: start)
  }

  /// Whether the rest of the file starts with a text.
  private func isAt(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }
}

/// A sign that looks like one of the language, or does elsewhere what that one does.
private struct Lookalike {
  let text: String
  /// The sign to write; nil for a space.
  let meant: Punctuation?

  /// What stands behind the name of a state where `'` is meant.
  static let primes = ["\u{2019}", "\u{2018}", "\u{2032}", "\u{B4}", "`"]

  static let all =
    [
      ("\u{2212}", .minus), ("\u{2013}", .minus), ("\u{D7}", .star), ("\u{B7}", .star), ("\u{22C5}", .star),
      ("\u{F7}", .slash), ("\u{2264}", .lessOrEqual), ("\u{2265}", .greaterOrEqual), ("\u{2260}", .notEqual),
    ].map { Lookalike(text: $0, meant: $1) }
    + ["\u{A0}", "\u{202F}", "\u{200B}", "\u{FEFF}", "\u{3000}"].map { Lookalike(text: $0, meant: nil) }
}

extension UInt8 {
  fileprivate var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
  fileprivate var endsLine: Bool { self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r") }
  fileprivate var isASCII: Bool { self < 0x80 }
  fileprivate var startsName: Bool {
    let lower = self | 0x20
    return self == UInt8(ascii: "_") || (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z"))
  }
  fileprivate var continuesName: Bool { startsName || isDigit }
}
