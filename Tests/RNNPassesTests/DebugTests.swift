import Foundation
import RNNGraph
import RNNInterpreter
import RNNPasses
import RNNTestSupport
import Testing

@Suite struct DebugTests {
  @Test func debug() throws {
    let env = ProcessInfo.processInfo.environment
    guard let seed = env["SEED"].flatMap(UInt64.init), let name = env["PASS"] else { return }
    let random = RandomGraph(seed: seed)
    var graph = random.graph
    for pass in name == "full" ? Pipeline.full.passes : [Pass.named(name)!] {
      let before = graph
      _ = pass.run(&graph)
      let a = try Interpreter(before).run(inputs: random.inputs(), sizes: random.sizes)
      let b = try Interpreter(graph).run(inputs: random.inputs(), sizes: random.sizes)
      let bad = a.filter { b[$0.key]!.shape != $0.value.shape || zip(b[$0.key]!.numbers, $0.value.numbers).contains { abs($0 - $1) > 1e-9 } }
      if !bad.isEmpty { print(pass.name, bad.keys, before, graph, separator: "\n"); return }
    }
  }
}
