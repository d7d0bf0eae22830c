import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNTestSupport
import Testing

/// Work in segments gives the bits of work without them, whatever the length of the segments and the number of threads.
@Suite struct SegmentTests {
  @Test(arguments: TestGroup.graphs.seeds(32, core: 6)) func randomGraphsKeepTheirBits(seed: UInt64) throws {
    let isGradient = seed % 4 != 0
    let random = RandomGraph(
      seed: seed, .init(element: .f32, hasLoss: isGradient, operationCount: 24))
    func prepared(_ graph: Graph) throws -> Graph {
      isGradient ? try gradient(of: graph) { graph.type($0.value).element.isFloat } : graph
    }
    let original = try prepared(random.graph)
    let pipeline = seed % 3 == 0 ? Pipeline.basic : .full
    let target = try Target(named: "native", optimizationLevel: 0)
    var manager = PassManager()
    manager.verifiesEach = true
    var whole = original
    _ = try manager.run(pipeline, on: &whole)
    var segmented = original
    _ = try manager.run(pipeline.segmented, on: &segmented)
    #expect(try Graph(parsing: segmented.description).description == segmented.description)
    let inputs = random.inputs()
    let expected = try runNatively(whole, inputs: inputs, sizes: random.sizes, threads: 1, target: target)
    let exact = try Interpreter(original).run(inputs: inputs, sizes: random.sizes)
    for longest in [1, 2, 5] {
      let sizes = segmented.sizes(random.sizes, segmentsOf: longest)
      let found = try runNatively(
        segmented, inputs: inputs, sizes: sizes, threads: 1 + longest % 2, target: target)
      for (name, value) in expected {
        #expect(
          value.numbers.map(\.bitPattern) == found[name]?.numbers.map(\.bitPattern),
          "segments of \(longest), output \(name)")
      }
      if longest == 2 {
        let interpreted = try Interpreter(segmented).run(inputs: inputs, sizes: sizes)
        for (name, value) in exact {
          let difference = relativeDifference(value, interpreted[name]!)
          if difference <= 1e-5 { continue }
          #expect(difference <= 4 * (try random.roundingErrors(of: prepared)[name] ?? 0), "output \(name)")
        }
      }
    }
  }
}
