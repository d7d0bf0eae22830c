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
    func prepared(_ graph: Graph) throws -> Graph {
      isGradient ? try gradient(of: graph) { graph.type($0.value).element.isFloat } : graph
    }
    let original = try prepared(random.graph)
    let inputs = random.inputs()
    let expected = try Interpreter(original).run(inputs: inputs, sizes: random.sizes)
    let pipelines = [Pipeline.none, .basic, .full] + (element == .f32 ? [Pipeline.full.forLongSums] : [])
    for pipeline in pipelines {
      var graph = original
      _ = try PassManager().run(pipeline, on: &graph)
      // LLVM's own optimisation takes most of the time: the last pipeline is what users get, with all of it.
      let level = pipeline.name == Pipeline.full.name ? Target.host.optimizationLevel : 0
      let found = try runNatively(
        graph, inputs: inputs, sizes: random.sizes, threads: 1 + Int(seed % 3),
        target: Target(named: "native", optimizationLevel: level))
      for (name, value) in expected {
        let difference = relativeDifference(value, found[name]!)
        if difference <= tolerance { continue }
        let rounding = try random.roundingErrors(of: prepared)[name] ?? 0
        // Code rounds each term of a sum and a few times in a function; the interpreter rounds once.
        #expect(difference <= 16 * rounding, "\(pipeline.name), output \(name): \(difference)")
      }
    }
  }
}
