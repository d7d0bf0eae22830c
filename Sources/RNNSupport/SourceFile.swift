/// An immutable text with a name and a table of where its lines start.
public final class SourceFile: Sendable {
  /// The name shown in messages; for a file on disk, its path as the user gave it.
  public let name: String
  /// The text as UTF-8, without a byte-order mark; all offsets count these bytes.
  public let bytes: [UInt8]
  private let lineStarts: [Int]
  private let origins: [Int: String]

  /// Makes a source file from `text`, to be called `name` in messages.
  ///
  /// - Parameter origins: for a text that a program wrote, where the program says what stands in a line, by its number.
  public init(name: String, text: String, origins: [Int: String] = [:]) {
    self.name = name
    self.origins = origins
    let bytes = Array(text.utf8)
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    self.bytes = bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes
    var starts = [0]
    for offset in self.bytes.indices where Self.endsLine(self.bytes, at: offset) { starts.append(offset + 1) }
    lineStarts = starts
  }

  /// Whether a line ends with the byte at `offset`: LF, CR and LF, or CR alone.
  static func endsLine(_ bytes: [UInt8], at offset: Int) -> Bool {
    switch bytes[offset] {
    case UInt8(ascii: "\n"): true
    case UInt8(ascii: "\r"): offset + 1 == bytes.count || bytes[offset + 1] != UInt8(ascii: "\n")
    default: false
    }
  }

  /// The whole text.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The number of lines, at least 1.
  public var lineCount: Int { lineStarts.count }

  /// The text between two byte offsets, clamped to the file.
  public func text(from start: Int, to end: Int) -> String {
    let start = min(max(start, 0), bytes.count)
    return String(decoding: bytes[start..<max(start, min(end, bytes.count))], as: UTF8.self)
  }

  /// Where the program that wrote this text says what stands in line `number` (from 1); nil if that is not known.
  public func origin(ofLine number: Int) -> String? { origins[number] }

  /// The number, from 1, of the line that holds the byte at `offset`.
  public func line(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  /// The byte offsets of line `number` (from 1) without its line ending.
  public func lineOffsets(_ number: Int) -> Range<Int> {
    let index = min(max(number - 1, 0), lineStarts.count - 1)
    let start = lineStarts[index]
    guard index + 1 < lineStarts.count else { return start..<bytes.count }
    let end = lineStarts[index + 1] - 1
    let isPair = end > start && bytes[end] == UInt8(ascii: "\n") && bytes[end - 1] == UInt8(ascii: "\r")
    return start..<(isPair ? end - 1 : end)
  }

  /// The column, from 1 and in characters as a reader counts them, of the byte at `offset`.
  public func column(at offset: Int) -> Int {
    let start = lineOffsets(line(at: offset)).lowerBound
    let lead = bytes[start..<min(max(offset, start), bytes.count)]
    // A line can be long, and most are ASCII: there each byte is a character.
    if lead.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "\r") }) { return lead.count + 1 }
    return String(decoding: lead, as: UTF8.self).count + 1
  }

  /// The start of the code point that holds the byte at `offset`.
  func characterStart(_ offset: Int) -> Int {
    var start = offset
    while start > 0, start < bytes.count, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }
}

/// A stretch of a source file, in bytes.
public struct SourceRange: Hashable, Sendable, CustomStringConvertible {
  /// The file.
  public let file: SourceFile
  /// The offset of the first byte.
  public let start: Int
  /// The offset after the last byte; equal to `start` for a place between two bytes.
  public let end: Int

  /// Makes the range of the bytes from `start` up to `end`.
  public init(_ file: SourceFile, from start: Int, to end: Int) {
    self.file = file
    self.start = start
    self.end = max(start, end)
  }

  /// The text in the range.
  public var text: String { file.text(from: start, to: end) }

  /// `file:line:column` of the first byte.
  public var description: String { "\(file.name):\(file.line(at: start)):\(file.column(at: start))" }

  /// The smallest range that holds this one and `other` of the same file.
  public func joined(_ other: SourceRange) -> SourceRange {
    SourceRange(file, from: min(start, other.start), to: max(end, other.end))
  }

  /// Whether both name the same bytes of the same file.
  public static func == (left: SourceRange, right: SourceRange) -> Bool {
    left.file === right.file && left.start == right.start && left.end == right.end
  }

  /// Hashes the file's identity and the offsets.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(file))
    hasher.combine(start)
    hasher.combine(end)
  }
}
