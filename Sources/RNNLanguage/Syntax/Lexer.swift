import RNNSupport

/// Cuts a source file into tokens; what is no token is reported and left out.
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
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
      position += 1
    case UInt8(ascii: "\n"), UInt8(ascii: ";"):
      position += 1
      add(.newline, from: start)
    case UInt8(ascii: "/") where byte(at: position + 1) == first:
      skip { $0 != UInt8(ascii: "\n") }
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
    if let value = Double(text), value.isFinite {
      add(.number(value), from: start)
    } else {
      diagnostics.report(.malformedNumber(text, at: range(from: start)))
      add(.number(1), from: start)
    }
  }

  private mutating func scanString() {
    let start = position
    position += 1
    skip { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\n") }
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
    for length in [2, 1] {
      if let sign = Punctuation(rawValue: source.text(from: start, to: start + length)) {
        position += length
        add(.punctuation(sign), from: start)
        return
      }
    }
    // One report for a run of strange characters, and none of them splits a multi-byte character.
    position += 1
    skip { !$0.isASCII }
    diagnostics.report(.strayCharacter(at: range(from: start)))
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
  fileprivate var isASCII: Bool { self < 0x80 }
  fileprivate var startsName: Bool {
    let lower = self | 0x20
    return self == UInt8(ascii: "_") || (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z"))
  }
  fileprivate var continuesName: Bool { startsName || isDigit }
}
