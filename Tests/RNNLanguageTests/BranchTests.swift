import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// What no branch, end or extremum takes has a gradient of exactly 0, in models as users write them.
struct BranchTests {
  @Test(arguments: [
    ("where(a > 0, sqrt(a), a)", [1, 1, 0.25, 0.5]), ("where(a > 0, log(a), a)", [1, 1, 0.25, 1]),
    ("where(a > 0, rsqrt(a), a)", [1, 1, -0.0625, -0.5]), ("where(a > 0, 1 / a, a)", [1, 1, -0.0625, -1]),
    ("where(a < 4, a, exp(200 * a))", [1, 1, .infinity, 1]),
    ("where(a > 4, exp(1000 * a), a)", [1, 1, 1, 1]),
    ("where(a > 0, tanh(log(a)) * sqrt(a), 3 * a)", [3, 3, 0.33131487889273356, 1]),
    ("max(log(max(a, 0)), -3)", [0, 0, 0.25, 1]),
    ("where(a > 0, pow(a, 0.5), a)", [1, 1, 0.25, 0.5]), ("where(a > -1, log1p(a), a)", [1, 1, 0.2, 0.5]),
    ("where(a > 0, pow(2, log(a)), a)", [1, 1, 0.4529827408629715, 0.6931471805599453]),
    ("clamp(a, -1, 1)", [1, 0, 0, 1]), ("clamp(4 + a, a, a)", [1, 1, 1, 1]),
  ]) func branches(formula: String, gradient: [Double]) throws {
    let graph = try loweredGraph(of: "model M(N = 4) { input a: [N]; y = \(formula); output y; loss sum(y) }")
    let found = try gradients(of: graph, ["a": DenseArray(.f64, [1, 4], [-1, -4, 4, 1])])["grad.a"]
    for (element, expected) in zip(try #require(found).numbers, gradient) {
      #expect(element == expected || abs(element - expected) <= 1e-12, "\(formula): \(element)")
    }
  }

  /// The root's branch is not taken in the steps in which its argument is negative, and no unit mixes with another.
  @Test func parametersOfACell() throws {
    let graph = try loweredGraph(
      of: """
        cell C(I, H) {
            param W: [H, I], U: [H, H] = normal(1)
            param v: [H] = ones
            input x: [I]
            state h: [H]
            a = W @ x + U @ h
            h' = where(a > 0.05, log(1 + v * sqrt(a - 0.05)), tanh(a))
            output h'
        }
        model M { input x: seq [2]; r = C(2, 3); y = r(x); output y; loss sum(square(last(y))) + mean(last(y)) }
        """)
    var random = SplitMix64(seed: 9)
    var inputs = randomInputs(for: graph, sizes: [.batch: 4, .steps: 3], using: &random)
    inputs["r.v"] = DenseArray(.f64, [3], [0.5, 1, 0.75])
    try checkedGradients(of: graph, inputs)
  }

  /// Numbers behind the end of a sequence may be anything.
  @Test(arguments: [Double.nan, .infinity]) func behindTheEnd(filler: Double) throws {
    let graph = try loweredGraph(
      of: """
        model M(H = 3) {
            input x: seq [2], v: seq [2]
            target y: seq [2]
            r = GRU(2, H)
            o = Linear(H, 2)
            z = o(r(x)) + sqrt(v) + 1 / v
            output z, w = softmax_steps(v)
            loss mse(z, y) + repeat(sum(log(last(v))), like: z)
        }
        """, ragged: ["T"])
    var random = SplitMix64(seed: 5)
    let (batch, steps, lengths) = (3, 4, [4, 1, 2])
    var inputs = randomInputs(for: graph, sizes: [.batch: batch, .steps: steps], using: &random)
    inputs["x.lengths"] = DenseArray(.i32, [batch], lengths.map(Double.init))
    inputs["v"] = DenseArray(.f64, inputs["v"]!.shape, inputs["v"]!.numbers.map { 1.5 + $0 })
    let expected = try gradients(of: graph, inputs)
    for name in ["x", "v", "y"] {
      let array = try #require(inputs[name])
      let numbers = array.numbers.enumerated().map { place, number in
        place / (2 * batch) < lengths[place / 2 % batch] ? number : filler
      }
      inputs[name] = DenseArray(.f64, array.shape, numbers)
    }
    let found = try gradients(of: graph, inputs)
    for (name, array) in expected { #expect(difference(found[name], array) == 0, "\(name)") }
  }
}
