import RNNLanguage
import RNNSupport

/// A cell that is described in Swift, or one of the standard library or of a file.
///
///     let gru = Cell("MyRNN") { c in
///       let I = c.size("I"), H = c.size("H")
///       let W = c.param("W", [H, I], .uniform(1 / sqrt(H)))
///       let U = c.param("U", [H, H], .uniform(1 / sqrt(H)))
///       let x = c.input("x", [I]), h = c.state("h", [H])
///       h.next = tanh(W • x + U • h)
///       c.output(h.next)
///     }
public struct Cell: Sendable {
  enum Source {
    case described(UnitDescription)
    case library(String)
    case imported(String, path: String)
  }

  let source: Source
  /// What is wrong with its name.
  let ownFaults: [Diagnostic]

  /// Describes a cell: one step of one example.
  public init(
    _ name: String, fileID: String = #fileID, line: Int = #line, _ body: (CellScope) -> Void
  ) {
    let scope = CellScope(.cell, name, Place(fileID, line))
    body(scope)
    source = .described(scope.close())
    ownFaults = []
  }

  private init(_ source: Source, _ faults: [Diagnostic]) {
    self.source = source
    ownFaults = faults
  }

  /// The number of cells inside of each other, as far as they are described in Swift.
  var depth: Int { if case .described(let unit) = source { unit.depth } else { 1 } }

  /// A cell of the standard library.
  public static func library(_ name: String, fileID: String = #fileID, line: Int = #line) -> Cell {
    let known = StandardLibrary.cells
    if known.contains(name) { return Cell(.library(name), []) }
    let near = nearestName(to: name, among: known)
    return Cell(
      .library(name),
      [
        Diagnostic(
          "unknown-name", "the standard library has no cell '\(name)'", at: nil,
          notes: [
            Diagnostic.Note(
              near.map { "did you mean '\($0)'?" } ?? "its cells are \(known.joined(separator: ", "))"),
            Diagnostic.Note("made at \(Place(fileID, line))"),
          ])
      ])
  }

  /// A cell that a `.rnn` file declares; its path is relative to the current folder.
  public static func imported(
    _ name: String, from path: String, fileID: String = #fileID, line: Int = #line
  ) -> Cell {
    let isWritable = !path.contains { $0 == "\"" || $0.isNewline }
    if Name.isValid(name), isWritable { return Cell(.imported(name, path: path), []) }
    return Cell(
      .imported(name, path: path),
      [
        Diagnostic(
          "embedded",
          isWritable
            ? "'\(name)' cannot be the name of a cell" : "a path to import cannot hold '\"' or a line break",
          at: nil, notes: [Diagnostic.Note("made at \(Place(fileID, line))")])
      ])
  }
}
