import Foundation
import RNNCodegen
import RNNLLVM
import RNNPlan
import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// Compiled code agrees with the interpreter on random graphs.
@Suite struct RandomGraphTests {
  static func check(_ graph: Graph, _ random: RandomGraph, threads: Int, tolerance: Double, _ label: String) throws {
    let inputs = random.inputs()
    let expected = try Interpreter(graph).run(inputs: inputs, sizes: random.sizes)
    let found = try runNatively(graph, inputs: inputs, sizes: random.sizes, threads: threads)
    for (name, value) in expected {
      let difference = relativeDifference(value, found[name]!)
      #expect(difference <= tolerance, "\(label), output \(name): \(difference)")
    }
  }

  @Test(arguments: 0..<100) func forwardF64(seed: Int) throws {
    let random = RandomGraph(seed: UInt64(seed), .init(element: .f64))
    try Self.check(random.graph, random, threads: 1 + seed % 3, tolerance: 1e-12, "seed \(seed)")
  }

  @Test(arguments: 100..<150) func gradientF64(seed: Int) throws {
    let random = RandomGraph(seed: UInt64(seed), .init(element: .f64, hasLoss: true))
    let graph = try gradient(of: random.graph) { random.graph.type($0.value).element.isFloat }
    try Self.check(graph, random, threads: 1 + seed % 3, tolerance: 1e-12, "seed \(seed)")
  }
}

@Test func one() throws {
  guard let text = ProcessInfo.processInfo.environment["SEED"], let seed = Int(text) else { return }
  let random = RandomGraph(seed: UInt64(seed), .init(element: .f64, hasLoss: seed >= 100))
  let graph = seed >= 100 ? try gradient(of: random.graph) { random.graph.type($0.value).element.isFloat } : random.graph
  print(graph)
  print(random.sizes)
  print(try Planner.plan(graph, machine: Target.host.machine, batch: random.sizes[.batch] ?? 1, threads: 1 + seed % 3))
  let inputs = random.inputs()
  let expected = try Interpreter(graph).run(inputs: inputs, sizes: random.sizes)
  let found = try runNatively(graph, inputs: inputs, sizes: random.sizes, threads: 1 + seed % 3)
  for (name, value) in expected {
    print(name, relativeDifference(value, found[name]!), value.numbers.prefix(6), found[name]!.numbers.prefix(6))
  }
}
