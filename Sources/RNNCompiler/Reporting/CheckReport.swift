import RNNDifferentiation
import RNNLanguage
import RNNSupport

/// What a check of a file found.
public struct CheckReport: Sendable {
  /// Errors and warnings, those of parameters that training cannot learn included.
  public private(set) var diagnostics: DiagnosticSet
  /// Whether the file holds a model.
  public let hasModel: Bool
  /// What the file holds, in words: `no model, 2 cells (A, B), no function`.
  public let contents: String

  package init(_ file: CheckedFile) throws {
    diagnostics = file.diagnostics
    hasModel = !file.models.isEmpty
    contents = file.contents
    for model in try file.lowered() {
      for warning in model.trainingWarnings { diagnostics.report(warning) }
    }
  }
}

extension CheckReport {
  /// What a check of a graph found.
  init(_ graph: LoweredModel) {
    diagnostics = DiagnosticSet()
    hasModel = true
    contents = "graph '\(graph.graph.name)'"
    for warning in graph.trainingWarnings { diagnostics.report(warning) }
  }
}

extension LoweredModel {
  /// Warnings of parameters that training cannot learn, although the model is right.
  var trainingWarnings: [Diagnostic] {
    let faults = graph.trainingFaults()
    let kinds = Set(faults.values).sorted { "\($0)" < "\($1)" }
    return kinds.flatMap { kind in
      groups(of: Set(faults.filter { $0.value == kind }.keys)).map { warning($0, kind) }
    }
  }

  private func warning(_ group: ParameterGroup, _ fault: TrainingFault) -> Diagnostic {
    func warning(_ message: String, _ notes: [Diagnostic.Note]) -> Diagnostic {
      Diagnostic("not-trained", message, at: group.site, level: .warning, notes: notes)
    }
    switch fault {
    case .unused:
      return warning(
        "the loss does not depend on \(group.name): training does not change it",
        [Diagnostic.Note("use it in the loss, or leave it out")])
    case .blocked:
      let places = graph.sitesWithoutDerivative(behind: group.parameters).compactMap(placeWithoutDerivative)
      return warning(
        "the gradient of \(group.name) is always zero: training does not change it",
        places.prefix(3).map { Diagnostic.Note("no gradient flows through this", at: $0) })
    case .scaling(let power):
      return warning(
        "\(group.name) only scales the loss: training makes it \(power > 0 ? "small" : "large") and learns nothing by it",
        [Diagnostic.Note("a fixed weight is a number or a size, such as 0.1")])
    }
  }
}
