import Foundation
import RNNGraph
import RNNPasses
import Testing

/// Graphs before and after passes, `Tests/Goldens/passes/*.graph`, and graphs of which another program is made,
/// `Tests/Goldens/rewrites/*.graph`.
///
/// The first line names the passes, `//- optimize PASS…`, or the rewrite; a graph follows, and behind `//---` what it
/// becomes. With `RNNC_UPDATE_GOLDENS=1` the files are rewritten, and the test fails.
@Suite struct GoldenTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Goldens")

  static func files(_ kind: String) -> [String] {
    let path = folder.appendingPathComponent(kind).path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".graph") }.sorted().map { "\(kind)/\($0)" }
  }

  @Test(arguments: files("passes") + files("rewrites")) func goldensAreMade(file: String) throws {
    let url = Self.folder.appendingPathComponent(file)
    let text = try String(contentsOf: url, encoding: .utf8)
    let halves = text.components(separatedBy: "//---\n")
    let lines = halves[0].split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let command = lines[0].split(separator: " ").map(String.init)
    try #require(command.first == "//-")
    let old = try Graph(parsing: String(lines[1]))
    try old.verify()
    let graph = try Self.apply(command[1], Array(command.dropFirst(2)), to: old)
    try graph.verify()
    let result = graph.description
    #expect(structurallyEqual(graph, try Graph(parsing: result)))
    if ProcessInfo.processInfo.environment["RNNC_UPDATE_GOLDENS"] == "1" {
      try (halves[0] + "//---\n" + result).write(to: url, atomically: true, encoding: .utf8)
      Issue.record("\(file) was rewritten")
    } else {
      #expect(halves.dropFirst().first == result)
    }
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
    #expect(Set(Pass.all.map { "passes/\($0.name).graph" }).isSubset(of: Self.files("passes")))
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
