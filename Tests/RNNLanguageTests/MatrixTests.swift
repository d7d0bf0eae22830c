import Foundation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Functions that make matrices, or go along an axis of one.
struct MatrixTests {
  /// Runs a model on the vectors `a = [1, 2]` and `b = [3, 5, 7]`, and `m`, two rows of three.
  private func compute(_ expression: String, m: [Double] = [1, 2, 4, 8, 16, 32]) throws -> (
    numbers: [Double], shape: [Int]
  ) {
    let graph = try loweredGraph(
      of: "model M(K = 2, V = 3) { input a: [K], b: [V], m: [K, V]; output y = \(expression) }")
    let inputs = [
      "a": DenseArray(.f64, [1, 2], [1, 2]), "b": DenseArray(.f64, [1, 3], [3, 5, 7]),
      "m": DenseArray(.f64, [1, 2, 3], m),
    ]
    let y = try #require(
      try Interpreter(graph).run(
        inputs: inputs.filter { name, _ in graph.inputs.contains { $0.name == name } })[
          "y"])
    return (y.numbers, Array(y.shape.dropFirst()))
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let numbers: [Double]
    let shape: [Int]

    init(_ expression: String, _ numbers: [Double], _ shape: [Int]) {
      testDescription = expression
      self.numbers = numbers
      self.shape = shape
    }
  }

  private static let expressions: [Case] = [
    Case("outer(a, b)", [3, 5, 7, 6, 10, 14], [2, 3]),
    Case("outer(b, a)", [3, 6, 5, 10, 7, 14], [3, 2]),
    Case("repeat(a, rows: V)", [1, 2, 1, 2, 1, 2], [3, 2]),
    Case("repeat(a, columns: V)", [1, 1, 1, 2, 2, 2], [2, 3]),
    Case("repeat(a, rows: 1)", [1, 2], [1, 2]),
    Case("repeat(a, columns: K / 2)", [1, 2], [2, 1]),
    Case("sum(m, over: rows)", [9, 18, 36], [3]),
    Case("sum(m, over: columns)", [7, 56], [2]),
    Case("mean(m, over: rows)", [4.5, 9, 18], [3]),
    Case("max(-m, over: rows)", [-1, -2, -4], [3]),
    Case("max(m, over: columns)", [4, 32], [2]),
    Case("min(m, over: columns)", [1, 8], [2]),
    Case("min(m, over: rows)", [1, 2, 4], [3]),
    Case("norm(b[:1])", [3], []),
    Case("norm(repeat(concat(b[:1], 4 * a[:1]), rows: 3), over: columns)", [5, 5, 5], [3]),
    Case("norm(repeat(concat(b[:1], 4 * a[:1]), columns: 1), over: rows)", [5], [1]),
    Case("logsumexp(0 * b) - log(3)", [0], []),
    Case("logsumexp(0 * m, over: rows) - log(2)", [0, 0, 0], [3]),
    Case("logsumexp(0 * m, over: columns) - log(3)", [0, 0], [2]),
    Case("softmax(0 * m, over: rows)", [0.5, 0.5, 0.5, 0.5, 0.5, 0.5], [2, 3]),
    Case("3 * softmax(0 * m, over: columns)", [1, 1, 1, 1, 1, 1], [2, 3]),
    Case("log_softmax(0 * m, over: rows) + log(2)", [0, 0, 0, 0, 0, 0], [2, 3]),
    Case("reshape(m, V, K)", [1, 2, 4, 8, 16, 32], [3, 2]),
    Case("reshape(m, K * V)", [1, 2, 4, 8, 16, 32], [6]),
    Case("reshape(b, 1, V, 1)[0]", [3, 5, 7], [3, 1]),
    Case("reshape(m.T, 6)", [1, 8, 2, 16, 4, 32], [6]),
    Case("reshape(2, 1) * a[:1]", [2], [1]),
  ]

  @Test(arguments: expressions) func values(_ wanted: Case) throws {
    let found = try compute(wanted.testDescription)
    #expect(found.shape == wanted.shape)
    #expect(found.numbers.count == wanted.numbers.count)
    #expect(zip(found.numbers, wanted.numbers).allSatisfy { abs($0 - $1) < 1e-15 }, "\(found)")
  }

  @Test func aNumberGivenToAFunctionIsASizeInIt() throws {
    let graph = try loweredGraph(
      of: """
        fn rows(v, n) = repeat(v, rows: 2 * n)
        fn ends(v, n) = concat(v[:n], v[n:])
        fn halves(v, n) = reshape(rows(v, n), n, 2, 3)
        model M(H = 3) { input b: [H]; output y = halves(b, 2), z = ends(b, H - 1), w = rows(b[:1], H) }
        """)
    let found = try Interpreter(graph).run(inputs: ["b": DenseArray(.f64, [1, 3], [3, 5, 7])])
    #expect(found["y"] == DenseArray(.f64, [1, 2, 2, 3], [3, 5, 7, 3, 5, 7, 3, 5, 7, 3, 5, 7]))
    #expect(found["z"]?.numbers == [3, 5, 7])
    #expect(found["w"] == DenseArray(.f64, [1, 6, 1], [3, 3, 3, 3, 3, 3]))
  }

  @Test func softmaxOverColumnsMakesRowsSumToOne() throws {
    let rows = try compute("sum(softmax(m * 100, over: columns), over: columns)").numbers
    let columns = try compute("sum(softmax(m * 100, over: rows), over: rows)").numbers
    #expect((rows + columns).allSatisfy { abs($0 - 1) < 1e-15 })
    let isSame = try compute("log_softmax(m, over: columns)[1] - log_softmax(m[1])").numbers
    #expect(isSame == [0, 0, 0])
  }

  struct Edge: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let a: [Double]
    let value: Double
    let gradient: [Double]

    init(_ formula: String, at a: [Double], _ value: Double, gradient: [Double]) {
      testDescription = formula
      self.a = a
      self.value = value
      self.gradient = gradient
    }
  }

  private static let none = -Double.infinity
  private static let edges: [Edge] = [
    Edge("logsumexp(a)", at: [none, none], none, gradient: [0, 0]),
    Edge("logsumexp(a)", at: [none, 3], 3, gradient: [0, 1]),
    Edge("logsumexp(a)", at: [1000, 1000], 1000.6931471805599453, gradient: [0.5, 0.5]),
    Edge("logsumexp(a)", at: [-1000, -1000], -999.3068528194400547, gradient: [0.5, 0.5]),
    Edge("sum(logsumexp(repeat(a, rows: 2), over: columns))", at: [none, 0], 0, gradient: [0, 2]),
    Edge(
      "max(logsumexp(repeat(a, columns: 2), over: columns))", at: [none, 0], 0.6931471805599453,
      gradient: [0, 1]),
    Edge("norm(a)", at: [0, 0], 0, gradient: [0, 0]),
    Edge("norm(a)", at: [3, -4], 5, gradient: [0.6, -0.8]),
    Edge("sum(norm(outer(a, a), over: rows))", at: [0, 2], 4, gradient: [0, 4]),
  ]

  /// Values and derivatives where the formulas written out have none.
  @Test(arguments: edges) func edge(_ edge: Edge) throws {
    let graph = try loweredGraph(
      of: "model M { input a: [2]; y = \(edge.testDescription); output y; loss y }")
    let found = try gradients(of: graph, ["a": DenseArray(.f64, [1, 2], edge.a)])
    let y = try #require(found["y"]).numbers[0]
    #expect(y == edge.value || abs(y - edge.value) < 1e-12)
    for (element, expected) in zip(try #require(found["grad.a"]).numbers, edge.gradient) {
      #expect(abs(element - expected) < 1e-12)
    }
  }

  @Test func anInfiniteElementIsTheGreatest() throws {
    let found = try compute("logsumexp(m, over: columns)", m: [.infinity, 0, 1, -.infinity, 0, 0])
    #expect(found.numbers[0] == .infinity)
    #expect(abs(found.numbers[1] - log(2)) < 1e-15)
  }

  /// In a cell, on whole sequences, on parameters, and in functions.
  @Test func derivativesAgreeWithDifferences() throws {
    let graph = try loweredGraph(
      of: """
        fn unit(m) = m / repeat(norm(m, over: columns), columns: 3)
        fn flat(m) = reshape(m, 6)
        cell Memory(K, V) {
            param W: [V, K] = normal(1)
            input k: [K], v: [V], all: seq [V]
            state S: [K, V]
            S' = softmax(S, over: columns) + outer(k, v) + outer(k, W @ k)
            scores = logsumexp(outer(all, all), over: rows)
            output sum(S', over: rows) + total(scores), logsumexp(S', over: rows), unit(S')
        }
        model M(K = 2, V = 3) {
            input k: seq [K], v: seq [V], u: [K]
            param P: [K, V] = normal(1)
            memory = Memory(K, V)
            a, b, m = memory(k, v, v)
            c = max(outer(k, v), over: rows) + min(unit(outer(k, v)), over: rows)
            d = flat(outer(v, k)) * repeat(flat(P), like: v) + repeat(norm(P, over: rows)[0], like: v)
            output a, b, m, c, d
            e = log_softmax(P, over: rows) + repeat(u, columns: V) + repeat(mean(P, over: rows), rows: K)
            loss sum(a * b) + sum(c) + norm(d) + mean(flat(m)) + repeat(sum(mean(square(e), over: rows)), like: v)
        }
        """)
    var random = SplitMix64(seed: 3)
    let inputs = randomInputs(for: graph, sizes: [.batch: 2, .steps: 3], using: &random)
    try checkedGradients(of: graph, inputs)
  }

  /// The cell of the reference writes to its memory what that does not give for the key yet.
  @Test func theDeltaRuleIsWhatItsEquationsSay() throws {
    let text = try String(contentsOfFile: "\(Golden.repository)/docs/language.md", encoding: .utf8)
    let cell = try #require(text.components(separatedBy: "\n```\n").first { $0.contains("cell Delta(") })
    let graph = try loweredGraph(
      of: cell + """

        model M(K = 3, V = 4) {
            input q: seq [K], k: seq [K], v: seq [V], beta: seq [], g: seq []
            delta = Delta(K, V)
            y = delta(q, k, v, sigmoid(beta), sigmoid(g))
            output y
            loss sum(square(y))
        }
        """)
    let (batch, steps, K, V) = (2, 5, 3, 4)
    var random = SplitMix64(seed: 7)
    let inputs = randomInputs(for: graph, sizes: [.batch: batch, .steps: steps], using: &random)
    func numbers(_ name: String) throws -> [Double] { try #require(inputs[name]).numbers }
    let (q, k, v) = try (numbers("q"), numbers("k"), numbers("v"))
    let (beta, g) = try (numbers("beta"), numbers("g"))
    var S = try numbers("delta.S")
    var expected: [Double] = []
    for place in 0..<(steps * batch) {
      let first = place % batch * K * V
      let (rate, keep) = (1 / (1 + exp(-beta[place])), 1 / (1 + exp(-g[place])))
      for j in 0..<V {
        let known = (0..<K).reduce(0) { $0 + S[first + $1 * V + j] * k[place * K + $1] }
        let u = rate * (v[place * V + j] - known)
        for i in 0..<K { S[first + i * V + j] = keep * S[first + i * V + j] + k[place * K + i] * u }
        expected.append((0..<K).reduce(0) { $0 + S[first + $1 * V + j] * q[place * K + $1] })
      }
    }
    let results = try checkedGradients(of: graph, inputs)
    #expect(difference(results["y"], DenseArray(.f64, [steps, batch, V], expected)) < 1e-10)
    #expect(difference(results["delta.S"], DenseArray(.f64, [batch, K, V], S)) < 1e-10)
  }
}
