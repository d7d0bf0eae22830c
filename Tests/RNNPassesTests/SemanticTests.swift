import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNPasses
import RNNTestSupport
import Testing

@Suite struct SemanticTests {
  @Test(arguments: Model.all, Pipeline.all.map(\.name))
  func pipelinesKeepTrainingSteps(model: Model, pipeline: String) throws {
    let graph = try model.training()
    try graph.verify()
    let pipeline = try #require(Pipeline.named(pipeline))
    var random = SplitMix64(seed: 7)
    for steps in [1, 4] {
      let sizes: [Symbol: Int] = [.batch: 3, .steps: steps]
      try expectPreserves(
        pipeline, graph, inputs: randomInputs(for: graph, sizes: sizes, using: &random), sizes: sizes)
    }
  }

  @Test(arguments: Model.all) func pipelinesKeepGradientsOfStates(model: Model) throws {
    let graph = try model.gradients()
    var random = SplitMix64(seed: 8)
    let sizes: [Symbol: Int] = [.batch: 2, .steps: 3]
    try expectPreserves(
      .full, graph, inputs: randomInputs(for: graph, sizes: sizes, using: &random), sizes: sizes)
  }

  @Test(arguments: 0..<100) func passesKeepRandomGraphs(seed: Int) throws {
    let random = RandomGraph(seed: UInt64(seed))
    for pass in Pass.all {
      try expectPreserves(
        Pipeline(name: pass.name, passes: [pass]), random.graph, inputs: random.inputs(),
        sizes: random.sizes)
    }
    try expectPreserves(.full, random.graph, inputs: random.inputs(), sizes: random.sizes)
  }

  @Test(arguments: 1000..<1060) func pipelinesKeepGradientsOfRandomGraphs(seed: Int) throws {
    let random = RandomGraph(seed: UInt64(seed), .init(hasLoss: true, operationCount: 24))
    let graph = try gradient(of: random.graph) { _ in true }
    try expectPreserves(.full, graph, inputs: random.inputs(), sizes: random.sizes)
    try expectPreserves(.basic, graph, inputs: random.inputs(), sizes: random.sizes)
  }
}
