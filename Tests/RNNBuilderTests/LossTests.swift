import RNNBuilder
import RNNSupport
import Testing

@testable import RNNLanguage

@Suite("Losses and measures")
struct LossTests {
  @Test func everyLossHasATwin() throws {
    let model = Model("M") { m in
      let x = m.input("x", .seq([4]))
      let t = m.target("t", .seq(.token(4)))
      let y = m.target("y", .seq([]))
      m.loss("words", crossEntropy(x, t, smoothing: 0.1), weights: t != 0)
      m.loss("rest", huber(x[0], y, 0.5) + binaryCrossEntropy(x[1], y) + hinge(x[2], y))
      m.loss("mixture", mixtureLoss(x, x, 0.1 * x, y))
      m.measure("right", argmax(x) == t, weights: t != 0)
      m.measure("far", abs(x[0] - y))
    }
    let text = """
      model M {
          input x: seq [4]
          target t: seq token(4), y: seq []
          loss words = cross_entropy(x, t, smoothing: 0.1), weights: t != 0
          loss rest = huber(x[0], y, 0.5) + binary_cross_entropy(x[1], y) + hinge(x[2], y)
          loss mixture = mixture_loss(x, x, 0.1 * x, y)
          measure right = argmax(x) == t, weights: t != 0
          measure far = abs(x[0] - y)
      }
      """
    func graph(_ text: String) throws -> String {
      try Frontend().lower(SourceFile(name: "M", text: text)).graph.text(withPlaces: false)
    }
    #expect(try graph(model.listing) == graph(text))
    let one = Model("M") { m in
      let x = m.input("x", .seq([]))
      m.loss(x, weights: x)
    }
    #expect(try graph(one.listing) == graph("model M { input x: seq []; loss x, weights: x }"))
  }
}
