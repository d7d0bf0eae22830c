import RNNGraph
import RNNSupport

/// A model as a graph, and what the source says beyond it.
///
/// A model may also be a graph alone: then there is no source that says more.
public struct LoweredModel: Sendable {
  /// The forward graph: data, targets, parameters and initial states to outputs, loss and final states.
  public let graph: Graph
  /// The numbers of steps whose sequences have a number of valid steps for each example.
  public let ragged: Set<String>
  /// Whether `training` is 1.
  public let isTraining: Bool
  /// Whether random draws are made; else each is its middle.
  public let isDrawing: Bool
  /// Warnings.
  public let diagnostics: DiagnosticSet
  /// Where other graphs of the model come from.
  private let origin: Origin

  private enum Origin {
    /// The checked source, lowered with numbers of a type.
    case source(CheckedCell, ElementType)
    /// The graph with random draws.
    case graph(drawing: Graph)
  }

  init(
    _ model: CheckedCell, _ element: ElementType, ragged: Set<String>, isTraining: Bool, isDrawing: Bool,
    diagnostics: DiagnosticSet
  ) throws(DiagnosticError) {
    if let unknown = model.unknownSteps(ragged) { throw DiagnosticError(unknown) }
    graph =
      ModelLowering(model, element, ragged: ragged, isTraining: isTraining, isDrawing: isDrawing).run()
    origin = .source(model, element)
    self.ragged = ragged
    self.isTraining = isTraining
    self.isDrawing = isDrawing
    self.diagnostics = diagnostics
  }

  /// A model that is a graph.
  ///
  /// - Parameter drawing: the same model with random draws, if it makes any.
  public init(_ graph: Graph, drawing: Graph) { self.init(graph, drawing: drawing, isDrawing: false) }

  private init(_ graph: Graph, drawing: Graph, isDrawing: Bool) {
    self.graph = graph
    origin = .graph(drawing: drawing)
    ragged = Set(
      graph.inputs.compactMap { if case .lengths(let symbol) = $0.role { symbol.name } else { nil } })
    isTraining = isDrawing
    self.isDrawing = isDrawing
    diagnostics = DiagnosticSet()
  }

  /// The checked source; nil of a graph.
  var model: CheckedCell? { if case .source(let model, _) = origin { model } else { nil } }

  /// Whether the model is a graph, which has no source.
  public var isGraph: Bool { model == nil }

  /// The value of every size of the model; those of a graph have no names.
  public var sizes: [String: Int] { model?.sizes ?? [:] }

  /// The instances whose cells tell what other programs call their parameters, in the order of their declaration.
  public var otherNames: [OtherNames] { model?.otherNames(path: "") ?? [] }

  /// The graph of training, in which random draws are made.
  public var drawing: Graph {
    switch origin {
    case .source(let model, let element):
      isTraining || !(model.isRandom || model.readsTraining)
        ? graph
        : ModelLowering(model, element, ragged: ragged, isTraining: true, isDrawing: true).run()
    case .graph(let drawing): drawing
    }
  }

  /// The same model in another graph.
  ///
  /// - Parameters:
  ///   - ragged: numbers of steps whose sequences have a number of valid steps for each example; nil for the same.
  ///   - isTraining: whether `training` is 1.
  ///   - isDrawing: whether random draws are made; nil if they are in training alone.
  /// - Throws: `DiagnosticError` if no sequence of the model has such a number of steps.
  public func lowered(
    ragged: Set<String>? = nil, isTraining: Bool = false, isDrawing: Bool? = nil
  ) throws(DiagnosticError) -> LoweredModel {
    let (ragged, isDrawing) = (ragged ?? self.ragged, isDrawing ?? isTraining)
    switch origin {
    case .source(let model, let element):
      let isSame =
        (isDrawing == self.isDrawing || !model.isRandom)
        && (isTraining == self.isTraining || !model.readsTraining)
      if ragged == self.ragged, isSame { return self }
      return try LoweredModel(
        model, element, ragged: ragged, isTraining: isTraining, isDrawing: isDrawing,
        diagnostics: diagnostics)
    case .graph(let drawing):
      // Lengths that are not given are those of whole sequences.
      if let unknown = ragged.subtracting(self.ragged).min() {
        throw DiagnosticError(noLengths(of: unknown))
      }
      return isDrawing ? LoweredModel(drawing, drawing: drawing, isDrawing: true) : self
    }
  }

  private func noLengths(of steps: String) -> Diagnostic {
    Diagnostic(
      "fixed-lengths", "graph '\(graph.name)' takes no lengths of its sequences of \(steps) steps", at: nil,
      notes: [
        Diagnostic.Note(
          "a graph computes with lengths if it has an input such as 'lengths \"x.lengths\" of(\(steps))'")
      ])
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
