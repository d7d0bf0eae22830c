import RNNGraph
import RNNTestSupport
import Testing

@Suite struct ParserTests {
  @Test(arguments: [
    ("", "1:1: expected 'graph', found the end"),
    ("graph g { }", "1:7: expected a string, found 'g'"),
    ("graph \"g", "1:7: the string does not end"),
    ("graph \"\\q\" { }", "1:7: the string has an unknown escape"),
    ("graph \"\\u{d800}\" { }", "1:7: the string has an unknown escape"),
    ("graph \"g\" {\n  ?", "2:3: unexpected character \"?\""),
    ("graph \"g\" { } }", "1:15: expected the end, found '}'"),
    ("graph \"g\" {", "1:12: expected a word, found the end"),
    ("graph \"g\" {\n  % = ", "2:3: a value has no name"),
    ("graph \"g\" {\n  %0 = tanh %1 : f32[]\n}", "2:13: '%1' is not defined"),
    ("graph \"g\" {\n  %0 = frob : f32[]\n}", "2:8: 'frob' is not an operation"),
    ("graph \"g\" {\n  %0 = constant x : f32[]\n}", "2:17: expected a number, found 'x'"),
    ("graph \"g\" {\n  %0 = constant 1 : f16[]\n}", "2:21: 'f16' is not an element type"),
    ("graph \"g\" {\n  %0 = constant 1 : f32[-1]\n}", "2:25: expected a whole number, found '-1'"),
    (
      "graph \"g\" {\n  %0 = constant 1 : f32[99999999999]\n}",
      "2:25: expected a whole number, found '99999999999'"
    ),
    ("graph \"g\" {\n  %0 = constant 1 : f32[2 3]\n}", "2:27: expected ',', found '3'"),
    ("graph \"g\" {\n  %0, %1 = constant 1 : f32[]\n}", "2:12: 'constant' has one result"),
    ("graph \"g\" {\n  %0 = constant 1 : f32[]\n  %0 = constant 1 : f32[]\n}", "3:3: '%0' is defined twice"),
    ("graph \"g\" {\n  %0 = parameter \"w\" ones(1) : f32[]\n}", "2:22: 'ones' is not an initializer"),
    ("graph \"g\" {\n  gradient \"w\" = %0\n}", "2:16: expected 'of', found '='"),
    ("graph \"g\" {\n  loss \"loss\" over T = %0\n}", "2:20: expected '(', found 'T'"),
    ("graph \"g\" {\n  loss \"loss\" over(T B) = %0\n}", "2:22: expected ',', found 'B'"),
    ("graph \"g\" {\n  %0 = scan T {\n yield } }", "2:13: the scan has 1 result and 0 types"),
    (
      "graph \"g\" {\n  scan T {\n    %0 = data \"x\" : f32[]\n yield } }", "3:10: 'data' is not an operation"
    ),
    (
      "graph \"g\" {\n  %0 = data \"x\" : f32[4]\n  %1 = slice %0 axis(0) middle(1)",
      "3:25: expected 'front' or 'back', found 'middle'"
    ),
  ])
  func errorsAreLocated(text: String, message: String) {
    do throws(GraphParseError) {
      let graph = try Graph(parsing: text)
      Issue.record("parsed as \(graph)")
    } catch {
      #expect(error.description == message)
    }
  }

  @Test func deepNestingIsRefused() {
    let text = "graph \"g\" {" + String(repeating: "scan T {", count: 100_000)
    #expect(throws: GraphParseError.self) { try Graph(parsing: text) }
  }

  /// Whatever the text, the parser, the verifier and the printer do not trap, and what parses reads back.
  @Test(arguments: TestGroup.texts.seeds(10, core: 2)) func mutatedGraphsDoNotTrap(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var parsed = 0
    for sample in Samples.all {
      let words = sample.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      for _ in 0..<100 {
        let text = Bool.random(using: &random) ? mutated(words, &random) : mutated(sample, &random)
        guard let graph = try? Graph(parsing: text) else { continue }
        parsed += 1
        let again = try Graph(parsing: graph.description)
        #expect(again.description == graph.description, "\(text)")
        do {
          try graph.verify()
          #expect(structurallyEqual(graph, again), "\(text)")
        } catch {
          #expect(!error.problems.isEmpty)
        }
      }
    }
    #expect(parsed > 3, "too few mutations stay graphs to test anything: \(parsed)")
  }

  /// Swaps, drops, repeats or exchanges words for others of the text.
  private func mutated(_ words: [String], _ random: inout SplitMix64) -> String {
    var words = words
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let i = words.indices.randomElement(using: &random)!
      let j = words.indices.randomElement(using: &random)!
      switch Int.random(in: 0..<4, using: &random) {
      case 0: words.swapAt(i, j)
      case 1: words.remove(at: i)
      case 2: words.insert(words[j], at: i)
      default: words[i] = words[j]
      }
    }
    return words.joined(separator: " ")
  }

  /// Exchanges, drops or inserts single characters.
  private func mutated(_ text: String, _ random: inout SplitMix64) -> String {
    let alphabet = Array("0123456789-.%()[]{},;:=\"\\ \nTBe_/xé")
    var characters = Array(text)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let i = characters.indices.randomElement(using: &random)!
      let character = alphabet.randomElement(using: &random)!
      switch Int.random(in: 0..<3, using: &random) {
      case 0: characters[i] = character
      case 1: characters.remove(at: i)
      default: characters.insert(character, at: i)
      }
    }
    return String(characters)
  }
}
