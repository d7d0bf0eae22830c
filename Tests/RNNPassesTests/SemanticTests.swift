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

  /// What is derived after the passes that stand in front of differentiation is what is derived without them.
  @Test(arguments: Model.all) func gradientsOfPreparedModelsAreTheSame(model: Model) throws {
    var forward = model.forward()
    try PassManager().run(.forward(batch: 3), on: &forward)
    #expect(model.cell != .layerNormLSTM || forward.description.contains("gather"))
    let prepared = try gradient(of: forward) { $0.role != .data }
    let original = try model.gradients()
    var random = SplitMix64(seed: 9)
    let sizes: [Symbol: Int] = [.batch: 3, .steps: 4]
    let inputs = randomInputs(for: original, sizes: sizes, using: &random)
    let expected = try Interpreter(original).run(inputs: inputs, sizes: sizes)
    let found = try Interpreter(prepared).run(inputs: inputs, sizes: sizes)
    for (name, value) in expected {
      #expect(relativeDifference(value, found[name]!) <= 1e-12, "output \(name)")
    }
  }

  /// Several tokens of an example are no row of a table.
  @Test func bagsOfTokensStayAsTheyAre() throws {
    let graph = try Graph(
      parsing: """
        graph "bags" {
          %ids = data "ids" below(5) : i32[T, B, 2]
          %e = parameter "e" constant(0) : f64[5, 3]
          %h = state "h" : f64[B]
          %bag = gather %e, %ids : f64[T, B, 2, 3]
          %last, %all = scan T : f64[B], f64[T, B] {
            carry %c = %h : f64[B]
            sequence %x = %bag : f64[B, 2, 3]
            %most = reduce_maximum %x axes(1) : f64[B, 3]
            %sum = reduce_sum %most axes(1) : f64[B]
            %next = add %c, %sum : f64[B]
            yield %next, %next
          }
          output "all" = %all
        }
        """)
    var random = SplitMix64(seed: 10)
    let sizes: [Symbol: Int] = [.batch: 4, .steps: 3]
    try expectPreserves(
      .forward(batch: 4), graph, inputs: randomInputs(for: graph, sizes: sizes, using: &random), sizes: sizes)
  }

  /// A table with more rows than there are tokens would be work for nothing.
  @Test func smallBatchesAreNotTabulated() throws {
    var forward = Model(cell: .layerNormLSTM, classes: 40).forward()
    try PassManager().run(.forward(batch: 2), on: &forward)
    #expect(!forward.description.contains("gather"))
    try PassManager().run(.forward(batch: 3), on: &forward)
    #expect(forward.description.contains("gather"))
  }

  @Test(arguments: TestGroup.graphs.seeds(100, core: 8)) func passesKeepRandomGraphs(seed: UInt64) throws {
    let random = RandomGraph(seed: seed)
    for pass in Pass.all {
      try expectPreserves(
        Pipeline(name: pass.name, passes: [pass]), random.graph, inputs: random.inputs(),
        sizes: random.sizes)
    }
    try expectPreserves(.full, random.graph, inputs: random.inputs(), sizes: random.sizes)
  }

  /// A graph that works in segments is a graph like any other: every pass keeps the segments, and what they compute.
  @Test(arguments: TestGroup.graphs.seeds(60, core: 6)) func passesKeepSegmentedGraphs(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(hasLoss: true))
    let graph = try gradient(of: random.graph) { _ in true }.inSegments()
    for pass in Pass.all {
      try expectPreserves(
        Pipeline(name: pass.name, passes: [pass]), graph, inputs: random.inputs(), sizes: random.sizes)
    }
    try expectPreserves(.full, graph, inputs: random.inputs(), sizes: random.sizes)
  }

  /// What is derived of segments is what is derived of the steps.
  @Test(arguments: TestGroup.graphs.seeds(30, core: 4)) func gradientsOfSegmentsAreTheSame(seed: UInt64)
    throws
  {
    let random = RandomGraph(seed: seed, .init(hasLoss: true))
    let found = try gradient(of: random.graph.inSegments()) { _ in true }
    try found.verify()
    try expectSameResults(
      try gradient(of: random.graph) { _ in true }, found, inputs: random.inputs(), sizes: random.sizes)
  }

  /// A loop over segments inside of a loop is done for all steps of the latter at once.
  @Test func segmentsInsideOfALoopAreSplitOff() throws {
    let graph = try Graph(
      parsing: """
        graph "nested" {
          %x = data "x" : f64[S, T, B]
          %h = state "h" : f64[B]
          %last, %all, %each, %ends = scan S : f64[B], f64[S, T, B], f64[S, K, B], f64[S, B] {
            carry %c = %h : f64[B]
            sequence %xs = %x : f64[T, B]
            %zero = constant 0 : f64[B]
            %sum, %squares, %sums = scan K segments(T, L, N) : f64[B], f64[T, B], f64[K, B] {
              carry %s = %zero : f64[B]
              sequence %part = %xs : f64[N, B]
              %squared = multiply %part, %part : f64[N, B]
              %some = reduce_sum %squared, %s axes(0) : f64[B]
              yield %some, %squared, %s
            }
            %most = reduce_maximum %xs axes(0) : f64[B]
            %next = add %c, %most : f64[B]
            yield %next, %squares, %sums, %sum
          }
          state "h" = %last
          output "all" = %all
          output "each" = %each
          output "ends" = %ends
        }
        """)
    var random = SplitMix64(seed: 11)
    let sizes: [Symbol: Int] = [.batch: 2, .steps: 5, Symbol("S"): 3]
    let inputs = randomInputs(for: graph, sizes: sizes, using: &random)
    let pass = try #require(Pass.named("split-scan-behind"))
    let changed = try expectPreserves(
      Pipeline(name: pass.name, passes: [pass]), graph, inputs: inputs, sizes: sizes)
    let isOutside = changed[RegionID.entry].operations.contains { id in
      if case .scan(let scan) = changed[id].kind { scan.segments != nil } else { false }
    }
    #expect(isOutside)
  }

  @Test(arguments: TestGroup.graphs.seeds(60, core: 6))
  func pipelinesKeepGradientsOfRandomGraphs(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(hasLoss: true, operationCount: 24))
    let graph = try gradient(of: random.graph) { _ in true }
    try expectPreserves(.full, graph, inputs: random.inputs(), sizes: random.sizes)
    try expectPreserves(.basic, graph, inputs: random.inputs(), sizes: random.sizes)
  }
}
