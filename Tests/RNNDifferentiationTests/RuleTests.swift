import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// Each rule against differences of the function.
@Suite struct RuleTests {
  @Test(arguments: UnaryFunction.allCases)
  func unary(_ function: UnaryFunction) throws {
    let graph = lossGraph([("x", [3, 5])]) { builder, x in
      let positive = builder.add(builder.unary(.exp, x[0]), builder.constant(0.2, like: x[0]))
      let isPartial = function.traits.contains(.partial) && ![.exp, .expm1].contains(function)
      return [builder.unary(function, isPartial ? positive : x[0])]
    }
    try expectRightGradients(graph)
  }

  @Test(arguments: BinaryFunction.allCases)
  func binary(_ function: BinaryFunction) throws {
    let graph = lossGraph([("a", [7]), ("b", [7])]) { builder, x in
      let divisor = builder.add(builder.unary(.sigmoid, x[1]), builder.constant(0.2, like: x[1]))
      let base = builder.unary(.exp, x[0])
      return [
        builder.binary(function, function == .pow ? base : x[0], function == .divide ? divisor : x[1]),
        function == .pow ? builder.binary(function, divisor, divisor) : builder.binary(function, x[1], x[1]),
      ]
    }
    try expectRightGradients(graph)
  }

  /// The derivatives of a function of two operands by both.
  private func derivatives(_ function: BinaryFunction, _ a: [Double], _ b: [Double]) throws -> [[Double]?] {
    let shape = [a.count]
    let builder = GraphBuilder(Graph(name: "pair"))
    let type = TensorType(.f64, shape.map(Dimension.fixed))
    let (x, y) = (
      builder.graph.addInput("a", role: .data, type), builder.graph.addInput("b", role: .data, type)
    )
    builder.graph.addOutput(
      "loss", role: .loss, builder.reduce(.sum, builder.binary(function, x, y), axes: [0]))
    let results = try Interpreter(gradient(of: builder.graph) { _ in true })
      .run(inputs: ["a": DenseArray(.f64, shape, a), "b": DenseArray(.f64, shape, b)])
    return [results["grad.a"]?.numbers, results["grad.b"]?.numbers]
  }

  @Test func functionsOfTwoOperandsHaveDerivativesAtTheirCorners() throws {
    #expect(
      try derivatives(.pow, [-2, 0, 0, 0, 1, -3], [3, 2, 1, 0, 5, 0]) == [
        [12, 0, 1, 0, 5, 0], [0, 0, 0, 0, 0, 0],
      ])
    #expect(
      try derivatives(.logaddexp, [-.infinity, -.infinity, 0, 1000], [-.infinity, 3, 0, 0])
        == [[0.5, 0, 0.5, 1], [0.5, 1, 0.5, 0]])
    #expect(try derivatives(.atan2, [0, 1, 3], [0, 1, 0]) == [[0, 0.5, 0], [0, -0.5, -1.0 / 3]])
  }

  /// Beside a constant, too, a tie of `logaddexp` is no kink.
  @Test func sumsOfExponentialsHaveNoKink() throws {
    let builder = GraphBuilder(Graph(name: "softplus"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f64, []))
    let y = builder.binary(.logaddexp, x, builder.constant(0, like: x))
    builder.graph.addOutput("loss", role: .loss, y)
    let results = try Interpreter(gradient(of: builder.graph) { _ in true })
      .run(inputs: ["x": DenseArray(.f64, scalar: 0)])
    #expect(results["grad.x"]?.numbers == [0.5])
  }

  @Test func reversedPrefixes() throws {
    let graph = lossGraph([("x", [3, 4, 2])]) { builder, x in
      let lengths = builder.convert(builder.iota(4, .f64), to: .i32)
      return [builder.unary(.sin, builder.reversePrefix(x[0], lengths, axis: 0))]
    }
    try expectRightGradients(graph)
  }

  @Test func selectConvertAndDetach() throws {
    let graph = lossGraph([("a", [3, 7]), ("b", [3, 7])]) { builder, x in
      let isLess = builder.compare(.less, x[0], x[1])
      let mask = builder.convert(isLess, to: .f64)
      let chosen = builder.select(isLess, builder.unary(.sin, x[1]), x[0])
      return [chosen, builder.multiply(mask, x[0])]
    }
    try expectRightGradients(graph)
  }

  @Test func detachedValuesCountAsConstants() throws {
    let graph = lossGraph([("x", [3])]) { builder, x in
      [builder.multiply(builder.detach(builder.unary(.exp, x[0])), x[0])]
    }
    let attached = lossGraph([("x", [3]), ("e", [3])]) { builder, x in [builder.multiply(x[1], x[0])] }
    let x = DenseArray(.f64, [3], [0.5, -0.2, 0.7])
    let e = DenseArray(.f64, [3], x.numbers.map(exponential))
    let found = try Interpreter(gradient(of: graph) { _ in true }).run(inputs: ["x": x])
    let expected = try Interpreter(gradient(of: attached) { $0.name == "x" }).run(inputs: ["x": x, "e": e])
    #expect(found["grad.x"] == expected["grad.x"])
  }

  /// The exponential function as the interpreter computes it.
  private func exponential(_ x: Double) -> Double {
    let builder = GraphBuilder(Graph(name: "exp"))
    let value = builder.unary(.exp, builder.constant(x, TensorType(.f64, [])))
    builder.graph.addOutput("y", role: .output, value)
    return (try? Interpreter(builder.graph).run(inputs: [:])["y"]?.numbers[0]) ?? .nan
  }

  @Test func conversionsBetweenFloatsKeepThePrecisionOfEachSide() throws {
    let builder = GraphBuilder(Graph(name: "convert"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [3]))
    let wide = builder.convert(x, to: .f64)
    builder.graph.addOutput(
      "loss", role: .loss, builder.reduce(.sum, builder.multiply(wide, wide), axes: [0]))
    let graph = try gradient(of: builder.graph) { _ in true }
    try graph.verify()
    let results = try Interpreter(graph).run(inputs: ["x": DenseArray(.f32, [3], [1, 2, -0.25])])
    #expect(results["grad.x"] == DenseArray(.f32, [3], [2, 4, -0.5]))
  }

  @Test(arguments: [
    // Vectors, matrices in both orders, transposed on each side, outer product, several axes, batches.
    (a: [5], b: [5], DotAxes(lhsContracting: [0], rhsContracting: [0])),
    (a: [3, 5], b: [7, 5], DotAxes(lhsContracting: [1], rhsContracting: [1])),
    (a: [3, 5], b: [5, 7], DotAxes(lhsContracting: [1], rhsContracting: [0])),
    (a: [5, 3], b: [7, 5], DotAxes(lhsContracting: [0], rhsContracting: [1])),
    (a: [5, 3], b: [5, 7], DotAxes(lhsContracting: [0], rhsContracting: [0])),
    (a: [3, 2], b: [5], DotAxes(lhsContracting: [], rhsContracting: [])),
    (a: [2, 3, 5], b: [5, 7, 2], DotAxes(lhsContracting: [2, 0], rhsContracting: [0, 2])),
    (
      a: [3, 2, 5], b: [5, 2, 7],
      DotAxes(lhsContracting: [2], rhsContracting: [0], lhsBatch: [1], rhsBatch: [1])
    ),
    (
      a: [3, 2, 5, 4], b: [4, 7, 3, 2],
      DotAxes(lhsContracting: [0], rhsContracting: [2], lhsBatch: [3, 1], rhsBatch: [0, 3])
    ),
    (
      a: [2, 3], b: [3, 2],
      DotAxes(lhsContracting: [], rhsContracting: [], lhsBatch: [1, 0], rhsBatch: [0, 1])
    ),
  ])
  func dot(_ a: [Int], _ b: [Int], _ axes: DotAxes) throws {
    let graph = lossGraph([("a", a.map(Dimension.fixed)), ("b", b.map(Dimension.fixed))]) { builder, x in
      [builder.dot(x[0], x[1], axes)]
    }
    try expectRightGradients(graph)
  }

  @Test func productsNeedNoTransposition() throws {
    for axes in [
      DotAxes(lhsContracting: [1], rhsContracting: [0]), DotAxes(lhsContracting: [1], rhsContracting: [1]),
    ] {
      let graph = lossGraph([("a", [4, 4]), ("b", [4, 4])]) { builder, x in [builder.dot(x[0], x[1], axes)] }
      let differentiated = try gradient(of: graph) { _ in true }
      #expect(!differentiated.description.contains("transpose"))
    }
  }

  @Test(arguments: Reduction.allCases, [[0], [2], [0, 2], [0, 1, 2]])
  func reduce(_ reduction: Reduction, axes: [Int]) throws {
    let graph = lossGraph([("x", [.steps, 3, 5])]) { builder, x in
      [builder.reduce(reduction, x[0], axes: axes)]
    }
    try expectRightGradients(graph)
  }

  @Test func extremaShareAmongEqualElements() throws {
    let builder = GraphBuilder(Graph(name: "ties"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f64, [4]))
    builder.graph.addOutput("loss", role: .loss, builder.reduce(.maximum, x, axes: [0]))
    let results = try Interpreter(gradient(of: builder.graph) { _ in true })
      .run(inputs: ["x": DenseArray(.f64, [4], [2, 1, 2, 0])])
    #expect(results["grad.x"]?.numbers == [0.5, 0, 0.5, 0])
  }

  @Test func tiesAreSharedByOperandsAndLostToConstants() throws {
    let builder = GraphBuilder(Graph(name: "ties"))
    let a = builder.graph.addInput("a", role: .data, TensorType(.f64, []))
    let b = builder.graph.addInput("b", role: .data, TensorType(.f64, []))
    let c = builder.graph.addInput("c", role: .data, TensorType(.f64, []))
    let rectified = builder.binary(.maximum, c, builder.constant(0, like: c))
    builder.graph.addOutput("loss", role: .loss, builder.add(builder.binary(.minimum, a, b), rectified))
    let one = DenseArray(.f64, scalar: 1)
    let results = try Interpreter(gradient(of: builder.graph) { _ in true })
      .run(inputs: ["a": one, "b": one, "c": DenseArray(.f64, scalar: 0)])
    #expect(results["grad.a"]?.numbers == [0.5])
    #expect(results["grad.b"]?.numbers == [0.5])
    #expect(results["grad.c"]?.numbers == [0])
  }

  @Test func movement() throws {
    let graph = lossGraph([("x", [.steps, 1, 6]), ("y", [6])]) { builder, x in
      let shape: [Dimension] = [.steps, .batch, 6]
      let wide = builder.broadcast(x[0], axes: [0, 1, 3], shape: [.steps, 1, .batch, 6])
      let split = builder.reshape(builder.reshape(wide, shape), [.steps, .batch, 2, 3])
      let turned = builder.transpose(split, [3, 0, 2, 1])
      return [
        turned, builder.broadcast(x[1], axes: [2], shape: shape), builder.reverse(x[0], axis: 0),
        builder.concat([x[1], builder.unary(.sin, x[1]), x[1]], axis: 0),
      ]
    }
    try expectRightGradients(graph)
  }

  @Test(arguments: Anchor.allCases)
  func sliceAndPad(_ anchor: Anchor) throws {
    let graph = lossGraph([("x", [.steps, 5]), ("y", [2, 3])]) { builder, x in
      [
        builder.slice(x[0], axis: 0, start: 1, count: 2, anchor: anchor),
        builder.slice(x[0], axis: 1, start: 1, count: 3, anchor: anchor),
        builder.pad(x[1], axis: 0, start: 1, to: .steps, anchor: anchor),
        builder.pad(x[1], axis: 1, start: 2, to: 7, anchor: anchor),
      ]
    }
    try expectRightGradients(graph)
  }

  @Test func rowsByIDs() throws {
    let graph = lossGraph(
      [("table", [5, 3]), ("rows", [.steps, .batch, 2]), ("m", [5, 2])],
      ids: [("ids", [.steps, .batch], 5)]
    ) { builder, x in
      let hot = builder.oneHot(x[3], extent: 5, .f64)
      return [
        builder.gather(x[0], x[3]), builder.scatterAdd(x[3], x[1], extent: 6),
        builder.dot(hot, x[2], DotAxes(lhsContracting: [2], rhsContracting: [0])),
      ]
    }
    try expectRightGradients(graph)
  }

  @Test func unreachedInputsHaveZeroGradients() throws {
    let graph = lossGraph([("x", [3]), ("unused", [.batch, 2])]) { _, x in [x[0]] }
    let results = try Interpreter(gradient(of: graph) { _ in true }).run(
      inputs: ["x": DenseArray(.f64, [3], [1, 2, 3]), "unused": DenseArray(.f64, [2, 2], [1, 2, 3, 4])])
    #expect(results["grad.unused"] == DenseArray(.f64, [2, 2], repeating: 0))
  }

  @Test func gradientsAreAddedForSelectedInputsOnly() throws {
    let graph = lossGraph([("x", [3]), ("y", [3])]) { builder, x in [builder.multiply(x[0], x[1])] }
    let differentiated = try gradient(of: graph) { $0.name == "y" }
    #expect(differentiated.outputs.map(\.name) == ["loss", "grad.y"])
    #expect(differentiated.output(named: "grad.y")?.role == .gradient(of: "y"))
  }

  @Test func faultsAreReported() throws {
    let empty = Graph(name: "empty")
    #expect(throws: DifferentiationError.lossCount(0)) { try gradient(of: empty) { _ in true } }

    let builder = GraphBuilder(empty)
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [2]))
    builder.graph.addOutput("loss", role: .loss, x)
    #expect(throws: DifferentiationError.lossType(TensorType(.f32, [2]))) {
      try gradient(of: builder.graph) { _ in true }
    }

    let once = try gradient(of: lossGraph([("x", [3])]) { _, x in x }) { _ in true }
    #expect(throws: DifferentiationError.nameTaken("grad.x")) { try gradient(of: once) { _ in true } }

    let open = lossGraph([("x", [.steps, 2])], ids: [("ids", [.batch], 1)]) { builder, x in
      [builder.gather(x[0], x[1])]
    }
    #expect(throws: DifferentiationError.openTable(TensorType(.f64, [.steps, 2]), site: nil)) {
      try gradient(of: open) { _ in true }
    }
  }
}
