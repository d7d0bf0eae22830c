/// Text files as a user names them.
enum TextFile {
  /// The bytes of a file that holds text in UTF-8.
  /// - Throws: `InputError` if the file cannot be read, is empty or is not UTF-8.
  static func read(_ path: String) throws -> [UInt8] {
    // A letter takes a byte here, and a few more as a token.
    let bytes = try InputFile(path: path, kind: "text file", limit: InputFile.memory / 16).contents()
    guard !bytes.isEmpty else { throw InputError("text file '\(path)' is empty") }
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      throw InputError(
        "text file '\(path)' is UTF-16, not UTF-8",
        note: "convert it, for instance with: iconv -f utf-16 -t utf-8")
    }
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw InputError(
        "text file '\(path)' is not UTF-8: invalid byte at offset \(error.byteOffsets.lowerBound)",
        note: "convert it, for instance with: iconv -f latin1 -t utf-8")
    }
    return bytes
  }
}
