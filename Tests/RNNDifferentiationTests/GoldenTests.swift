import RNNDifferentiation
import RNNGraph
import RNNTestSupport
import Testing

/// Graphs and their gradient graphs: `//- gradient INPUT…`, a graph, and the graph with the derivatives by these inputs.
@Suite struct GradientGoldenTests {
  @Test(arguments: Golden.all(in: "gradient")) func golden(_ golden: Golden) throws {
    try #require(golden.command == "gradient")
    let graph = try Graph(parsing: golden.input)
    try graph.verify()
    for name in golden.arguments { try #require(graph.input(named: name) != nil, "\(name)") }
    let result = try gradient(of: graph) { golden.arguments.contains($0.name) }
    try result.verify()
    #expect(structurallyEqual(result, try Graph(parsing: result.description)))
    let mismatch = golden.mismatch(result.description)
    #expect(mismatch == nil)
  }

  @Test func thereAreGoldens() { #expect(Golden.all(in: "gradient").count >= 3) }
}
