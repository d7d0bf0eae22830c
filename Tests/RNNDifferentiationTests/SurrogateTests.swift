import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// Derivatives that are not those of the value: in closed form, as no difference shows them.
@Suite struct SurrogateTests {
  private typealias Builder = (GraphBuilder, [String: ValueID]) -> ValueID

  /// A graph of vectors whose loss is the sum of what is built.
  private func graph(_ names: [String], _ shape: [Dimension] = [3], _ body: Builder) -> Graph {
    let builder = GraphBuilder(Graph(name: "surrogate"))
    var values: [String: ValueID] = [:]
    for name in names {
      values[name] = builder.graph.addInput(name, role: .data, TensorType(.f64, shape))
    }
    let result = body(builder, values)
    let axes = Array(builder.type(result).shape.indices)
    builder.graph.addOutput("loss", role: .loss, builder.reduce(.sum, result, axes: axes))
    return builder.graph
  }

  /// The derivatives of the sum by the vectors, and the sum.
  private func results(_ graph: Graph, _ inputs: [String: [Double]]) throws -> [String: [Double]] {
    try graph.verify()
    let differentiated = try gradient(of: graph) { _ in true }
    try differentiated.verify()
    let arrays = Dictionary(
      uniqueKeysWithValues: graph.inputs.map { input in
        let numbers = inputs[input.name] ?? []
        let extents = graph.type(input.value).shape.map { $0.fixed ?? numbers.count }
        return (input.name, DenseArray(.f64, extents, numbers))
      })
    return try Interpreter(differentiated).run(inputs: arrays).mapValues(\.numbers)
  }

  private static let x = [0.5, -2, 3], y = [1, 0.25, -4]

  @Test func whatIsStoppedIsAConstant() throws {
    let stopped = graph(["x", "y"]) { builder, v in
      builder.multiply(builder.detach(builder.multiply(v["x"]!, v["x"]!)), builder.multiply(v["x"]!, v["y"]!))
    }
    let found = try results(stopped, ["x": Self.x, "y": Self.y])
    #expect(found["grad.x"] == zip(Self.x, Self.y).map { $0 * $0 * $1 })
    #expect(found["grad.y"] == Self.x.map { $0 * $0 * $0 })
  }

  /// The value is exactly `hard`, which gets nothing; `soft` gets all.
  @Test func straightThroughHasTheDerivativeOfItsSecondOperand() throws {
    let straight = graph(["x", "y"]) { builder, v in
      let soft = builder.scale(v["y"]!, by: 3)
      let through = builder.straightThrough(builder.multiply(v["x"]!, v["x"]!), soft)
      return builder.multiply(through, through)
    }
    let found = try results(straight, ["x": Self.x, "y": Self.y])
    #expect(found["loss"] == [Self.x.map { $0 * $0 * $0 * $0 }.reduce(0, +)])
    #expect(found["grad.x"] == [0, 0, 0])
    #expect(found["grad.y"] == Self.x.map { 6 * $0 * $0 })
  }

  /// Bounds of both signs, and what all readers of the value pass on together.
  @Test func theAdjointIsClipped() throws {
    let clipped = graph(["x", "y"]) { builder, v in
      let x = builder.clipGradient(v["x"]!, bound: 1.5)
      return builder.add(builder.multiply(x, v["y"]!), x)
    }
    let found = try results(clipped, ["x": Self.x, "y": Self.y])
    #expect(found["loss"] == [zip(Self.x, Self.y).map { $0 * $1 + $0 }.reduce(0, +)])
    #expect(found["grad.x"] == [1.5, 1.25, -1.5])
    #expect(found["grad.y"] == Self.x)
  }

  @Test func surrogatesStandInsideOfEachOther() throws {
    let nested = graph(["x", "y"]) { builder, v in
      let clipped = builder.clipGradient(builder.scale(v["y"]!, by: 2), bound: 0.5)
      let straight = builder.straightThrough(v["x"]!, clipped)
      return builder.multiply(builder.clipGradient(straight, bound: 2), builder.detach(straight))
    }
    // The adjoint is x: clipped to 2, then to 0.5, and doubled.
    let found = try results(nested, ["x": Self.x, "y": Self.y])
    #expect(found["grad.x"] == [0, 0, 0])
    #expect(found["grad.y"] == [1, -1, 1])
  }

  /// A NaN is no number between the bounds, and stays one.
  @Test func anAdjointThatIsNoNumberStaysNone() throws {
    let clipped = graph(["x", "y"]) { builder, v in
      builder.multiply(builder.clipGradient(v["x"]!, bound: 1), v["y"]!)
    }
    let found = try #require(results(clipped, ["x": Self.x, "y": [.nan, .infinity, -7]])["grad.x"])
    #expect(found[0].isNaN && Array(found[1...]) == [1, -1])
  }

  /// The derivative of a derivative: a sum of squares of the first ones is the loss of a second gradient.
  private func second(_ graph: Graph) throws -> Graph {
    var first = try gradient(of: graph) { $0.name == "x" }
    let derivative = try #require(first.output(named: "grad.x")).value
    first.filterOutputs { _ in false }
    let builder = GraphBuilder(first)
    let axes = Array(builder.type(derivative).shape.indices)
    builder.graph.addOutput(
      "loss", role: .loss, builder.reduce(.sum, builder.multiply(derivative, derivative), axes: axes))
    return builder.graph
  }

  @Test func derivativesNest() throws {
    // f = stop(x²) · x, so f' = x² with a stopped x, and the derivative of f'² is 0.
    let stopped = try second(
      graph(["x"]) { builder, v in
        let x = v["x"]!
        return builder.multiply(builder.detach(builder.multiply(x, x)), x)
      })
    #expect(try results(stopped, ["x": Self.x])["grad.x"] == [0, 0, 0])
    // f = s² with s = x² straight through x: f' = 2 s, whose derivative by x is 2; so that of f'² is 8 s.
    let straight = try second(
      graph(["x"]) { builder, v in
        let s = builder.straightThrough(builder.multiply(v["x"]!, v["x"]!), v["x"]!)
        return builder.multiply(s, s)
      })
    #expect(try results(straight, ["x": Self.x])["grad.x"] == Self.x.map { 8 * $0 * $0 })
    // f = clip(x)², so f' is 2 x up to 3; that of f'² is 8 x, which is clipped as well, and 0 beyond.
    let clipped = try second(
      graph(["x"]) { builder, v in
        let x = builder.clipGradient(v["x"]!, bound: 3)
        return builder.multiply(x, x)
      })
    #expect(try results(clipped, ["x": Self.x])["grad.x"] == [3, 0, 0])
  }

  /// A loop whose state is stopped at each step: `h' = f(stop(h)) x + x`.
  private func loop(_ change: @escaping (GraphBuilder, _ h: ValueID, _ x: ValueID) -> ValueID) -> Graph {
    graph(["x"], [.steps]) { builder, v in
      let zero = builder.constant(0.5, TensorType(.f64, []))
      return builder.scan(steps: .steps, invariants: [], carries: [zero], sequences: [v["x"]!]) { _, h, x in
        let next = change(builder, h[0], x[0])
        return ([next], [next])
      }.outputs[0]
    }
  }

  @Test func aStateIsStoppedAtEachStep() throws {
    let stopped = loop { builder, h, x in
      let before = builder.detach(h)
      return builder.add(builder.multiply(builder.multiply(before, before), x), x)
    }
    var (h, expected) = (0.5, [Double]())
    for x in Self.x {
      expected.append(h * h + 1)
      h = h * h * x + x
    }
    #expect(try results(stopped, ["x": Self.x])["grad.x"] == expected)
    // What was stopped in the forward loop is stopped in the backward loop: the first derivative is constant.
    #expect(try results(second(stopped), ["x": Self.x])["grad.x"] == [0, 0, 0])
  }

  @Test func anAdjointIsClippedAtEachStep() throws {
    let clipped = loop { builder, h, x in
      builder.multiply(builder.clipGradient(h, bound: 0.75), x)
    }
    // dh[t] = 1 + clip(dh[t+1] x[t+1]), and grad x[t] = dh[t] h[t-1].
    var (states, h) = ([Double](), 0.5)
    for x in Self.x {
      states.append(h)
      h *= x
    }
    var (expected, passed) = ([0, 0, 0.0], 0.0)
    for t in (0..<3).reversed() {
      let adjoint = 1 + passed
      expected[t] = adjoint * states[t]
      passed = min(0.75, max(-0.75, adjoint * Self.x[t]))
    }
    #expect(try results(clipped, ["x": Self.x])["grad.x"] == expected)
  }

  @Test func straightThroughInALoop() throws {
    // h' = (x² through 2h) · x: dh'/dh = 2x, dh'/dx = x² by the product alone.
    let straight = loop { builder, h, x in
      builder.multiply(builder.straightThrough(builder.multiply(x, x), builder.scale(h, by: 2)), x)
    }
    var (expected, passed) = ([0, 0, 0.0], 0.0)
    for t in (0..<3).reversed() {
      let adjoint = 1 + passed
      expected[t] = adjoint * Self.x[t] * Self.x[t]
      passed = adjoint * Self.x[t] * 2
    }
    #expect(try results(straight, ["x": Self.x])["grad.x"] == expected)
  }

  /// Stopped values of loops, also of one in another, are handed in as sequences; derivatives then agree with differences.
  @Test func heldValuesAgreeWithDifferences() throws {
    let nested = lossGraph([("x", [.steps, .symbol(Symbol("S")), 2]), ("w", [2])]) { builder, v in
      let outer = builder.scan(
        steps: .steps, invariants: [v[1]], carries: [builder.constant(0.1, like: v[1])], sequences: [v[0]]
      ) { outer, h, rows in
        let inner = builder.scan(
          steps: Symbol("S"), isReversed: true, invariants: outer, carries: h, sequences: rows
        ) { weights, state, x in
          let before = builder.detach(builder.unary(.tanh, state[0]))
          let next = builder.add(
            builder.multiply(before, weights[0]), builder.multiply(state[0], builder.unary(.sin, x[0])))
          return ([next], [])
        }
        let next = builder.multiply(inner.carries[0], builder.detach(h[0]))
        return ([builder.unary(.sin, next)], [next])
      }
      return outer.outputs + [builder.multiply(builder.detach(outer.carries[0]), v[1])]
    }
    let recording = nested.recordingHeldValues()
    try recording.verify()
    #expect(recording.outputs.map(\.name) == ["loss", "held.0", "held.1", "held.2"])
    let held = nested.takingHeldValues()
    #expect(held.inputs.suffix(3).map { held.type($0.value).rank }.sorted() == [1, 2, 3])
    try expectRightGradients(nested, sizes: [.batch: 2, .steps: 3, Symbol("S"): 2])
  }

  @Test func whatPassesASurrogateIsNamed() throws {
    let mixed = graph(["a", "b", "c", "d", "e"]) { builder, v in
      let clipped = builder.clipGradient(v["a"]!, bound: 1)
      let straight = builder.straightThrough(builder.multiply(v["b"]!, v["b"]!), builder.negate(v["c"]!))
      let sum = builder.add(builder.multiply(clipped, v["d"]!), straight)
      return builder.add(sum, builder.detach(builder.clipGradient(v["e"]!, bound: 1)))
    }
    let passed = mixed.inputs.map { mixed.surrogate(behind: $0.value)?.kind.mnemonic }
    #expect(passed == ["clip_gradient", nil, "straight_through", nil, nil])
  }

  /// Random graphs, whose stopped values are held: what passes no surrogate agrees with differences.
  @Test(arguments: TestGroup.graphs.seeds(120, core: 15))
  func randomGraphs(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(hasLoss: true))
    try expectRightGradients(
      random.graph, inputs: random.inputs(), sizes: random.sizes, elementLimit: 4)
  }
}
