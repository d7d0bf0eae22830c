import RNNGraph
import RNNSupport

/// A graph in a file: the text that `--emit graph` writes, or the report of a bug, which holds one.
enum GraphText {
  /// What the report of a bug starts with.
  static let reportTitle = "rnnc bug report"
  /// The line in front of the graph of such a report.
  static let reportHeading = "=== graph before the stage"

  /// Whether a file holds a graph and no source of a model: by the end of its name, or by what it begins with.
  static func isGraph(_ source: SourceFile) -> Bool {
    source.name.hasSuffix(".graph") || isReport(source) || begins(source, with: "graph")
  }

  /// Reads the graph of a file, and checks that it is one.
  ///
  /// - Throws: `DiagnosticError` with the place of what cannot be read, `InputError` if what was read is no valid graph.
  static func graph(of source: SourceFile) throws -> Graph {
    let graph = try parse(source) { text throws(GraphParseError) in try Graph(parsing: text) }
    try requireValid(graph, source.name)
    return graph
  }

  /// Reads the text of a graph, or of what is written in the same way.
  ///
  /// - Throws: `DiagnosticError` with the place of what cannot be read.
  static func parse<Result>(
    _ source: SourceFile, _ read: (String) throws(GraphParseError) -> Result
  ) throws -> Result {
    let text = try isReport(source) ? graphOfReport(source) : source.text
    do throws(GraphParseError) {
      return try read(text)
    } catch {
      throw DiagnosticError(
        Diagnostic("graph-text", error.message, at: place(of: error, in: source)))
    }
  }

  /// Checks every invariant of a graph that a user gave.
  static func requireValid(_ graph: Graph, _ name: String) throws {
    do {
      try graph.verify()
    } catch {
      let shown = error.problems.prefix(5)
      let more = error.problems.count - shown.count
      throw InputError(
        "'\(name)' is not a valid graph: \(shown.first ?? "")",
        notes: Array(shown.dropFirst()) + (more > 0 ? ["and \(counted(more, "fault")) more"] : [])
          + ["docs/ir.md says what a graph is"])
    }
  }

  private static func isReport(_ source: SourceFile) -> Bool { source.bytes.starts(with: reportTitle.utf8) }

  /// The graph of a report, with an empty line for each line in front of it, so that places are those of the report.
  private static func graphOfReport(_ source: SourceFile) throws -> String {
    let lines = source.text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let heading = lines.lastIndex(where: { $0 == reportHeading }) else {
      throw InputError(
        "the bug report '\(source.name)' holds no graph", note: "the source that it holds can be compiled")
    }
    return String(repeating: "\n", count: heading + 1) + lines[(heading + 1)...].joined(separator: "\n")
  }

  /// Whether the first words are a certain one and a name in quotation marks; comments may stand in front.
  static func begins(_ source: SourceFile, with word: String) -> Bool {
    var rest = source.bytes[...]
    func skipBlanks() { rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) } }
    skipBlanks()
    while rest.starts(with: "//".utf8) {
      rest = rest.drop { $0 != 0x0A }
      skipBlanks()
    }
    guard rest.starts(with: word.utf8) else { return false }
    rest = rest.dropFirst(word.utf8.count)
    skipBlanks()
    return rest.first == UInt8(ascii: "\"")
  }

  /// Where the parser of graphs, which counts lines and scalars, stopped.
  private static func place(of error: GraphParseError, in source: SourceFile) -> SourceRange {
    let lines = source.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard lines.indices.contains(error.line - 1) else {
      return SourceRange(source, from: source.bytes.count, to: source.bytes.count)
    }
    let line = lines[error.line - 1]
    let scalars = String(decoding: line, as: UTF8.self).unicodeScalars.prefix(error.column - 1)
    let start = line.startIndex + scalars.reduce(0) { $0 + UTF8.width($1) }
    return SourceRange(source, from: start, to: min(start + 1, line.endIndex))
  }
}
