import RNNGraph
import RNNPasses
import RNNTestSupport
import Testing

/// Graphs before and after passes, `Tests/Goldens/passes/*.graph`, and graphs of which another program is made,
/// `Tests/Goldens/rewrites/*.graph`.
///
/// The first line names the passes, `//- optimize PASS…`, or the rewrite; a graph follows, and behind `//---` what it
/// becomes.
@Suite struct GoldenTests {
  static let goldens = Golden.all(in: "passes")

  @Test(arguments: goldens + Golden.all(in: "rewrites")) func passesMakeTheGolden(golden: Golden) throws {
    let old = try Graph(parsing: golden.input)
    try old.verify()
    let graph = try Self.apply(golden.command, golden.arguments, to: old)
    try graph.verify()
    let result = graph.description
    #expect(structurallyEqual(graph, try Graph(parsing: result)))
    let mismatch = golden.mismatch(result)
    #expect(mismatch == nil)
  }

  private static func apply(_ command: String, _ words: [String], to old: Graph) throws -> Graph {
    switch command {
    case "optimize":
      let passes = try words.map { try #require(Pass.named($0), "\($0)") }
      var graph = old
      var manager = PassManager()
      manager.verifiesEach = true
      try manager.run(Pipeline(name: "golden", passes: passes), on: &graph)
      return graph
    case "inference": return old.inference()
    case "measurement": return old.measurement()
    case "seeded": return try old.seeded(by: words)
    case "continued": return try old.continued(over: Symbol(words[0]))
    case "expected": return old.withoutDraws()
    default:
      Issue.record("'\(command)' is no command")
      return old
    }
  }

  @Test func everyPassHasAGolden() {
    #expect(Set(Pass.all.map { "\($0.name).graph" }).isSubset(of: Self.goldens.map(\.name)))
  }

  /// What a source cannot say is refused, and does not trap.
  @Test func aLoopThatKeepsItsLastValueToItselfIsNotContinued() throws {
    let text = """
      graph "g" {
        %0 = data "x" : f32[T, B]
        %1 = constant 0 : f32[B]
        %2, %3 = scan T : f32[B], f32[T, B] {
          carry %4 = %1 : f32[B]
          sequence %5 = %0 : f32[B]
          %6 = add %4, %5 : f32[B]
          yield %6, %6
        }
        output "y" = %3
      }
      """
    let error = #expect(throws: RewriteError.self) { try Graph(parsing: text).continued(over: .steps) }
    #expect(error?.message.contains("ends in a value that is no final state") == true)
  }
}
