import RNNGraph

/// By which input a model reads text, and by which target it is told what to predict.
struct TextInterface {
  /// The input of ids, `i32[T, B]`.
  let input: String
  /// The target of ids, `i32[T, B]`.
  let target: String
  /// Ids are below this number.
  let idLimit: Int

  /// Finds them in a model.
  ///
  /// - Throws: `InputError` if the model is not one of text.
  init(_ graph: Graph) throws {
    let data = graph.inputs.filter { $0.role == .data }
    let targets = graph.inputs.filter { $0.role == .target }
    let input = try Self.onlyTokens(data, graph, "input")
    let target = try Self.onlyTokens(targets, graph, "target")
    self.input = input.name
    self.target = target.name
    idLimit = input.limit
  }

  /// The one input that a model has of a role, if it is a sequence of tokens.
  static func onlyTokens(
    _ inputs: [Input], _ graph: Graph, _ kind: String
  ) throws -> (name: String, limit: Int) {
    let example = "text needs a model with 'input text: seq token(V)' and 'target next: seq token(V)'"
    guard inputs.count == 1 else {
      let found = inputs.isEmpty ? "none" : inputs.map(\.name).joined(separator: ", ")
      throw InputError(
        "model '\(graph.name)' is not one of text: it should have one \(kind), and it has \(found)",
        note: example)
    }
    guard let limit = inputs[0].idLimit, graph.type(inputs[0].value).rank == 2 else {
      throw InputError(
        "model '\(graph.name)' is not one of text: \(kind) '\(inputs[0].name)' is "
          + "\(graph.type(inputs[0].value)), not a sequence of tokens",
        note: example)
    }
    return (inputs[0].name, limit)
  }
}
