import RNNGraph

// A backward pass that starts from derivatives by the outputs, which the caller gives:
//
//                                %9 = target "coef.y" : f32[B, 8]
//     output "y" = %1      ->    %10 = multiply %1, %9 : f32[B, 8]
//                                %11 = reduce_sum %10 axes(0, 1) : f32[]
//                                output "y" = %1
//                                loss "loss" = %11

extension Graph {
  /// The prefix of the tensors that seed a backward pass.
  public static let seedPrefix = "coef."

  /// The graph with a loss: the sum of the products of all elements of some outputs with coefficients, which are
  /// further inputs, so that the loss' derivatives are those of the outputs in any direction.
  ///
  /// - Requires: the graph has no loss.
  /// - Throws: `RewriteError` if an output is not there, or holds no floats.
  public func seeded(by names: [String]) throws(RewriteError) -> Graph {
    if output(named: "loss") != nil {
      throw RewriteError("an output is called 'loss', as is the sum of outputs times coefficients")
    }
    let builder = GraphBuilder(self)
    var sum: ValueID?
    for name in names {
      guard let output = output(named: name), type(output.value).element.isFloat else {
        let known = outputs.filter { type($0.value).element.isFloat }.map(\.name).joined(separator: ", ")
        throw RewriteError(
          "tensor '\(Self.seedPrefix)\(name)' seeds no output or final state of model '\(self.name)'",
          note: "it has \(known)")
      }
      guard input(named: Self.seedPrefix + name) == nil else {
        throw RewriteError("an input is called '\(Self.seedPrefix)\(name)', like what seeds '\(name)'")
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
