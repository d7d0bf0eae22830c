extension Diagnostic {
  /// The message with its place, the line of source, an underline, and the notes; ends with a newline.
  public func rendered() -> String {
    var text = Self.rendered("\(level.rawValue): \(message)", at: site)
    for note in notes { text += Self.rendered("note: \(note.message)", at: note.site) }
    return text
  }

  private static func rendered(_ message: String, at site: SourceRange?) -> String {
    let message = shortened(message)
    guard let site else { return "\(message)\n" }
    return "\(site): \(message)\n" + excerpt(site)
  }

  /// A message without the middle if a name or a list in it is very long.
  private static func shortened(_ message: String) -> String {
    guard message.utf8.count > 600 else { return message }
    return message.prefix(200) + "…" + message.suffix(100)
  }

  /// The first line of `site` and a second one that underlines it; tabs are kept, so that the columns meet
  /// whatever the width of a tab, and a wide character takes two columns. The origin of the line follows if there is one.
  private static func excerpt(_ site: SourceRange) -> String {
    let number = site.file.line(at: site.start)
    let excerpt = Excerpt(site, line: site.file.lineOffsets(number))
    let indent = "    "
    let origin = site.file.origin(ofLine: number).map { "\(indent)made at \($0)\n" } ?? ""
    return "\(indent)\(excerpt.text)\n\(indent)\(excerpt.underline)\n\(origin)"
  }
}

/// A line of source with an underline; of a long line only what stands around the place.
private struct Excerpt {
  /// The most columns of a line that is shown whole, and of what is left of a longer one.
  private static let width = 160
  /// The most columns in front of the place that are left of a longer line.
  private static let lead = 60

  private(set) var text = ""
  private(set) var underline = ""

  init(_ site: SourceRange, line: Range<Int>) {
    let file = site.file
    let start = min(max(site.start, line.lowerBound), line.upperBound)
    // A column takes four bytes at most, but for marks above letters: what is cut is far from the place in any case.
    let lower = file.characterStart(max(line.lowerBound, start - 4 * Self.width))
    let upper = file.characterStart(min(line.upperBound, start + 4 * Self.width))
    var before = Array(file.text(from: lower, to: start))
    var after = Array(file.text(from: start, to: upper))
    var marked = file.text(from: start, to: min(max(site.end, start), upper)).count
    var isCut = (front: lower > line.lowerBound, back: upper < line.upperBound)
    if isCut.front || isCut.back || before.columns + after.columns > Self.width {
      let first = before.count - before.reversed().prefix(columns: Self.lead)
      let last = after[...].prefix(columns: Self.width - before[first...].columns)
      isCut = (isCut.front || first > 0, isCut.back || last < after.count)
      before.removeFirst(first)
      after.removeLast(after.count - last)
      marked = min(marked, after.count)
    }
    text = (isCut.front ? "…" : "") + String(before + after) + (isCut.back ? "…" : "")
    let indent = before.map { $0 == "\t" ? "\t" : String(repeating: " ", count: $0.columns) }.joined()
    let tail = String(repeating: "~", count: max(1, after.prefix(marked).columns) - 1)
    underline = (isCut.front ? " " : "") + indent + "^" + tail
  }
}

extension Collection<Character> {
  /// The columns a terminal gives the characters.
  fileprivate var columns: Int { reduce(0) { $0 + $1.columns } }

  /// The number of first characters that fit into this many columns.
  fileprivate func prefix(columns limit: Int) -> Int {
    var (count, width) = (0, 0)
    for character in self {
      width += character.columns
      if width > limit { break }
      count += 1
    }
    return count
  }
}

extension DiagnosticSet {
  /// All diagnostics in order, as the user reads them, and how many are left out; empty if there are none.
  public func rendered() -> String {
    let rest = [Diagnostic.Level.error, .warning].compactMap { level -> String? in
      guard let count = omitted[level] else { return nil }
      return "\(count) more \(level.rawValue)\(count == 1 ? "" : "s")"
    }
    return sorted.map { $0.rendered() }.joined()
      + (rest.isEmpty ? "" : "and \(rest.joined(separator: ", "))\n")
  }
}

extension Character {
  /// The columns a terminal gives the character: 2 for East Asian wide forms and emoji, 0 for a lone mark.
  var columns: Int {
    guard let scalar = unicodeScalars.first else { return 0 }
    if scalar.properties.isEmojiPresentation { return 2 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return scalar == "\t" ? 1 : 0
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
