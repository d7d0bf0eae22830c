import RNNGraph
import RNNInterpreter
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// `grad(e, x)`: the derivative of a value of the step by another one.
struct GradTests {
  /// A formula of a number `a`, whose value and derivative are known.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let a: Double
    let value: Double
    let gradient: Double

    init(_ formula: String, at a: Double, _ value: Double, gradient: Double) {
      testDescription = formula
      self.a = a
      self.value = value
      self.gradient = gradient
    }
  }

  private static let cases: [Case] = [
    Case("grad(a * a * a, a)", at: 2, 12, gradient: 12),
    Case("grad(a, a)", at: 2, 1, gradient: 0),
    Case("grad(grad(a * a * a, a), a)", at: 2, 12, gradient: 6),
    Case("grad(grad(grad(a * a * a * a, a), a), a)", at: 2, 48, gradient: 24),
    Case("grad(exp(a * b), b)", at: 0, 0, gradient: 1),
    // An adjoint that is 0 by chance, beside a factor that may not be finite.
    Case("grad(a * exp(b), b)", at: 0, 0, gradient: 1.5.exponential),
    Case("sum(grad(a * dot(c, exp(c)), c))", at: 0, 0, gradient: 2 * 2 * 1.0.exponential),
    Case("grad(pow(b, a), b)", at: 0, 0, gradient: 1 / 1.5),
    // A branch that is not taken.
    Case("grad(where(a > 0, sqrt(a), a * a), a)", at: -2, -4, gradient: 2),
    Case("grad(where(a > 0, pow(a, 1.5), a * a), a)", at: 0, 0, gradient: 2),
    Case("grad(grad(where(a > 0, log(a), a * a * a), a), a)", at: -2, -12, gradient: 6),
    Case("grad(where(a > 0, a * sqrt(a), a * a), a)", at: 4, 3, gradient: 0.375),
    // Derivatives of one's choice count here, too.
    Case("grad(stop_gradient(a) * a, a)", at: 3, 3, gradient: 0),
    Case("grad(straight_through(0 * a, a * a), a)", at: 3, 6, gradient: 2),
    Case("grad(3 * clip_gradient(a * a, 2), a)", at: 5, 20, gradient: 4),
    Case("grad(floor(a) * a, a)", at: 2.5, 2, gradient: 0),
    Case("grad(abs(a) * a, a)", at: -2, 4, gradient: -2),
    Case("grad(max(a, b) * a, a)", at: 2, 4, gradient: 2),
    Case("grad(norm(a * c), a)", at: 2, 2.0.squareRoot(), gradient: 0),
    // By what others are made of, and by what is made of others.
    Case("grad(d * a, d)", at: 3, 3, gradient: 1),
    Case("grad(d * a, a)", at: 3, 3 * 9, gradient: 18),
    Case("sum(grad(sum(v) * a, v))", at: 3, 6, gradient: 2),
    Case("grad(sum(v) * a, a)", at: 3, 2 * 2 * 3, gradient: 4),
    // Two names of one value, of which one is differentiated by.
    Case("sum(grad(sum(whole) * sum(v), whole))", at: 3, 12, gradient: 4),
    Case("sum(grad(sum(whole) * sum(v), v))", at: 3, 24, gradient: 8),
    Case("pair(a, a)", at: 3, 3, gradient: 1),
    // By a parameter, in each example by itself.
    Case("grad(p * a, p) * p", at: 3, 3 * 0.5, gradient: 0.5),
    Case("grad(square(p * a), p)", at: 3, 2 * 0.5 * 9, gradient: 2 * 0.5 * 6),
    Case("sum(grad(square(dot(E[t], c) * a), E)[0])", at: 3, 0, gradient: 0),
    Case("sum(grad(square(dot(E[t], c) * a), E)[1])", at: 3, 2 * 1 * 9 * 2, gradient: 2 * 6 * 2),
    Case("half(a)", at: 3, 2 * 3 * 0.25, gradient: 0.5),
    Case("grad(half.w * half(a), half.w)", at: 1, 1 * 0.5 + 0.5 * 2 * 1 * 2 * 0.5, gradient: 1.5),
  ]

  /// Two examples, of which the second one has the number twice: the derivative is of each example by itself.
  @Test(arguments: cases) func derivative(_ wanted: Case) throws {
    let graph = try loweredGraph(
      of: """
        cell Half { param w: [] = 0.5
          input x: []
          output grad(square(w * x), x) }
        cell Pair { input x: [], z: []
          output grad(x * z, x) }
        cell C { pair = Pair()
          param p: [] = 0.5
          param E: [3, 2] = ones
          half = Half()
          input a: [], b: [], c: [2], t: token(3)
          d = a * a
          v = a * c / c
          whole = v[0:2]
          y = \(wanted.testDescription)
          output y + 0 * (p + b + c[0] + E[t][0] + d + v[0] + whole[0] + half(a) + pair(a, b)) }
        model M { input a: [], b: [], c: [2], t: token(3); r = C(); y = r(a, b, c, t); output y; loss y }
        """)
    let results = try gradients(
      of: graph,
      [
        "a": DenseArray(.f64, [2], [wanted.a, 2 * wanted.a]), "b": DenseArray(.f64, [2], [1.5, 1.5]),
        "c": DenseArray(.f64, [2, 2], [1, 1, 1, 1]), "t": DenseArray(.i32, [2], [1, 1]),
        "r.p": DenseArray(.f64, scalar: 0.5), "r.half.w": DenseArray(.f64, scalar: 0.5),
        "r.E": DenseArray(.f64, [3, 2], [1, 1, 0.5, 0.5, 1, 1]),
      ])
    let value = try #require(results["y"]).numbers[0]
    let slope = try #require(results["grad.a"]).numbers[0] * 2
    #expect(abs(value - wanted.value) < 1e-12)
    #expect(abs(slope - wanted.gradient) < 1e-12)
  }

  /// Each derivative of a derivative is some times as large: a few too many are refused, not computed.
  @Test func manyDerivativesOfDerivatives() {
    let lines = (1...60).map { " g\($0) = grad(g\($0 - 1) * x, x)" }
    let text = "model M {\n input x: []\n g0 = x * x\n\(lines.joined(separator: "\n"))\n output g60\n}"
    let found = Frontend().check(SourceFile(name: "a.rnn", text: text)).diagnostics.rendered()
    #expect(found.contains("model 'M' has too many operations"))
    #expect(found.components(separatedBy: "error:").count == 2, "\(found)")
  }

  /// Attention, a loop in a model, and steps by themselves: values and derivatives against differences.
  @Test(arguments: [[], ["T"]] as [Set<String>]) func acrossStepsAndSequences(ragged: Set<String>) throws {
    let graph = try loweredGraph(
      of: """
        cell Reader(H) {
            param W: [H, H] = normal(1)
            rnn = GRU(H, H)
            input x: [H], memory: seq [H]
            state h: [H]
            weights = softmax_steps(dot(repeat(h, like: memory), memory))
            read = total(weights * memory)
            e = sum(square(tanh(W @ read) - x))
            h' = h - 0.3 * grad(e, h)
            far = grad(e, memory)
            output rnn(h'), grad(sum(square(W @ x)), W) @ x + total(far), rnn.h' * grad(sum(rnn.h' * x), rnn.h)
        }
        model M(H = 3) {
            input x: seq [H], v: [H]
            param P: [H, H] = normal(1)
            reader = Reader(H)
            rnn = RNN(H, H)
            a, b, c = reader(x, x)
            y = rnn(x)
            saliency = grad(sum(square(last(y))), x)
            own = grad(sum(square(tanh(P @ x))), x) + grad(sum(square(P @ x)), P)[0]
            outer = grad(total(sum(square(P @ y))), P) @ v + grad(sum(last(y)), rnn.W) @ v
            output a, b, c, saliency, own, outer
            loss sum(a * b + c * saliency + square(own)) + repeat(sum(outer), like: x)
        }
        """, ragged: ragged)
    var random = SplitMix64(seed: 3)
    var inputs = randomInputs(for: graph, sizes: [.batch: 2, .steps: 4], using: &random)
    if !ragged.isEmpty { inputs["x.lengths"] = DenseArray(.i32, [2], [4, 2]) }
    try checkedGradients(of: graph, inputs)
  }
}

extension Double {
  /// e to the power of the number.
  fileprivate var exponential: Double { UnaryFunction.exp.evaluate(self) }
}
