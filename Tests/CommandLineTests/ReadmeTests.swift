import Foundation
import RNNTestSupport
import Testing

@Suite("README's commands run as they stand")
struct ReadmeTests {
  /// The commands of the blocks that are in no language, in the page's order.
  private func commands(of name: String) throws -> [String] {
    let page = try String(contentsOf: Command.packageRoot.appendingPathComponent(name), encoding: .utf8)
    let parts = page.replacing("\\\n", with: " ").components(separatedBy: "```")
    let blocks = parts.enumerated().filter { $0.offset % 2 == 1 && $0.element.hasPrefix("\n") }
    return blocks.flatMap { $0.element.split(separator: "\n").map(String.init) }
      .filter { line in ["rnnc ", "swift run ", "curl "].contains { line.hasPrefix($0) } }
  }

  /// A folder as a clone is one, with the programs on the path and another text in place of the one that is fetched.
  private func clone() throws -> Command {
    let clone = try Command()
    for name in ["Examples", "docs", "README.md", "LICENSE"] {
      try FileManager.default.createSymbolicLink(
        at: clone.folder.appendingPathComponent(name),
        withDestinationURL: Command.packageRoot.appendingPathComponent(name))
    }
    try FileManager.default.copyItem(
      at: Command.packageRoot.appendingPathComponent("docs/language.md"),
      to: clone.folder.appendingPathComponent("timemachine.txt"))
    return clone
  }

  private func run(_ line: String, in clone: Command) throws {
    if line.hasPrefix("curl ") {
      #expect(line.hasSuffix("/timemachine.txt"))
      return
    }
    let outcome = try clone.shell(
      "PATH=\"$(dirname \"$RNNC\"):$PATH\"; \(line.replacing("swift run -c release ", with: ""))")
    #expect(outcome.status == 0, "\(line)\n\(outcome.errors)")
    #expect(!outcome.output.isEmpty || line.contains(" -o ") || line.hasPrefix("swift run"), "\(line)")
  }

  @Test func allButTheLengthOfTrainings() throws {
    let clone = try clone()
    let commands = try commands(of: "README.md")
    #expect(commands.count >= 14)
    for line in commands { try run(line.replacing(/--epochs [0-9]+/, with: "--epochs 2"), in: clone) }
  }

  @Test(.group(.long)) func inFull() throws {
    let clone = try clone()
    for line in try commands(of: "README.md") { try run(line, in: clone) }
  }

  @Test func thoseAboutGraphs() throws {
    let clone = try clone()
    for page in ["docs/ir.md", "docs/bugs.md"] {
      for line in try commands(of: page) {
        try run(line.hasPrefix("rnnc train ") ? "\(line) --epochs 1 --max-tokens 4000" : line, in: clone)
      }
    }
  }
}
