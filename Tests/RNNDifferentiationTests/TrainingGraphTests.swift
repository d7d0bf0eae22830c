import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNOptimizers
import RNNTestSupport
import Testing

/// Training steps against arithmetic on the gradients.
@Suite struct TrainingGraphTests {
  private let inputs: [String: DenseArray] = [
    "W": DenseArray(.f64, [2, 2], [0.5, -1, 2, 0.25]), "b": DenseArray(.f64, [2], [0.1, -0.3]),
    "x": DenseArray(.f64, [3, 2], [1, 2, -1, 0.5, 0, 3]), "h": DenseArray(.f64, [3, 2], repeating: 0.5),
  ]

  /// `h' = h + x Wᵀ + b`, with the mean square of `h'` as the loss.
  private func model() throws -> Graph {
    let builder = GraphBuilder(Graph(name: "model"))
    let weight = builder.graph.addInput("W", role: .parameter(.uniform(bound: 1)), TensorType(.f64, [2, 2]))
    let bias = builder.graph.addInput("b", role: .parameter(.constant(0)), TensorType(.f64, [2]))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f64, [.batch, 2]))
    let h = builder.graph.addInput("h", role: .state, TensorType(.f64, [.batch, 2]))
    let product = builder.dot(x, weight, DotAxes(lhsContracting: [1], rhsContracting: [1]))
    let next = builder.add(h, builder.add(product, builder.broadcast(bias, leading: [.batch])))
    let sum = builder.reduce(.sum, builder.multiply(next, next), axes: [0, 1])
    builder.graph.addOutput("y", role: .output, next)
    builder.graph.addOutput("loss", role: .loss, builder.divide(sum, builder.size([.batch], .f64)))
    builder.graph.addOutput("h", role: .state, next)
    return try gradient(of: builder.graph) { $0.role != .data }
  }

  private func run(_ graph: Graph, _ more: [String: DenseArray]) throws -> [String: [Double]] {
    try graph.verify()
    return try Interpreter(graph).run(inputs: inputs.merging(more) { $1 }).mapValues(\.numbers)
  }

  private func scalar(_ number: Double) -> DenseArray { DenseArray(.f64, scalar: number) }

  private func expectClose(_ found: [Double]?, _ expected: [Double]) throws {
    let found = try #require(found)
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-14 * max(1, abs(b)), "\(a) and \(b)") }
  }

  @Test func descentFollowsTheGradient() throws {
    let model = try model()
    let gradients = try run(model, [:])
    let step = try trainingGraph(from: model, TrainingStepOptions())
    #expect(step.outputs.map(\.name) == ["loss", "W", "b"])
    #expect(step.outputs.map(\.role) == [.loss, .update(of: "W"), .update(of: "b")])
    let results = try run(step, ["learning_rate": scalar(0.1)])
    #expect(results["loss"] == gradients["loss"])
    for name in ["W", "b"] {
      let parameter = try #require(inputs[name]).numbers
      let gradient = try #require(gradients["grad.\(name)"])
      try expectClose(results[name], zip(parameter, gradient).map { $0 - 0.1 * $1 })
    }
  }

  @Test(arguments: [0.5, 1000])
  func clippingBoundsTheNormOfAllGradients(bound: Double) throws {
    let model = try model()
    let gradients = try run(model, [:])
    let all = try #require(gradients["grad.W"]) + #require(gradients["grad.b"])
    let norm = all.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let step = try trainingGraph(from: model, TrainingStepOptions(clipsNorm: true))
    let results = try run(step, ["learning_rate": scalar(1), "clip_norm": scalar(bound)])
    try expectClose(results["gradient_norm"], [norm])
    let factor = min(1, bound / (norm + 1e-6))
    #expect((factor < 1) == (bound < 1))
    let moved = try zip(#require(inputs["W"]).numbers + #require(inputs["b"]).numbers, all)
    try expectClose(#require(results["W"]) + #require(results["b"]), moved.map { $0 - factor * $1 })
  }

  @Test func momentumKeepsAVelocity() throws {
    let step = try trainingGraph(from: model(), TrainingStepOptions(rule: Optimizer.momentum().rule))
    #expect(step.input(named: "velocity.W")?.role == .optimizer)
    #expect(step.output(named: "velocity.W")?.role == .update(of: "velocity.W"))
    var state: [String: DenseArray] = [
      "learning_rate": scalar(0.01), "velocity.W": DenseArray(.f64, [2, 2], repeating: 0),
      "velocity.b": DenseArray(.f64, [2], repeating: 0),
    ]
    var parameter = try #require(inputs["b"]).numbers
    var velocity = [0.0, 0.0]
    for _ in 0..<3 {
      let gradient = try #require(run(model(), state.filter { inputs[$0.key] != nil })["grad.b"])
      velocity = zip(velocity, gradient).map { 0.9 * $0 + $1 }
      parameter = zip(parameter, velocity).map { $0 - 0.01 * $1 }
      let results = try run(step, state)
      try expectClose(results["b"], parameter)
      try expectClose(results["velocity.b"], velocity)
      for output in step.outputs {
        guard case .update(let name) = output.role, let numbers = results[output.name] else { continue }
        state[name] = DenseArray(.f64, (state[name] ?? inputs[name])?.shape ?? [], numbers)
      }
    }
  }

  @Test func stateIsCarriedOnRequest() throws {
    let step = try trainingGraph(from: model(), TrainingStepOptions(carriesState: true, keepsOutputs: true))
    #expect(step.outputs.map(\.name) == ["y", "loss", "W", "b", "h"])
    #expect(step.output(named: "h")?.role == .update(of: "h"))
    let kept = try trainingGraph(from: model(), TrainingStepOptions(keepsOutputs: true))
    #expect(kept.output(named: "h")?.role == .state)
  }

  @Test func faultsAreReported() throws {
    let builder = GraphBuilder(Graph(name: "model"))
    let rate = builder.graph.addInput(
      "learning_rate", role: .parameter(.constant(1)), TensorType(.f64, []))
    builder.graph.addOutput("loss", role: .loss, builder.multiply(rate, rate))
    #expect(throws: TrainingGraphError.noGradients) {
      try trainingGraph(from: builder.graph, TrainingStepOptions())
    }
    let model = try gradient(of: builder.graph) { _ in true }
    #expect(throws: TrainingGraphError.nameTaken("learning_rate")) {
      try trainingGraph(from: model, TrainingStepOptions())
    }
  }

  @Test(arguments: TestGroup.graphs.seeds(20, core: 4))
  func randomGraphsTrain(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(element: .f32, hasLoss: true))
    let model = try gradient(of: random.graph) { if case .parameter = $0.role { true } else { false } }
    let step = try trainingGraph(
      from: model,
      TrainingStepOptions(rule: Optimizer.momentum(momentum: 0.5).rule, clipsNorm: true, carriesState: true))
    try step.verify()
    var generator = SplitMix64(seed: seed)
    let inputs = randomInputs(for: step, sizes: random.sizes, using: &generator)
    let results = try Interpreter(step).run(inputs: inputs, sizes: random.sizes)
    #expect(results.values.allSatisfy { $0.numbers.allSatisfy(\.isFinite) })
  }
}
