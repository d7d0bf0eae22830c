import Foundation
import RNNCompiler
import RNNTestSupport
import Testing

@Suite("docs/embedded.md")
struct DocumentationTests {
  private func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The blocks in Swift stand in the function below, line by line.
  @Test func itsProgramsCompile() throws {
    let page = try String(contentsOfFile: "\(Golden.repository)/docs/embedded.md", encoding: .utf8)
    let blocks = page.components(separatedBy: "```swift\n").dropFirst()
      .map { lines($0.components(separatedBy: "```")[0]) }
    #expect(blocks.count == 2)
    let source = lines(try String(contentsOfFile: #filePath, encoding: .utf8))
    for block in blocks {
      let isThere = source.indices.contains {
        source[$0...].starts(with: block.drop { $0.hasPrefix("import") })
      }
      #expect(isThere, "the test does not hold\n\(block.joined(separator: "\n"))")
    }
    let listing = try programOfThePage()
    let cell = listing.components(separatedBy: "\nmodel")[0]
    #expect(page.contains("```\n\(cell)```\n"), "the page does not hold\n\(cell)")
  }

  private func programOfThePage() throws -> String {
    let minimalGRU = Cell("MinimalGRU") { c in
      let I = c.size("I")
      let H = c.size("H")
      let bound = InitialValue.uniform(1 / sqrt(H))
      let W = (f: c.param("W_f", [H, I], bound), n: c.param("W_n", [H, I], bound))
      let U = (f: c.param("U_f", [H, H], bound), n: c.param("U_n", [H, H], bound))
      let b = (f: c.param("b_f", [H], .zeros), n: c.param("b_n", [H], .zeros))
      let x = c.input("x", [I])
      let h = c.state("h", [H])

      let f = sigmoid(W.f • x + U.f • h + b.f).named("f")
      let n = tanh(W.n • x + U.n • (f * h) + b.n)
      h.next = (1 - f) * h + f * n
      c.output(h.next)
    }

    let model = Model("CharLM") { m in
      let V = m.size("V", default: 28)
      let H = m.size("H", default: 128)
      let text = m.input("text", .seq(.token(V)))
      let next = m.target("next", .seq(.token(V)))
      let rnn = m.instance("rnn", of: minimalGRU, V, H)
      let out = m.instance("out", of: .library("Linear"), H, V)

      let y = out(rnn(onehot(text)))
      m.output(softmax(y))
      m.loss(crossEntropy(y, next))
    }

    let program = try Compiler().compile(model, sizes: ["H": 256], batch: 32)
    print(model.listing)
    #expect(program.sizes == ["V": 28, "H": 256])
    return model.listing
  }
}
