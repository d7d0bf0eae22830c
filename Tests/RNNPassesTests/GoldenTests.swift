import RNNGraph
import RNNPasses
import RNNTestSupport
import Testing

/// Graphs before and after passes: `Tests/Goldens/passes/*.graph`.
///
/// The first line names the passes, `//- optimize PASS…`; a graph follows, and behind `//---` what it becomes.
@Suite struct GoldenTests {
  static let goldens = Golden.all(in: "passes")

  @Test(arguments: goldens) func passesMakeTheGolden(golden: Golden) throws {
    try #require(golden.command == "optimize")
    let passes = try golden.arguments.map { try #require(Pass.named($0), "\($0)") }
    var graph = try Graph(parsing: golden.input)
    try graph.verify()
    var manager = PassManager()
    manager.verifiesEach = true
    try manager.run(Pipeline(name: golden.name, passes: passes), on: &graph)
    let result = graph.description
    #expect(structurallyEqual(graph, try Graph(parsing: result)))
    let mismatch = golden.mismatch(result)
    #expect(mismatch == nil)
  }

  @Test func everyPassHasAGolden() {
    #expect(Set(Pass.all.map { "\($0.name).graph" }).isSubset(of: Self.goldens.map(\.name)))
  }
}
