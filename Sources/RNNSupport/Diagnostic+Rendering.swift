extension Diagnostic {
  /// The message with its place, the line of source, an underline, and the notes; ends with a newline.
  public func rendered() -> String {
    var text = Self.rendered("\(level.rawValue): \(message)", at: site)
    for note in notes { text += Self.rendered("note: \(note.message)", at: note.site) }
    return text
  }

  private static func rendered(_ message: String, at site: SourceRange?) -> String {
    guard let site else { return "\(message)\n" }
    return "\(site): \(message)\n" + excerpt(site)
  }

  /// The first line of `site` and a second one that underlines it; tabs are kept, so that the columns meet
  /// whatever the width of a tab, and a wide character takes two columns. The origin of the line follows if there is one.
  private static func excerpt(_ site: SourceRange) -> String {
    let number = site.file.line(at: site.start)
    let line = site.file.lineOffsets(number)
    let indent = "    "
    let before = site.file.text(from: line.lowerBound, to: site.start)
    let marked = site.file.text(from: site.start, to: min(site.end, line.upperBound))
    let lead = before.map { $0 == "\t" ? "\t" : String(repeating: " ", count: $0.columns) }.joined()
    let width = max(1, marked.reduce(0) { $0 + $1.columns })
    let underline = "^" + String(repeating: "~", count: width - 1)
    let origin = site.file.origin(ofLine: number).map { "\(indent)made at \($0)\n" } ?? ""
    return "\(indent)\(site.file.lineText(number))\n\(indent)\(lead)\(underline)\n\(origin)"
  }
}

extension DiagnosticSet {
  /// All diagnostics in order, as the user reads them; empty if there are none.
  public func rendered() -> String { sorted.map { $0.rendered() }.joined() }
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
