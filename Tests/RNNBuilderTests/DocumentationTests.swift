import Foundation
import RNNBuilder
import RNNTestSupport
import Testing

@Suite("docs/embedded.md")
struct DocumentationTests {
  private func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private func page(_ path: String) throws -> String {
    try String(contentsOfFile: "\(Golden.repository)/\(path)", encoding: .utf8)
  }

  /// The blocks of a page that are in Swift, by line.
  private func blocks(_ page: String) -> [[String]] {
    page.components(separatedBy: "```swift\n").dropFirst().map {
      lines($0.components(separatedBy: "```")[0])
    }
  }

  /// What the pages show of this in Swift stands in the functions below, line by line.
  @Test func itsProgramsCompile() throws {
    let embedded = try page("docs/embedded.md")
    let readme = try blocks(page("README.md")).filter { $0.contains { $0.contains("= Cell(") } }
    #expect(blocks(embedded).count == 2 && readme.count == 1)
    let source = lines(try String(contentsOfFile: #filePath, encoding: .utf8))
    for block in blocks(embedded) + readme {
      let code = block.drop { $0.hasPrefix("import") }
      let isThere = source.indices.contains { source[$0...].starts(with: code) }
      #expect(isThere, "the test does not hold\n\(block.joined(separator: "\n"))")
    }
    let cell = try programOfThePage().components(separatedBy: "\nmodel")[0]
    #expect(embedded.contains("```\n\(cell)```\n"), "the page does not hold\n\(cell)")
    #expect(try Compiler().compile(modelOfTheReadme(), batch: 1).graph.contains("tanh"))
  }

  private func modelOfTheReadme() -> Model {
    let leaky = Cell("Leaky") { c in
      let H = c.size("H")
      let x = c.input("x", [H]), h = c.state("h", [H])
      let U = c.param("U", [H, H], .orthogonal)
      h.next = 0.9 * h + 0.1 * tanh(U • h + x)
      c.output(h.next)
    }
    return Model("M") { m in m.output(m.instance("leaky", of: leaky, 3)(m.input("x", .seq([3])))) }
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
