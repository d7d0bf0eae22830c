import RNNGraph
import RNNTestSupport
import Testing

@testable import RNNPlan

/// What becomes one kernel as text: `//- clusters BATCH`, a graph, and what is printed.
@Suite struct ClusterGoldenTests {
  @Test(arguments: Golden.all(in: "clusters"))
  func golden(_ golden: Golden) throws {
    try #require(golden.command == "clusters")
    let batch = try #require(golden.arguments.first.flatMap { Int($0) })
    let mismatch = golden.mismatch("\(try PlanStages(try Graph(parsing: golden.input), batch: batch))")
    #expect(mismatch == nil, "\(mismatch ?? "")")
  }

  @Test func thereAreGoldens() { #expect(Golden.all(in: "clusters").count >= 2) }
}
