import Foundation
import RNNTestSupport
import Testing

/// A new operation, function or instruction is a fault of compilation wherever something has to be said of it.
@Suite struct SwitchTests {
  /// The layers that know operations, functions or instructions.
  static let layers = [
    "RNNGraph", "RNNInterpreter", "RNNDifferentiation", "RNNOptimizers", "RNNPasses", "RNNPlan", "RNNCodegen",
    "RNNCompiler",
  ]

  /// What a switch with a `default` may be about: texts, numbers and errors, of which there is no end.
  static let openSubjects: Set<String> = [
    "word", "scalar", "first", "character", "(parts[0], parts.count)", "axis", "error", "stage",
  ]

  @Test(arguments: layers) func onlyOpenKindsHaveADefault(layer: String) throws {
    let folder = "\(Golden.repository)/Sources/\(layer)"
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
    #expect(!paths.isEmpty)
    for path in paths {
      let lines = try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8).components(
        separatedBy: "\n")
      for (number, line) in lines.enumerated() where line.contains(/^ *(@unknown default|default|case _):/) {
        let subject = Self.subject(ofDefault: number, in: lines)
        #expect(
          Self.openSubjects.contains(subject),
          "\(layer)/\(path):\(number + 1): a switch over '\(subject)' has a default")
      }
    }
  }

  /// What stands behind the `switch` that a `default` belongs to: the nearest one with the same indentation.
  private static func subject(ofDefault number: Int, in lines: [String]) -> String {
    func indentation(_ line: String) -> Int { line.prefix { $0 == " " }.count }
    let own = indentation(lines[number])
    for line in lines[..<number].reversed() where indentation(line) == own {
      if let match = line.firstMatch(of: /\bswitch (.+) \{/) { return String(match.1) }
    }
    return "?"
  }
}
