import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNTestSupport
import Testing

/// Passes and code keep the zeros of branches that are not taken: gradients of random graphs with such branches are
/// those of the graphs without them.
@Suite struct UntakenBranchTests {
  @Test(arguments: 0..<24) func gradientsAreThoseWithoutTheBranches(seed: Int) throws {
    func random(hasBranches: Bool) -> RandomGraph {
      RandomGraph(
        seed: UInt64(seed),
        .init(hasLoss: true, hasSurrogates: false, hasUntakenBranches: hasBranches))
    }
    let (random, branched) = (random(hasBranches: false), random(hasBranches: true).graph)
    let original = try gradient(of: random.graph) { _ in true }
    let expected = try Interpreter(original).run(inputs: random.inputs(), sizes: random.sizes)
    for pipeline in [Pipeline.basic, .full] {
      var graph = try gradient(of: branched) { _ in true }
      _ = try PassManager().run(pipeline, on: &graph)
      let found = try runNatively(
        graph, inputs: random.inputs(), sizes: random.sizes, threads: 1 + seed % 2,
        target: Target(named: "native", optimizationLevel: 0))
      for (name, value) in expected {
        let difference = relativeDifference(value, found[name]!)
        #expect(difference <= 1e-9, "seed \(seed), \(pipeline.name), \(name): \(difference)")
      }
    }
  }
}
