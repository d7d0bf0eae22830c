import RNNBuilder
import RNNSupport
import Testing

@testable import RNNLanguage

@Suite("Heads in Swift")
struct HeadsTests {
  @Test func headsMeanTheSame() throws {
    let rnn = Cell("Block") { c in
      let H = c.size("H")
      let W = c.param("W", [H, H], .orthogonal)
      let x = c.input("x", [H])
      let h = c.state("h", [H])
      h.next = tanh(W • h + x)
      c.output(h.next)
    }
    let pair = Cell("Pair") { c in
      let H = c.size("H")
      let x = c.input("x", [2, H])
      let blocks = c.instance("blocks", of: rnn, H, heads: [2])
      let U = c.param("U", [2, H, H], .normal(0.1))
      c.output(U.transposed • blocks(x) + blocks["W"] • x)
    }
    let model = Model("M") { m in
      let N = m.size("N", default: 3)
      let x = m.input("x", .seq([4]))
      let many = m.instance("many", of: pair, 4, heads: [N + 1, 2])
      let one = m.instance("one", of: pair, named: ["H": 4], heads: [N])
      m.output("y", many(repeated(repeated(repeated(x, rows: 2), rows: 2), rows: N + 1)))
      m.output("z", one(repeated(repeated(x, rows: 2), rows: N)))
      m.output("h", many["blocks.h"].next)
    }
    let text = """
      cell Block(H) {
          param W: [H, H] = orthogonal
          input x: [H]
          state h: [H]
          h' = tanh(W @ h + x)
          output h'
      }
      cell Pair(H) {
          input x: [2, H]
          blocks = heads(2, Block(H))
          param U: [2, H, H] = normal(0.1)
          output U.T @ blocks(x) + blocks.W @ x
      }
      model M(N = 3) {
          input x: seq [4]
          many = heads(N + 1, heads(2, Pair(4)))
          one = heads(N, Pair(H: 4))
          output y = many(repeat(repeat(repeat(x, rows: 2), rows: 2), rows: N + 1))
          output z = one(repeat(repeat(x, rows: 2), rows: N)), h = many.blocks.h'
      }
      """
    func graph(_ text: String) throws -> String {
      try Frontend().lower(SourceFile(name: "M", text: text)).graph.text(withPlaces: false)
    }
    _ = try Compiler().compile(model, batch: 2)
    let listed = try graph(model.listing)
    #expect(listed == (try graph(text)))
    #expect(listed.contains("\"many.blocks.W\" orthogonal : f32[4, 2, 2, 4, 4]"))
  }
}
