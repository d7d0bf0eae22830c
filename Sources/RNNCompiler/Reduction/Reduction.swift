import Foundation
import RNNGraph
import RNNLanguage
import RNNSupport

/// Makes a file that shows a fault small: a graph, or the source of a model. See Note [Reduction] in
/// `Sources/RNNCompiler/Reduction/Reducer.swift`.
///
///     var reduction = try Reduction(contentsOfFile: "model.rnn", keep: "! rnnc compile {} 2> /dev/null")
///     try reduction.run()
///     print(reduction.text)
public struct Reduction {
  /// How a reduction is watched.
  public struct Hooks {
    /// Whether the smallest file so far is wanted at once.
    public var shouldStop: () -> Bool = { false }
    /// Gets the lines of the smallest file so far, and the number of candidates that were tried.
    public var progress: (_ lines: Int, _ tries: Int) -> Void = { _, _ in }

    /// Makes hooks that do nothing.
    public init() {}
  }

  /// What stands in a command for the path of a candidate.
  public static let placeholder = "{}"

  /// The smallest text so far.
  public private(set) var text: String
  /// The number of candidates that were tried.
  public private(set) var tries = 0
  /// The number of lines of the file.
  public let originalLines: Int
  /// Whether the file holds a graph.
  public let isGraph: Bool

  /// The number of lines of the smallest text so far.
  public var lines: Int { Self.lines(text) }

  private enum Start {
    case graph(ReducibleGraph)
    /// The source in several forms, the best first.
    case source([ReducibleSource])
  }

  private let start: Start
  private let path: String
  private let command: String
  private let seconds: Double

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - command: a line of the shell that succeeds as long as the file whose path stands in place of `{}` is interesting.
  ///   - seconds: after how long a command counts as failed.
  /// - Throws: `DiagnosticError` or `InputError` if the file can be read neither as a graph nor as a source, or a number
  ///   makes no sense.
  public init(contentsOfFile path: String, keep command: String, seconds: Double = 60) throws {
    try Limits.require(seconds: seconds, "a command cannot take")
    guard command.contains(Self.placeholder) else {
      throw InputError(
        "the command does not say where the path of the file stands",
        note: "write \(Self.placeholder) for it, as in 'rnnc opt \(Self.placeholder) | grep -q tanh'")
    }
    let source = try SourceFile(contentsOf: path)
    isGraph = GraphText.isGraph(source)
    if isGraph {
      let graph = ReducibleGraph(try GraphText.graph(of: source))
      start = .graph(graph)
      text = graph.text
    } else {
      let frontend = Frontend()
      let folder = FileManager.default.currentDirectoryPath
      let forms = [
        try? frontend.inlined(source, folder: folder),
        try frontend.withAbsoluteImports(source, folder: folder),
      ].compactMap { $0.map { ReducibleSource($0.declarations) } }
      start = .source(forms)
      text = source.text
    }
    originalLines = Self.lines(source.text)
    self.path = path
    self.command = command
    self.seconds = seconds
  }

  /// Tries smaller files until none is interesting any more.
  ///
  /// - Throws: `InputError` if the file itself is not interesting.
  public mutating func run(_ hooks: Hooks = Hooks()) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-reduce-\(UUID())")
    try OutputFile.makeFolder(folder.path)
    defer { try? FileManager.default.removeItem(at: folder) }
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    let file = folder.appendingPathComponent("\(name).\(isGraph ? "graph" : "rnn")")
    let seconds = seconds
    let line = command.replacing(Self.placeholder, with: ShellCommand.quoted(file.path))
    func isInteresting(_ text: String) throws -> Bool {
      do {
        try Data(text.utf8).write(to: file)
      } catch {
        throw InputError(
          "cannot write '\(file.path)'", note: "candidates are written to the folder of TMPDIR")
      }
      return try ShellCommand.run(line, seconds: seconds, shouldStop: hooks.shouldStop) == 0
    }
    switch start {
    case .graph(let graph):
      guard try isInteresting(graph.text) else { throw uninteresting() }
      try reduce(graph, isInteresting, hooks)
    case .source(let forms):
      guard let first = try forms.first(where: { try isInteresting($0.text) }) else { throw uninteresting() }
      try reduce(first, isInteresting, hooks)
    }
  }

  private mutating func reduce<Document: Reducible>(
    _ start: Document, _ isInteresting: @escaping (String) throws -> Bool, _ hooks: Hooks
  ) throws {
    var reducer = Reducer(
      start, isInteresting: { try isInteresting($0.text) }, shouldStop: hooks.shouldStop,
      progress: { hooks.progress(Self.lines($0.text), $1) })
    // What was found stays, whatever ends the search.
    defer { (text, tries) = (reducer.best.text, reducer.tries) }
    try reducer.run()
  }

  private func uninteresting() -> InputError {
    InputError(
      "the command does not succeed for '\(path)' itself, so there is nothing to keep",
      notes: [
        "it must succeed as long as the file shows the fault: '! rnnc …' turns a failure into a success",
        "it takes too long after \(seconds) seconds",
      ])
  }

  private static func lines(_ text: String) -> Int {
    text.split(separator: "\n", omittingEmptySubsequences: false).count - (text.hasSuffix("\n") ? 1 : 0)
  }
}
