import Foundation
import RNNGraph
import RNNInterpreter
import RNNSupport
import Testing

@testable import RNNLanguage

/// What the constructs of the language compute, by the interpreter.
struct MeaningTests {
  private func run(_ text: String, _ inputs: [String: DenseArray]) throws -> [String: [Double]] {
    let graph = try Frontend().lower(SourceFile(name: "a.rnn", text: text), element: .f64).graph
    try graph.verify()
    #expect(try Graph(parsing: graph.description).description == graph.description)
    return try Interpreter(graph).run(inputs: inputs).mapValues(\.numbers)
  }

  /// Runs a model on one example `x` of three numbers.
  private func compute(_ expression: String, _ x: [Double] = [1, 2, 4]) throws -> [Double] {
    try #require(
      try run("model M {\n input x: [3]\n output y = \(expression)\n}", ["x": DenseArray(.f64, [1, 3], x)])[
        "y"])
  }

  @Test func vectors() throws {
    #expect(try compute("1 - x / 2") == [0.5, 0, -1])
    #expect(try compute("-x * x + 1") == [0, -3, -15])
    #expect(try compute("x[1:]") == [2, 4])
    #expect(try compute("x[0]") == [1])
    #expect(try compute("concat(x[2:], x, x[:1])") == [4, 1, 2, 4, 1])
    #expect(try compute("sum(x)") == [7])
    #expect(try compute("x - mean(x - 1)", [1, 2, 6]) == [-1, 0, 4])
    #expect(try compute("max(x) - min(x)") == [3])
    #expect(try compute("max(x, 3) + min(2, x)") == [4, 5, 6])
    #expect(try compute("dot(x, x)") == [21])
    #expect(try compute("where(x > 1, x, 0)") == [0, 2, 4])
    #expect(
      try compute("where(x >= 2, 1, 0) + where(x < 2, 10, 0) + where(x <= 2, 100, 0)") == [110, 101, 1])
    #expect(try compute("where(sum(x) > 7, x, -x)") == [-1, -2, -4])
    #expect(try compute("where(x > 1, sum(x), 0)") == [0, 7, 7])
    #expect(try compute("relu(x - 2) + square(x) + sign(x - 2) + abs(-x)") == [1, 6, 23])
    #expect(try compute("mse(x, 0 * x)") == [7])
    #expect(try compute("sqrt(x) * rsqrt(x)").allSatisfy { abs($0 - 1) < 1e-12 })
  }

  @Test func valuesAreKeptBetweenLimits() throws {
    #expect(try compute("clamp(x, 1.5, 3)") == [1.5, 2, 3])
    #expect(try compute("clamp(x, -x + 4, 3 * x)") == [3, 2, 4])
    #expect(try compute("clamp(x, 2, sum(x) - 6)") == [1, 1, 1])
    #expect(try compute("clamp(x, 0, 1)", [.nan, -.infinity, .infinity]).dropFirst() == [0, 1])
    #expect(try compute("clamp(x, 0, 1)", [.nan, 0, 0])[0].isNaN)
  }

  @Test func activationsByTheErrorFunctionAndTheLogisticOne() throws {
    let gelu = try compute("gelu(x)", [0, 1, -2])
    for (found, wanted) in zip(gelu, [0, 0.8413447460685429, -0.04550026389635842]) {
      #expect(abs(found - wanted) < 1e-15)
    }
    let silu = try compute("silu(x)", [0, 1, -2])
    for (found, wanted) in zip(silu, [0, 0.7310585786300049, -0.2384058440442351]) {
      #expect(abs(found - wanted) < 1e-15)
    }
  }

  @Test func equality() throws {
    #expect(try compute("where(x == 2, 1, 0) + where(x != 2, 10, 0)") == [10, 1, 10])
    #expect(try compute("where(x != x, 1, 0)", [1, .nan, 2]) == [0, 1, 0])
    #expect(try compute("where(x == x, 1, 0)", [1, .nan, 2]) == [1, 0, 1])
  }

  @Test func theGreatestElementIsAToken() throws {
    #expect(try compute("argmax(x)") == [2])
    #expect(try compute("argmax(x)", [5, 7, 7]) == [1])
    #expect(try compute("argmax(x)", [-.infinity, -.infinity, -.infinity]) == [0])
    #expect(try compute("onehot(argmax(-x))") == [1, 0, 0])
    // Whatever a NaN makes of it, the token stays in its range.
    #expect([0, 1, 2].contains(try compute("argmax(x)", [1, .nan, 2])[0]))
    #expect(try compute("onehot(argmax(x))", [.nan, .nan, .nan]).reduce(0, +) == 1)
  }

  @Test func numbersAreComputedWhenCompiling() throws {
    let text = "model M(H = 4) {\n input x: [H]\n output y = x * ((1 / sqrt(H) - 0.25) * -2)\n}"
    let graph = try Frontend().lower(SourceFile(name: "a.rnn", text: text), element: .f64).graph
    #expect(graph.liveOperationCount == 2)
    let outputs = try Interpreter(graph).run(inputs: ["x": DenseArray(.f64, [1, 4], [1, 2, 3, 4])])
    #expect(outputs["y"]?.numbers == [-0.5, -1, -1.5, -2])
  }

  @Test func softmaxDoesNotOverflow() throws {
    let soft = try compute("softmax(x * 1000)")
    #expect(soft == [0, 0, 1])
    let logarithm = try compute("log_softmax(x)")
    let normal = log(exp(1.0) + exp(2) + exp(4))
    for (found, x) in zip(logarithm, [1.0, 2, 4]) { #expect(abs(found - (x - normal)) < 1e-12) }
  }

  @Test func splitGivesPartsInOrder() throws {
    let text = "model M {\n input x: [6]\n a, _, c = split(x, 3)\n output y = 10 * a + c\n}"
    #expect(try run(text, ["x": DenseArray(.f64, [1, 6], [1, 2, 3, 4, 5, 6])])["y"] == [15, 26])
  }

  @Test func tokensChooseRows() throws {
    let text = """
      model M(V = 3) {
          param E: [V, 2], p: [V] = zeros
          input t: seq token(V)
          output a = E[t], b = onehot(t) @ E, c = p[t]
      }
      """
    let outputs = try run(
      text,
      [
        "t": DenseArray(.i32, [2, 1], [2, 0]), "E": DenseArray(.f64, [3, 2], [1, 2, 3, 4, 5, 6]),
        "p": DenseArray(.f64, [3], [7, 8, 9]),
      ])
    #expect(outputs["a"] == [5, 6, 1, 2])
    #expect(outputs["b"] == [5, 6, 1, 2])
    #expect(outputs["c"] == [9, 7])
  }

  @Test func tokensCompareAndAreChosen() throws {
    let text = """
      model M(V = 3) {
          param E: [V, V] = zeros
          input t: seq token(V), u: seq token(V)
          output a = where(t == V - 1, 1, 0), b = where(1 != t, 1, 0), c = where(t == u, 1, 0)
          output d = where(t == 0, u, t), e = E[where(t == u, 0, argmax(E[u]))], f = last(where(t != u, t, 1))
      }
      """
    let outputs = try run(
      text,
      [
        "t": DenseArray(.i32, [3, 1], [2, 0, 1]), "u": DenseArray(.i32, [3, 1], [2, 1, 0]),
        "E": DenseArray(.f64, [3, 3], [1, 2, 0, 4, 3, 0, 5, 6, 7]),
      ])
    #expect(outputs["a"] == [1, 0, 0])
    #expect(outputs["b"] == [1, 1, 0])
    #expect(outputs["c"] == [1, 0, 0])
    #expect(outputs["d"] == [2, 1, 1])
    #expect(outputs["e"] == [1, 2, 0, 1, 2, 0, 4, 3, 0])
    #expect(outputs["f"] == [1])
  }

  @Test func layersInLayersRunAlongSequences() throws {
    let text = """
      cell Inner {
          input x: []
          output x * x, 1
      }
      cell Outer {
          inner = Inner()
          input x: []
          y, one = inner(x)
          output y + one
      }
      model M {
          input x: seq []
          outer = Outer()
          output y = outer(x)
      }
      """
    #expect(try run(text, ["x": DenseArray(.f64, [2, 2], [1, 2, 3, 4])])["y"] == [2, 5, 10, 17])
  }

  @Test func sequences() throws {
    let text = """
      cell Sum {
          input x: []
          state s: []
          s' = s + x
          output s'
      }
      model M {
          input x: seq [], v: []
          sum = Sum()
          back = Sum()
          y = sum(x)
          z = back(reverse(x), from: sum)
          output y, z = reverse(z), w = last(y), t = total(x), r = repeat(v) * x, f = back.s'
          loss x
      }
      """
    let outputs = try run(
      text,
      [
        "x": DenseArray(.f64, [3, 2], [1, 10, 2, 20, 3, 30]), "v": DenseArray(.f64, [2], [1, -1]),
        "sum.s": DenseArray(.f64, [2], [0, 100]),
      ])
    #expect(outputs["y"] == [1, 110, 3, 130, 6, 160])
    #expect(outputs["z"] == [12, 220, 11, 210, 9, 190])
    #expect(outputs["w"] == [6, 160])
    #expect(outputs["t"] == [6, 60])
    #expect(outputs["r"] == [1, -10, 2, -20, 3, -30])
    #expect(outputs["f"] == outputs["back.s"])
    #expect(outputs["loss"] == [11])
  }

  @Test func crossEntropyIsTheNegativeLogarithmOfTheProbability() throws {
    let text = """
      model M(V = 3) {
          input x: seq [V]
          target t: seq token(V)
          output e = cross_entropy(x, t), p = log_softmax(x)
          loss cross_entropy(x, t)
      }
      """
    let outputs = try run(
      text,
      ["x": DenseArray(.f64, [2, 1, 3], [1, 2, 4, 0, 500, -3]), "t": DenseArray(.i32, [2, 1], [1, 1])])
    let (e, p) = (try #require(outputs["e"]), try #require(outputs["p"]))
    #expect(abs(e[0] + p[1]) < 1e-12)
    #expect(abs(e[1] + p[4]) < 1e-12)
    #expect(outputs["loss"] == [(e[0] + e[1]) / 2])
  }

  @Test func nestedStatesStepTogetherWithTheirCell() throws {
    let text = """
      fn twice(x) = x + x
      cell Inner {
          param start: [] = 5
          input x: []
          state a: [] = start
          a' = a + x
          output twice(a')
      }
      cell Outer {
          inner = Inner()
          input x: []
          state b: [] = 1
          before = inner.a
          y = inner(x)
          b' = b * 2
          output y + b', before, inner.a'
      }
      model M {
          input x: seq []
          outer = Outer()
          p, q, r = outer(x)
          output p, q, r, start = outer.inner.start
      }
      """
    let outputs = try run(
      text, ["x": DenseArray(.f64, [2, 1], [1, 2]), "outer.inner.start": DenseArray(.f64, [], [5])])
    #expect(outputs["p"] == [14, 20])
    #expect(outputs["q"] == [5, 6])
    #expect(outputs["r"] == [6, 8])
    #expect(outputs["start"] == [5])
    #expect(outputs["outer.b"] == [4])
    #expect(outputs["outer.inner.a"] == [8])
  }

  @Test func anInstanceAppliedAgainSharesItsWeightsAndStartsAnew() throws {
    let text = """
      cell Scale {
          param w: [] = 1
          input x: []
          state s: []
          s' = s + w * x
          output s'
      }
      model M {
          input x: [], y: []
          scale = Scale()
          output a = scale(x), b = scale(y), c = scale.s'
      }
      """
    let outputs = try run(
      text,
      [
        "x": DenseArray(.f64, [1], [1]), "y": DenseArray(.f64, [1], [2]),
        "scale.w": DenseArray(.f64, [], [3]),
        "scale.s": DenseArray(.f64, [1], [10]), "scale@2.s": DenseArray(.f64, [1], [20]),
      ])
    #expect(outputs["a"] == [13])
    #expect(outputs["b"] == [26])
    #expect(outputs["c"] == [26])
  }

  @Test func shapesOfThreeAxes() throws {
    let text = """
      model M(H = 2) {
          param W: [2, 3, H], v: [H] = ones
          input x: [2, 3, H], t: token(2)
          a, b = split(tanh(x) * W, 2)
          y = concat(a, b, x[1:])
          output z = y[0] @ v, e = W[t][2], w = (y[2].T @ y[1])[0]
          loss mse(y[:2], 0.5 * x) + sum(W[t][0])
      }
      """
    let graph = try loweredGraph(of: text)
    let x = (0..<24).map { Double($0 % 7) / 4 - 0.5 }
    let W = (0..<12).map { Double($0) / 8 - 0.5 }
    let inputs = [
      "x": DenseArray(.f64, [2, 2, 3, 2], x), "W": DenseArray(.f64, [2, 3, 2], W),
      "v": DenseArray(.f64, [2], [2, -1]), "t": DenseArray(.i32, [2], [1, 0]),
    ]
    let results = try checkedGradients(of: graph, inputs)
    let y = (0..<24).map { tanh(x[$0]) * W[$0 % 12] }
    let z = (0..<6).map { row in
      let place = row / 3 * 12 + row % 3 * 2
      return 2 * y[place] - y[place + 1]
    }
    let found = try #require(results["z"]?.numbers)
    #expect(zip(found, z).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(results["e"]?.numbers == [W[10], W[11], W[4], W[5]])
    #expect(results["w"]?.shape == [2, 2])
  }

  @Test func numbersFitTheElementType() throws {
    func lower(_ number: String, _ element: ElementType) throws {
      let text = """
        cell C {
          input x: []
          output x * \(number)
        }
        model M {
          input x: seq []
          c = C()
          output c(x)
        }
        """
      _ = try Frontend().lower(SourceFile(name: "a.rnn", text: text), element: element)
    }
    for number in ["1e39", "1e-46", "(1e30 * 1e30)"] {
      try lower(number, .f64)
      let error = #expect(throws: DiagnosticError.self) { try lower(number, .f32) }
      let message = error?.description ?? ""
      #expect(message.contains("a.rnn:3:14: error: 1"), "\(message)")
      #expect(message.contains(" is out of range of f32"), "\(message)")
    }
    for number in ["3.4e38", "1.5e-45", "0"] { try lower(number, .f32) }
  }
}
