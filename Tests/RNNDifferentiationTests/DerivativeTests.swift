import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// Derivatives that are values of a graph, and are differentiated in turn.
@Suite struct DerivativeTests {
  /// The graph with a curved function of the derivatives by its first inputs as its loss.
  ///
  /// What is differentiated is the sum of all that the graph puts out.
  private func derived(_ graph: Graph) throws -> Graph {
    let builder = GraphBuilder(graph)
    func sum(_ value: ValueID) -> ValueID {
      builder.reduce(.sum, value, axes: Array(builder.type(value).shape.indices))
    }
    let outputs = graph.outputs.map(\.value).filter { builder.type($0).element.isFloat }
    let total = outputs.map { sum(builder.unary(.tanh, $0)) }.reduce(
      builder.constant(0, TensorType(.f64, [])), builder.add)
    let inputs = graph.inputs.map(\.value).filter { builder.type($0).element.isFloat }
    let terms = try inputs.prefix(3).map { input in
      let derivative = try builder.derivative(of: total, by: input)
      return sum(builder.unary(.sin, builder.add(derivative, builder.scale(input, by: 0.3))))
    }
    let loss = terms.reduce(total, builder.add)
    builder.graph.addOutput("loss", role: .loss, builder.unary(.tanh, builder.scale(loss, by: 0.1)))
    return builder.graph
  }

  /// Every operation that can be differentiated twice, loops in both directions and in each other among them.
  @Test(arguments: TestGroup.graphs.seeds(150, core: 20))
  func differentiatedTwice(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(hasSurrogates: false, operationCount: 10))
    try expectRightGradients(
      derived(random.graph), inputs: random.inputs(), sizes: random.sizes, elementLimit: 4)
  }

  /// What a branch leaves out that is not taken counts for nothing in derivatives of derivatives, too.
  @Test(arguments: TestGroup.graphs.seeds(100, core: 15))
  func branchesThatAreNotTakenDoNotMatter(seed: UInt64) throws {
    func gradients(_ hasUntakenBranches: Bool) throws -> [String: DenseArray] {
      let random = RandomGraph(
        seed: seed,
        .init(hasSurrogates: false, hasUntakenBranches: hasUntakenBranches, operationCount: 8, depth: 1))
      let graph = try gradient(of: derived(random.graph)) { _ in true }
      try graph.verify()
      return try Interpreter(graph).run(inputs: random.inputs(), sizes: random.sizes)
    }
    let (plain, branched) = (try gradients(false), try gradients(true))
    for (name, expected) in plain where name.hasPrefix("grad.") {
      let found = try #require(branched[name])
      for (a, b) in zip(expected.numbers, found.numbers) {
        #expect(abs(a - b) <= 1e-9 * max(1, abs(a)), "\(name): \(b) and not \(a)")
      }
    }
  }

  /// The derivative of the loss is that of the gradient graph.
  @Test func bothWaysAgree() throws {
    for seed in UInt64(0)..<10 {
      let random = RandomGraph(seed: seed, .init(hasLoss: true, operationCount: 10))
      let builder = GraphBuilder(random.graph)
      let loss = try #require(random.graph.loss?.value)
      for input in random.graph.inputs where builder.type(input.value).element.isFloat {
        builder.graph.addOutput(
          "d." + input.name, role: .output, try builder.derivative(of: loss, by: input.value))
      }
      try builder.graph.verify()
      let found = try Interpreter(builder.graph).run(inputs: random.inputs(), sizes: random.sizes)
      let expected = try Interpreter(gradient(of: random.graph) { _ in true })
        .run(inputs: random.inputs(), sizes: random.sizes)
      for (name, value) in expected where name.hasPrefix("grad.") {
        let other = try #require(found["d." + name.dropFirst(5)])
        for (a, b) in zip(value.numbers, other.numbers) { #expect(abs(a - b) <= 1e-12 * max(1, abs(a))) }
      }
    }
  }
}
