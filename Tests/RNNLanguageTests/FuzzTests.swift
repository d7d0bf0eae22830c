import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Whatever the text, the front end ends without a trap: with a graph, or with an error that can be shown.
private func survives(_ text: String) {
  let source = SourceFile(name: "fuzz.rnn", text: text)
  _ = goldenFrontend.check(source).diagnostics.rendered()
  do throws(DiagnosticError) {
    _ = try goldenFrontend.lower(source)
  } catch {
    #expect(error.diagnostics.hasErrors)
    #expect(!error.description.isEmpty)
  }
}

struct FuzzTests {
  private static let words =
    Keyword.allCases.map(\.rawValue) + Punctuation.allCases.map(\.rawValue) + Builtin.names
    + [
      "seq", "token", "x", "h", "h'", "H", "I", "LSTM", "Linear", "heads", "0", "1", "2.5", "1e400",
      "99999999999999",
      "\n", ";",
    ]
    + [
      "\"a.rnn\"", "\"", "zeros", "uniform", "from", "like", "T", "B", "//", "'", "é", "漢", "\t", "\r\n",
      "\u{0}", "\r", "\u{FEFF}", "’", "×", "≤", "#", "and", "not", "if", "return", "nn.Linear(", "h’", "{",
      "}",
    ]
    + ForeignWords.signs

  @Test(arguments: TestGroup.texts.seeds(100, core: 10)) func tokenSoup(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20 {
      let count = Int.random(in: 1...60, using: &random)
      let words = (0..<count).map { _ in Self.words.randomElement(using: &random) ?? "" }
      survives(words.joined(separator: Bool.random(using: &random) ? " " : ""))
    }
  }

  @Test(arguments: TestGroup.texts.seeds(100, core: 10)) func statementSoup(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20 {
      let lines = (0..<6).map { _ in
        (0..<Int.random(in: 2...9, using: &random)).map { _ in Self.words.randomElement(using: &random) ?? ""
        }
        .joined(separator: " ")
      }
      survives("model M(H = 2) {\n input x: seq [H]\n \(lines.joined(separator: "\n "))\n output x\n}")
    }
  }

  @Test(arguments: TestGroup.texts.seeds(16, core: 2)) func mutatedExamples(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let sources =
      try examples.map { try SourceFile(contentsOf: "\(Golden.repository)/Examples/\($0)").text }
      + StandardLibrary.names.compactMap { StandardLibrary.source(of: $0)?.text }
      + Golden.all(in: "language").map(\.input)
    for text in sources where text.utf8.count < 3000 {
      var characters = Array(text)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<characters.count, using: &random)
        let end = min(characters.count, place + Int.random(in: 0...6, using: &random))
        let word = Bool.random(using: &random) ? Self.words.randomElement(using: &random) ?? "" : ""
        characters.replaceSubrange(place..<end, with: word)
        if characters.isEmpty { characters = ["x"] }
      }
      survives(String(characters))
    }
  }

  @Test func deepNestingIsRefused() {
    for text in ["(", "-", "tanh(", "x[", "x.y", "1 + ", "where(x > 0, "] {
      survives("model M {\n input x: []\n output \(String(repeating: text, count: 20_000))x\n}")
    }
  }
}
