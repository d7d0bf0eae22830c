import RNNGraph
import RNNSupport

/// A model as a graph, and what the source says beyond it.
public struct LoweredModel: Sendable {
  /// The forward graph: data, targets, parameters and initial states to outputs, loss and final states.
  public let graph: Graph
  /// What the outputs `loss` and `accuracy` are means over: `[T, B]` if of every step, `[B]` if of every example.
  public let means: [String: [Symbol]]
  /// The sizes that bound the tokens of inputs.
  public let tokenSizes: [TokenSize]
  /// The numbers of steps whose sequences have a number of valid steps for each example.
  public let ragged: Set<String>
  /// Whether random draws are made; else each is its mean.
  public let isTraining: Bool
  /// Warnings.
  public let diagnostics: DiagnosticSet
  let model: CheckedCell
  private let element: ElementType

  init(
    _ model: CheckedCell, _ element: ElementType, ragged: Set<String>, isTraining: Bool,
    tokenSizes: [TokenSize], diagnostics: DiagnosticSet
  ) throws(DiagnosticError) {
    if let unknown = model.unknownSteps(ragged) { throw DiagnosticError(unknown) }
    let lowering = ModelLowering(model, element, ragged: ragged, isTraining: isTraining)
    graph = lowering.run()
    means = lowering.means
    self.model = model
    self.element = element
    self.ragged = ragged
    self.isTraining = isTraining
    self.tokenSizes = tokenSizes
    self.diagnostics = diagnostics
  }

  /// The value of every size of the model.
  public var sizes: [String: Int] { model.sizes }

  /// The instances whose cells tell what other programs call their parameters, in the order of their declaration.
  public var otherNames: [OtherNames] { model.otherNames(path: "") }

  /// The same model in another graph.
  ///
  /// - Parameters:
  ///   - ragged: numbers of steps whose sequences have a number of valid steps for each example; nil for the same.
  ///   - isTraining: whether random draws are made.
  /// - Throws: `DiagnosticError` if no sequence of the model has such a number of steps.
  public func lowered(
    ragged: Set<String>? = nil, isTraining: Bool = false
  ) throws(DiagnosticError) -> LoweredModel {
    let ragged = ragged ?? self.ragged
    if ragged == self.ragged, isTraining == self.isTraining || !model.isRandom { return self }
    return try LoweredModel(
      model, element, ragged: ragged, isTraining: isTraining, tokenSizes: tokenSizes,
      diagnostics: diagnostics)
  }
}

extension CheckedCell {
  /// What is wrong with a set of numbers of steps, if it has one that no sequence of the model has.
  fileprivate func unknownSteps(_ names: Set<String>) -> Diagnostic? {
    var known: [String] = []
    for case .steps(let length) in inputs.map(\.type.extent) where !known.contains(length) {
      known.append(length)
    }
    guard let name = names.subtracting(known).min() else { return nil }
    let note =
      known.isEmpty
      ? "it has no sequences" : "the numbers of steps of its sequences are \(known.joined(separator: ", "))"
    return Diagnostic(
      "unknown-steps", "model '\(self.name)' has no sequence of \(name) steps", at: nil,
      notes: [Diagnostic.Note(note)])
  }
}
