import Foundation
import RNNTestSupport
import Testing

@Suite("The groups of tests")
struct TestGroupTests {
  /// `.ci/run` takes the groups of the Makefile in turn.
  @Test func theMakefileHasThemAll() throws {
    let makefile = try String(
      contentsOf: Command.packageRoot.appendingPathComponent("Makefile"), encoding: .utf8)
    let line = try #require(makefile.firstMatch(of: /\nTEST_GROUPS = (.*)\n/))
    #expect(line.1.split(separator: " ").map(String.init) == TestGroup.allCases.map(\.rawValue))
  }
}
