import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNTestSupport
import Testing

/// Work in segments gives the bits of work without them, whatever the length of the segments and the number of threads.
@Suite struct SegmentTests {
  @Test(arguments: 0..<15) func randomGraphsKeepTheirBits(group: Int) throws {
    for seed in (5000 + group * 4)..<(5004 + group * 4) { try check(seed: seed) }
  }

  private func check(seed: Int) throws {
    let isGradient = seed % 4 != 0
    let random = RandomGraph(
      seed: UInt64(seed), .init(element: .f32, hasLoss: isGradient, operationCount: 24))
    var original = random.graph
    if isGradient { original = try gradient(of: original) { random.graph.type($0.value).element.isFloat } }
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
    for longest in [1, 2, 3, 8] {
      let sizes = segmented.sizes(random.sizes, segmentsOf: longest)
      let found = try runNatively(
        segmented, inputs: inputs, sizes: sizes, threads: 1 + longest % 2, target: target)
      for (name, value) in expected {
        #expect(
          value.numbers.map(\.bitPattern) == found[name]?.numbers.map(\.bitPattern),
          "seed \(seed), segments of \(longest), output \(name)")
      }
      if longest == 2 {
        let interpreted = try Interpreter(segmented).run(inputs: inputs, sizes: sizes)
        for (name, value) in exact {
          #expect(relativeDifference(value, interpreted[name]!) <= 1e-4, "seed \(seed), output \(name)")
        }
      }
    }
  }
}
