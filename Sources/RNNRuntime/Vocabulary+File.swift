import Foundation

// A vocabulary in a file: a JSON array of the tokens in the order of their ids, one on a line.
extension Vocabulary {
  /// Reads a vocabulary from a file.
  /// - Throws: `InputError` if the file cannot be read or does not hold a vocabulary.
  public init(contentsOf url: URL) throws { try self.init(contentsOfFile: url.path) }

  /// Reads a vocabulary from the file at a path, as `init(contentsOf:)` does.
  public init(contentsOfFile path: String) throws {
    let origin = "vocabulary '\(path)'"
    var bytes = try InputFile(path: path, kind: "vocabulary", limit: 256 << 20).contents()
    // Some editors put a byte-order mark in front of UTF-8.
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
    guard !bytes.isEmpty else { throw InputError("\(origin) is empty") }
    let tokens: [String]
    do {
      tokens = try JSONDecoder().decode([String].self, from: Data(bytes))
    } catch {
      throw InputError(
        "\(origin) is damaged: it is not a JSON array of tokens",
        note:
          "it looks like [\"\(Self.unknown)\", \"e\", \"t\"], in the order of ids; 'rnnc train --vocabulary' writes one"
      )
    }
    do {
      try self.init(tokens: tokens)
    } catch let error as InputError {
      throw InputError("\(origin) is damaged: \(error.message)", notes: error.notes)
    }
  }

  /// Writes the vocabulary to a file; an older one is replaced only by a complete new one.
  /// - Throws: `InputError` if it cannot be written.
  public func write(to url: URL) throws { try write(toFile: url.path) }

  /// Writes the vocabulary to the file at a path, as `write(to:)` does.
  public func write(toFile path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .withoutEscapingSlashes]
    let json = try encoder.encode(self)
    try OutputFile.replace(path) { file in
      try file.append(String(decoding: json, as: UTF8.self) + "\n")
    }
  }
}
