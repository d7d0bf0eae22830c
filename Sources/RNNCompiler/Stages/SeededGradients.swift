import RNNGraph

extension Graph {
  /// The prefix of the tensors that seed a backward pass.
  static let seedPrefix = "coef."

  /// The graph with a loss: the sum of the products of all elements of some outputs with coefficients, which are
  /// further inputs, so that the loss' derivatives are those of the outputs in any direction.
  ///
  /// - Requires: the graph has no loss.
  /// - Throws: `InputError` if an output is not there, or holds no floats.
  func seeded(by names: [String]) throws -> Graph {
    if output(named: "loss") != nil {
      throw InputError("an output is called 'loss', as is the sum of outputs times coefficients")
    }
    let builder = GraphBuilder(self)
    var sum: ValueID?
    for name in names {
      guard let output = output(named: name), type(output.value).element.isFloat else {
        let known = outputs.filter { type($0.value).element.isFloat }.map(\.name).joined(separator: ", ")
        throw InputError(
          "tensor '\(Self.seedPrefix)\(name)' seeds no output or final state of model '\(self.name)'",
          note: "it has \(known)")
      }
      let shape = self.type(output.value)
      let coefficients = builder.graph.addInput(Self.seedPrefix + name, role: .target, shape)
      let products = builder.multiply(output.value, coefficients)
      let term = shape.isScalar ? products : builder.reduce(.sum, products, axes: Array(0..<shape.rank))
      sum = sum.map { builder.add($0, term) } ?? term
    }
    if let sum { builder.graph.addOutput("loss", role: .loss, sum) }
    return builder.graph
  }
}
