import Foundation
import RNNDifferentiation
import RNNLLVM
import RNNOptimizers
import RNNPlan
import RNNSupport

/// An error as the command line reports it: the one place where errors get a text and an exit status.
public struct Failure {
  /// 1 for the user's input, 70 for a bug of rnnc.
  public let exitStatus: Int32
  /// What to print on standard error; ends with a newline.
  public let text: String
  /// What a report of a bug needs; nil for other errors.
  public let dump: String?

  /// Words an error.
  public init(_ error: any Error, command: [String] = CommandLine.arguments) {
    switch error {
    case let error as DiagnosticError:
      self.init(1, error.diagnostics.rendered())
    case let error as InputError:
      self.init(1, Self.text(error.message, error.notes))
    case let error as UnknownTarget:
      self.init(1, Self.text(error.message, [error.note]))
    case let error as UnsupportedByPlan:
      self.init(
        1,
        Self.text(
          "unsupported: \(error)", ["the model is right, but rnnc cannot compile it yet; --interpret runs it"]
        ))
    case is DifferentiationError, is TrainingGraphError:
      self.init(1, Self.text("\(error)", []))
    case let error as CompilerFault:
      self.init(bug: error.description, stage: error.stage, error.source, error.graph, command)
    default:
      self.init(bug: "\(error)", stage: "unknown", nil, nil, command)
    }
  }

  private init(_ exitStatus: Int32, _ text: String) {
    self.exitStatus = exitStatus
    self.text = text
    dump = nil
  }

  private init(bug: String, stage: String, _ source: ModelSource?, _ graph: String?, _ command: [String]) {
    exitStatus = 70
    text = Self.text(
      "rnnc has a bug: \(bug)",
      ["your model may be fine; please report this with the file named below, which holds the model"])
    var parts = [
      GraphText.reportTitle, "command: \(command.joined(separator: " "))", "stage: \(stage)", "", bug,
    ]
    if let source {
      parts += ["", "=== \(source.path), model \(source.name)", source.text]
      for (path, text) in source.imports.sorted(by: { $0.key < $1.key }) { parts += ["=== \(path)", text] }
    }
    if let graph { parts += [GraphText.reportHeading, graph] }
    dump = parts.joined(separator: "\n") + "\n"
  }

  private static func text(_ message: String, _ notes: [String]) -> String {
    (["error: \(message)"] + notes.map { "note: \($0)" }).joined(separator: "\n") + "\n"
  }

  /// Writes the report of a bug to a file of its own; gives its path, or nil if it cannot be written.
  public func writeDump(folder: String = NSTemporaryDirectory()) -> String? {
    guard let dump else { return nil }
    let name = "rnnc-bug-\(ProcessInfo.processInfo.processIdentifier).txt"
    let path = URL(fileURLWithPath: folder).appendingPathComponent(name).path
    do {
      try OutputFile.replace(path) { try $0.append(dump) }
      return path
    } catch {
      return nil
    }
  }
}
