import RNNBuilder
import RNNSupport
import Testing

@testable import RNNLanguage

@Suite("Constants")
struct ConstantTests {
  /// Every way to say a constant in Swift gives the graph of the same text.
  @Test func everyConstantHasATwin() throws {
    let model = Model("M") { m in
      let N = m.size("N", default: 3)
      let i = m.input("i", [N])
      let a = m.const("a", [N, N]) { i, j in
        select(i < j, -1, pow(-1, i - j + 1)) * (2 * i + 1) / N + select(i == j, 1, 0)
      }
      let b = m.const("b", [N]) { i in sqrt(i + 1) + floor(i / 2) - abs(sin(i) - cos(i)) }
      let c = m.const("c", [N], .numbers([0.1, -0.2, 0.3]))
      let d = m.const("d", [2, 3], .numbers([[1, 2, 3], [4, 5, 6]]))
      let e = m.const("e", [N], 1 / N)
      let f = m.const("f", [N, N], .normal(1 / sqrt(N), seed: 3))
      let g = m.const("g", [N, N]) { _, _ in
        select(.uniform(seed: 4) < 0.5, .uniform(2, seed: 5), .normal(seed: 6))
      }
      let h = m.const("h", [N, N], .orthogonal(seed: 7))
      let l = m.const("l", [N]) { i in
        select(i <= 1, 1, 2) + select(i >= 1, 1, 2) + select(i > 1, 1, select(i != 0, 5, 6))
      }
      m.output(a • i + b + c + e + (f * g * h) • i + l)
      m.output("second", d • i)
    }
    let text = """
      model M(N = 3) {
          input i: [N]
          const a[r, s]: [N, N] = where(r < s, -1, pow(-1, r - s + 1)) * (2 * r + 1) / N + where(r == s, 1, 0)
          const b[r]: [N] = sqrt(r + 1) + floor(r / 2) - abs(sin(r) - cos(r))
          const c: [N] = (0.1, -0.2, 0.3)
          const d: [2, 3] = ((1, 2, 3), (4, 5, 6))
          const e: [N] = 1 / N
          const f: [N, N] = normal(1 / sqrt(N), seed: 3)
          const g: [N, N] = where(uniform(seed: 4) < 0.5, uniform(2, seed: 5), normal(seed: 6))
          const h: [N, N] = orthogonal(seed: 7)
          const l[r]: [N] = where(r <= 1, 1, 2) + where(r >= 1, 1, 2) + where(r > 1, 1, where(r != 0, 5, 6))
          output a @ i + b + c + e + (f * g * h) @ i + l
          output second = d @ i
      }
      """
    func graph(_ text: String) throws -> String {
      try Frontend().lower(SourceFile(name: "M", text: text)).graph.text(withPlaces: false)
    }
    _ = try Compiler().compile(model, batch: 2)
    #expect(try graph(model.listing) == graph(text))
    // An index has a name that nothing has: here the input is called 'i'.
    #expect(model.listing.contains("const a[_i, j]: [N, N] = where(_i < j"))
  }

  @Test func tensorsOfFilesAreNamed() {
    let model = Model("M") { m in
      m.output(m.input("x", [2]) * m.const("mean", [2], .tensor("mean", ofFile: "no/such.safetensors")))
    }
    #expect(model.listing.contains("const mean: [2] = file(\"no/such.safetensors\", \"mean\")"))
    #expect(throws: DiagnosticError.self) { try Compiler().compile(model) }
  }
}
