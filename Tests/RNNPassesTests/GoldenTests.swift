import Foundation
import RNNGraph
import RNNPasses
import Testing

/// Graphs before and after passes: `Tests/Goldens/passes/*.graph`.
///
/// The first line names the passes, `//- optimize PASS…`; a graph follows, and behind `//---` what it becomes.
/// With `RNNC_UPDATE_GOLDENS=1` the files are rewritten, and the test fails.
@Suite struct GoldenTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Goldens/passes")

  static var files: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".graph") }.sorted()
  }

  @Test(arguments: files) func passesMakeTheGolden(file: String) throws {
    let url = Self.folder.appendingPathComponent(file)
    let text = try String(contentsOf: url, encoding: .utf8)
    let halves = text.components(separatedBy: "//---\n")
    let lines = halves[0].split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    let command = lines[0].split(separator: " ")
    try #require(command.prefix(2) == ["//-", "optimize"])
    let passes = try command.dropFirst(2).map { try #require(Pass.named(String($0)), "\($0)") }

    var graph = try Graph(parsing: String(lines[1]))
    try graph.verify()
    var manager = PassManager()
    manager.verifiesEach = true
    try manager.run(Pipeline(name: file, passes: passes), on: &graph)
    let result = graph.description
    #expect(structurallyEqual(graph, try Graph(parsing: result)))
    if ProcessInfo.processInfo.environment["RNNC_UPDATE_GOLDENS"] == "1" {
      try (halves[0] + "//---\n" + result).write(to: url, atomically: true, encoding: .utf8)
      Issue.record("\(file) was rewritten")
    } else {
      #expect(halves.dropFirst().first == result)
    }
  }

  @Test func everyPassHasAGolden() {
    #expect(Set(Pass.all.map { "\($0.name).graph" }).isSubset(of: Self.files))
  }
}
