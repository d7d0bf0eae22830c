import RNNDifferentiation
import RNNLLVM
import RNNOptimizers
import RNNPlan
import RNNSupport

/// A bug of rnnc, with all that a report of it needs.
public struct CompilerFault: Error, CustomStringConvertible {
  /// The stage of compilation that failed.
  public let stage: String
  /// What did not hold.
  public let message: String
  /// The model that was being compiled.
  public let source: ModelSource?
  /// The graph that the stage was given.
  public let graph: String?

  init(stage: String, _ error: any Error, source: ModelSource?, graph: String?) {
    self.stage = stage
    message = "\(error)"
    self.source = source
    self.graph = graph
  }

  public var description: String { "in stage '\(stage)': \(message)" }
}

/// Whether an error is about what the user gave or about a known limit; every other one is a bug of rnnc.
func isForUser(_ error: any Error) -> Bool {
  switch error {
  case is InputError, is DiagnosticError, is UnsupportedByPlan, is UnknownTarget,
    is DifferentiationError, is TrainingGraphError:
    true
  default: false
  }
}
