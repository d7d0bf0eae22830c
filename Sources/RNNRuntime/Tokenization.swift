/// How prepared text is cut into tokens.
public enum Tokenization: String, Codable, Sendable, CaseIterable {
  /// Each letter and each space is a token; the spaces between lines are dropped.
  case char
  /// Each word is a token.
  case word

  /// The tokens of one line of text, prepared as training text is: each run of characters other than A–Z and a–z
  /// becomes one space, spaces at the ends are dropped, and letters become small.
  public func tokens(of line: String) -> [String] {
    var tokens: [String] = []
    var line = line
    line.withUTF8 { bytes in
      forEachToken(in: bytes) { tokens.append(String(decoding: $0, as: UTF8.self)) }
    }
    return tokens
  }

  /// Text for a sequence of tokens.
  public func text(of tokens: some Sequence<String>) -> String { tokens.joined(separator: separator) }

  /// What stands between two tokens in a text.
  public var separator: String {
    switch self {
    case .char: ""
    case .word: " "
    }
  }

  /// Calls `body` with the bytes of each token of one line.
  func forEachToken(in line: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    // Letters and spaces are single bytes, and every byte of a longer character is no letter.
    var prepared: [UInt8] = []
    prepared.reserveCapacity(line.count)
    var pendingSpace = false
    for byte in line {
      let small = byte | 0x20
      guard small >= UInt8(ascii: "a"), small <= UInt8(ascii: "z") else {
        pendingSpace = !prepared.isEmpty
        continue
      }
      if pendingSpace { prepared.append(UInt8(ascii: " ")) }
      pendingSpace = false
      prepared.append(small)
    }
    prepared.withUnsafeBufferPointer { prepared in
      switch self {
      case .char:
        for index in prepared.indices { body(.init(rebasing: prepared[index...index])) }
      case .word:
        for word in prepared.split(separator: UInt8(ascii: " ")) { body(.init(rebasing: word)) }
      }
    }
  }
}
