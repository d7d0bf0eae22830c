import Foundation
import RNNGraph
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// A front end that reads imports from the folder of the language's goldens.
let goldenFrontend = Frontend(
  loader: SourceLoader { path throws(DiagnosticError) in
    let file = "\(Golden.repository)/Tests/Goldens/language/\(path)"
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw DiagnosticError(Diagnostic("unreadable-file", "cannot read '\(path)'", at: nil))
    }
    return SourceFile(name: path, text: text)
  })

/// Sources, `Tests/Goldens/language/*.rnn`, with what is wrong with them, their syntax or their inputs and outputs; and models
/// with the graphs that they are lowered to, `Tests/Goldens/lowering/*.rnn`. Sizes stand behind the command.
struct GoldenTests {
  @Test(arguments: Golden.all(in: "language") + Golden.all(in: "lowering"))
  func golden(_ golden: Golden) throws {
    let source = SourceFile(name: golden.name, text: golden.input)
    var sizes: [String: Int] = [:]
    for argument in golden.arguments {
      let parts = argument.split(separator: "=")
      sizes[String(parts[0])] = Int(parts[1])
    }
    let actual: String
    switch golden.command {
    case "diagnose": actual = goldenFrontend.check(source, sizes: sizes).diagnostics.rendered()
    case "syntax": actual = try goldenFrontend.parse(source).printed
    case "graph":
      let graph = try goldenFrontend.lower(source, sizes: sizes).graph
      try graph.verify()
      actual = graph.description
    case "interface": actual = try goldenFrontend.lower(source, sizes: sizes).graph.interface
    default: actual = "unknown command \(golden.command)\n"
    }
    let mismatch = golden.mismatch(actual)
    #expect(mismatch == nil)
  }

  @Test func thereAreGoldens() {
    #expect(Golden.all(in: "language").count > 40)
    #expect(Golden.all(in: "lowering").count >= 3)
  }
}

extension Graph {
  /// The names, roles and types of inputs and outputs, a line each.
  var interface: String {
    let inputs = inputs.map { input in
      "input \(input.name): \(type(input.value)) \(input.role)" + (input.idLimit.map { " below \($0)" } ?? "")
    }
    let outputs = outputs.map { "output \($0.name): \(type($0.value)) \($0.role)" }
    return (inputs + outputs).map { $0 + "\n" }.joined()
  }
}
