/// Text files as a user names them.
enum TextFile {
  /// The bytes of a file that holds text in UTF-8.
  /// - Throws: `InputError` if the file cannot be read, is empty or is not UTF-8.
  static func read(_ path: String) throws -> [UInt8] {
    let bytes = try InputFile(path: path, kind: "text file").contents()
    guard !bytes.isEmpty else { throw InputError("text file '\(path)' is empty") }
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
