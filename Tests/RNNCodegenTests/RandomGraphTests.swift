import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNTestSupport
import Testing

/// Compiled code agrees with the interpreter on random graphs, at every level of optimisation and for one to three
/// threads; half of the graphs are gradients.
@Suite struct RandomGraphTests {
  @Test(arguments: TestGroup.graphs.seeds(500, core: 40)) func agreesInF64(seed: UInt64) throws {
    try check(seed: seed, .f64, tolerance: 1e-12)
  }

  @Test(arguments: TestGroup.graphs.seeds(100, core: 10)) func agreesInF32(seed: UInt64) throws {
    try check(seed: seed, .f32, tolerance: 1e-5)
  }

  private func check(seed: UInt64, _ element: ElementType, tolerance: Double) throws {
    let isGradient = seed % 2 == 1
    let random = RandomGraph(seed: seed, .init(element: element, hasLoss: isGradient))
    var original = random.graph
    if isGradient { original = try gradient(of: original) { random.graph.type($0.value).element.isFloat } }
    let inputs = random.inputs()
    let expected = try Interpreter(original).run(inputs: inputs, sizes: random.sizes)
    let sensitivity = element == .f32 ? try roundingErrors(of: expected, seed: seed, isGradient) : [:]
    for pipeline in [Pipeline.none, .basic, .full] {
      var graph = original
      _ = try PassManager().run(pipeline, on: &graph)
      // LLVM's own optimisation takes most of the time: the last pipeline is what users get, with all of it.
      let level = pipeline.name == Pipeline.full.name ? Target.host.optimizationLevel : 0
      let found = try runNatively(
        graph, inputs: inputs, sizes: random.sizes, threads: 1 + Int(seed % 3),
        target: Target(named: "native", optimizationLevel: level))
      for (name, value) in expected {
        let difference = relativeDifference(value, found[name]!)
        let allowed = max(tolerance, 4 * (sensitivity[name] ?? 0))
        #expect(difference <= allowed, "seed \(seed), \(pipeline.name), output \(name): \(difference)")
      }
    }
  }

  /// How far each output in `f32` is from the same graph in `f64`: what rounding alone does to it.
  private func roundingErrors(
    of outputs: [String: DenseArray], seed: UInt64, _ isGradient: Bool
  ) throws -> [String: Double] {
    let random = RandomGraph(seed: seed, .init(element: .f64, hasLoss: isGradient))
    var graph = random.graph
    if isGradient { graph = try gradient(of: graph) { random.graph.type($0.value).element.isFloat } }
    let exact = try Interpreter(graph).run(inputs: random.inputs(), sizes: random.sizes)
    return outputs.reduce(into: [:]) { errors, output in
      guard let value = exact[output.key] else { return }
      let rounded = DenseArray(output.value.element, value.shape, value.numbers)
      errors[output.key] = relativeDifference(rounded, output.value)
    }
  }
}
