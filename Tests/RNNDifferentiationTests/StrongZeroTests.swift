import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// A value that reaches the loss only through branches that are not taken has a gradient of exactly 0, whatever stands
/// in these branches.
@Suite struct StrongZeroTests {
  /// Branches that are not taken change no gradient of a random graph.
  @Test(arguments: 0..<60)
  func untakenBranchesChangeNothing(seed: UInt64) throws {
    func random(hasBranches: Bool) -> RandomGraph {
      RandomGraph(
        seed: seed, .init(hasLoss: true, hasSurrogates: false, hasUntakenBranches: hasBranches))
    }
    let (random, branched) = (random(hasBranches: false), random(hasBranches: true).graph)
    try branched.verify()
    let expected = try gradients(of: random.graph, inputs: random.inputs(), sizes: random.sizes)
    let found = try gradients(of: branched, inputs: random.inputs(), sizes: random.sizes)
    for (name, array) in expected {
      let difference = relativeDifference(array, found[name]!)
      #expect(difference <= 1e-9, "seed \(seed), \(name): \(difference)\n\(branched)")
    }
  }

  private func gradients(
    of graph: Graph, inputs: [String: DenseArray], sizes: [Symbol: Int]
  ) throws -> [String: DenseArray] {
    try Interpreter(gradient(of: graph) { _ in true }).run(inputs: inputs, sizes: sizes)
  }

  /// The gradients of `sum(y)` by the inputs of some elements.
  private func gradients(
    at inputs: [(String, [Double])], _ body: (GraphBuilder, [ValueID]) -> ValueID
  ) throws -> [[Double]] {
    let builder = GraphBuilder(Graph(name: "strong"))
    let values = inputs.map {
      builder.graph.addInput($0.0, role: .parameter(.constant(0)), TensorType(.f64, [.fixed($0.1.count)]))
    }
    let y = body(builder, values)
    let sum = builder.reduce(.sum, y, axes: Array(builder.type(y).shape.indices))
    builder.graph.addOutput("loss", role: .loss, sum)
    let arrays = inputs.map { ($0.0, DenseArray(.f64, [$0.1.count], $0.1)) }
    let found = try gradients(
      of: builder.graph, inputs: Dictionary(uniqueKeysWithValues: arrays), sizes: [:])
    return inputs.compactMap { found["grad.\($0.0)"]?.numbers }
  }

  private static let partial: [UnaryFunction] = [.sqrt, .log, .rsqrt, .reciprocal]

  /// `where(a > 0, f(a), a)`.
  @Test(arguments: partial) func branchesOfWhere(_ function: UnaryFunction) throws {
    let found = try gradients(at: [("a", [-1, 0, 4, 1])]) { builder, x in
      let isPositive = builder.compare(.less, builder.constant(0, like: x[0]), x[0])
      return builder.select(isPositive, builder.unary(function, x[0]), x[0])
    }[0]
    #expect(found[0] == 1 && found[1] == 1)
    #expect(found[2].isFinite && found[2] != 1)
  }

  @Test func anInfiniteDerivativeThatIsTakenStays() throws {
    let found = try gradients(at: [("a", [0, 4])]) { builder, x in
      let isSmall = builder.compare(.less, x[0], builder.constant(9, like: x[0]))
      return builder.select(isSmall, builder.unary(.sqrt, x[0]), x[0])
    }
    #expect(found == [[.infinity, 0.25]])
  }

  /// Elements that a slice leaves out, and elements that an extremum does not choose.
  @Test func slicesAndExtrema() throws {
    let sliced = try gradients(at: [("a", [4, 1, 0, -1])]) { builder, x in
      builder.slice(builder.unary(.sqrt, x[0]), axis: 0, start: 0, count: 2)
    }
    #expect(sliced == [[0.25, 0.5, 0, 0]])
    let greatest = try gradients(at: [("a", [4, 1, 0, 0])]) { builder, x in
      builder.reduce(.maximum, builder.unary(.sqrt, x[0]), axes: [0])
    }
    #expect(greatest == [[0.25, 0, 0, 0]])
    let larger = try gradients(at: [("a", [4, 0])]) { builder, x in
      builder.binary(.maximum, builder.unary(.log, x[0]), builder.constant(-5, like: x[0]))
    }
    #expect(larger == [[0.25, 0]])
  }

  /// A mask that is no function of the parameters leaves out what it meets.
  @Test func masks() throws {
    let found = try gradients(at: [("a", [4, 0])]) { builder, x in
      let isPositive = builder.compare(.less, builder.constant(0, like: x[0]), x[0])
      return builder.multiply(builder.convert(isPositive, to: .f64), builder.unary(.sqrt, x[0]))
    }
    #expect(found == [[0.25, 0]])
  }

  /// Rows of a product that only zeros of the adjoint meet.
  @Test func productsLeaveUntakenRowsOut() throws {
    // y = where(mask, w · sqrt(a), 0) with one row of `a` for each element of the mask.
    let found = try gradients(at: [("a", [4, -1, 9]), ("w", [2])]) { builder, x in
      let roots = builder.reshape(builder.unary(.sqrt, x[0]), [3, 1])
      let y = builder.reshape(
        builder.dot(roots, x[1], DotAxes(lhsContracting: [1], rhsContracting: [0])), [3])
      let isPositive = builder.compare(.less, builder.constant(0, like: x[0]), x[0])
      return builder.select(isPositive, y, builder.constant(0, like: y))
    }
    #expect(found == [[0.5, 0, 1.0 / 3], [5]])
  }

  /// Where every adjoint is dense, or every factor finite, the gradient graph is what it always was.
  @Test func nothingIsAddedWithoutNeed() throws {
    let builder = GraphBuilder(Graph(name: "plain"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f64, [.batch, 6]))
    let w = builder.graph.addInput("w", role: .parameter(.constant(0)), TensorType(.f64, [6, 6]))
    let product = builder.dot(x, w, DotAxes(lhsContracting: [1], rhsContracting: [1]))
    let weights = builder.unary(.exp, product)
    let parts = (0..<3).map { builder.slice(weights, axis: 1, start: 2 * $0, count: 2) }
    let y = builder.divide(builder.multiply(parts[0], parts[1]), parts[2])
    let loss = builder.reduce(.sum, builder.multiply(builder.add(parts[0], y), y), axes: [0, 1])
    builder.graph.addOutput("loss", role: .loss, loss)
    let text = try gradient(of: builder.graph) { $0.name == "w" }.description
    #expect(!text.contains("equal"))
  }
}
