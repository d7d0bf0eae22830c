import Foundation
import RNNGraph
import RNNPasses
import Testing

@Suite struct DumpTests {
  @Test(arguments: Model.all) func dump(model: Model) throws {
    var graph = try model.training()
    try graph.description.write(toFile: "/tmp/dump/\(model.testDescription).before", atomically: true, encoding: .utf8)
    let timings = try PassManager().run(.full, on: &graph)
    try graph.description.write(toFile: "/tmp/dump/\(model.testDescription).after", atomically: true, encoding: .utf8)
    print(model.testDescription, timings.map { "\($0.pass) \($0.operationCount)" })
  }
}
