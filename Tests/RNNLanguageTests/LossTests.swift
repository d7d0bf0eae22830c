import Foundation
import RNNGraph
import RNNInterpreter
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Weighted means, several losses and measures, against sums over examples and steps.
struct LossTests {
  private static let (steps, batch, classes) = (4, 3, 5)
  private static let lengths = [2, 4, 0]

  /// Logits and targets `[T, B]`, drawn once.
  private let logits: [[[Double]]]
  private let targets: [[Int]]

  init() {
    var random = SplitMix64(seed: 11)
    logits = (0..<Self.steps).map { _ in
      (0..<Self.batch).map { _ in (0..<Self.classes).map { _ in 4 * random.unit() - 2 } }
    }
    targets = (0..<Self.steps).map { _ in (0..<Self.batch).map { _ in random.below(Self.classes) } }
  }

  private func inputs(isRagged: Bool) -> [String: DenseArray] {
    var inputs = [
      "x": DenseArray(.f64, [Self.steps, Self.batch, Self.classes], logits.flatMap { $0.flatMap { $0 } }),
      "t": DenseArray(.i32, [Self.steps, Self.batch], targets.flatMap { $0.map(Double.init) }),
    ]
    if isRagged { inputs["x.lengths"] = DenseArray(.i32, [Self.batch], Self.lengths.map(Double.init)) }
    return inputs
  }

  private func places(isRagged: Bool) -> [(step: Int, example: Int)] {
    (0..<Self.steps).flatMap { step in
      (0..<Self.batch).filter { !isRagged || step < Self.lengths[$0] }.map { (step, $0) }
    }
  }

  /// −Σ q log p where the target is spread, and its derivative by the logits.
  private func entropy(_ x: [Double], _ target: Int, smoothing: Double) -> (value: Double, slope: [Double]) {
    let sum = x.map { exp($0) }.reduce(0, +)
    var (value, slope) = (0.0, [Double](repeating: 0, count: x.count))
    for k in x.indices {
      let q = smoothing / Double(x.count) + (k == target ? 1 - smoothing : 0)
      value -= q * (x[k] - log(sum))
      slope[k] = exp(x[k]) / sum - q
    }
    return (value, slope)
  }

  private func model(_ statements: String, ragged: Bool) throws -> Graph {
    try loweredGraph(
      of: """
        model M(V = \(Self.classes)) {
            const rare[i]: [V] = where(i == 2, 0, 1 / (i + 1))
            input x: seq [V]
            target t: seq token(V)
            \(statements)
        }
        """, ragged: ragged ? ["T"] : [])
  }

  private static let weightings: [(text: String, weight: @Sendable (Int) -> Double)] = [
    ("t != 0", { $0 == 0 ? 0 : 1 }), ("rare[t]", { $0 == 2 ? 0 : 1 / Double($0 + 1) }), ("0.5", { _ in 0.5 }),
    ("where(t < 0, 1, 0)".replacing("t < 0", with: "x[0] > 100"), { _ in 0 }),
  ]

  /// What PyTorch calls `ignore_index`, `weight` and `label_smoothing`: values, derivatives, and the sums by which batches count.
  @Test(arguments: [0, 1, 2, 3], [(0, false), (0.1, true), (1, false)] as [(Double, Bool)])
  func weightedCrossEntropy(weighting: Int, options: (smoothing: Double, isRagged: Bool)) throws {
    let (text, weight) = Self.weightings[weighting]
    let (smoothing, isRagged) = options
    let label = smoothing == 0 ? "" : ", smoothing: \(smoothing)"
    let graph = try model("loss cross_entropy(x, t\(label)), weights: \(text)", ragged: isRagged)
    var (sum, total) = (0.0, 0.0)
    var gradient = [Double](repeating: 0, count: Self.steps * Self.batch * Self.classes)
    for (step, example) in places(isRagged: isRagged) {
      let target = targets[step][example]
      let (value, slope) = entropy(logits[step][example], target, smoothing: smoothing)
      sum += weight(target) * value
      total += weight(target)
      for k in 0..<Self.classes {
        gradient[(step * Self.batch + example) * Self.classes + k] = weight(target) * slope[k]
      }
    }
    let count = total == 0 ? 1 : total
    let results = try checkedGradients(of: graph, inputs(isRagged: isRagged))
    #expect(difference(results["loss"], DenseArray(.f64, scalar: sum / count)) < 1e-14)
    #expect(difference(results["loss@weight"], DenseArray(.f64, scalar: total)) < 1e-14)
    #expect(
      difference(
        results["grad.x"],
        DenseArray(.f64, [Self.steps, Self.batch, Self.classes], gradient.map { $0 / count })) < 1e-14)
    // The accuracy counts as the loss does.
    #expect(graph.weight(ofOutput: "accuracy")?.value != nil)
    let hits = places(isRagged: isRagged).filter { step, example in
      let x = logits[step][example]
      return x.firstIndex(of: x.max() ?? 0) == targets[step][example]
    }.reduce(0) { $0 + weight(targets[$1.step][$1.example]) }
    #expect(difference(results["accuracy"], DenseArray(.f64, scalar: hits / count)) < 1e-14)
    #expect(results["loss"]?.numbers[0].isFinite == true)
  }

  /// What has no weight is left out even if it is not a number, and so is its derivative.
  @Test func whatHasNoWeightMayBeAnything() throws {
    let graph = try loweredGraph(
      of: "model M { param a: [] = ones; input x: seq [], w: seq []; loss a * log(x), weights: w }")
    let results = try gradients(
      of: graph,
      [
        "a": DenseArray(.f64, scalar: 2), "x": DenseArray(.f64, [3, 1], [-1, 2, 0]),
        "w": DenseArray(.f64, [3, 1], [0, 3, 0]),
      ])
    #expect(difference(results["loss"], DenseArray(.f64, scalar: 2 * log(2))) < 1e-15)
    #expect(difference(results["grad.a"], DenseArray(.f64, scalar: log(2))) < 1e-15)
    #expect(difference(results["grad.x"], DenseArray(.f64, [3, 1], [0, 1, 0])) < 1e-15)
  }

  /// The sum of losses over other things, each with its own mean; and measures, of numbers and of masks.
  @Test(arguments: [false, true]) func severalLossesAndMeasures(isRagged: Bool) throws {
    let graph = try model(
      """
      loss words = cross_entropy(x, t), weights: t != 0
          loss ends = 0.5 * square(last(x)[1])
          loss smooth = 0.1 * mean(square(x))
          measure far = norm(x), weights: rare[t]
          measure accuracy = argmax(x) == t
          measure high = max(last(x)) > 1
      """, ragged: isRagged)
    let results = try checkedGradients(of: graph, inputs(isRagged: isRagged))
    func mean(_ value: (Int, Int) -> Double, _ weight: (Int) -> Double = { _ in 1 }) -> Double {
      var (sum, total) = (0.0, 0.0)
      for (step, example) in places(isRagged: isRagged) {
        sum += weight(targets[step][example]) * value(step, example)
        total += weight(targets[step][example])
      }
      return sum / total
    }
    func ends(_ value: ([Double]) -> Double) -> Double {
      (0..<Self.batch).map { example in
        let length = isRagged ? Self.lengths[example] : Self.steps
        return value(length == 0 ? [0, 0, 0, 0, 0] : logits[length - 1][example])
      }.reduce(0, +) / Double(Self.batch)
    }
    func squares(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 } }
    func isRight(_ step: Int, _ example: Int) -> Double {
      let x = logits[step][example]
      return x.firstIndex(of: x.max() ?? 0) == targets[step][example] ? 1 : 0
    }
    func entropies(_ step: Int, _ example: Int) -> Double {
      entropy(logits[step][example], targets[step][example], smoothing: 0).value
    }
    var expected: [String: Double] = [:]
    expected["words"] = mean(entropies, { $0 == 0 ? 0 : 1 })
    expected["ends"] = ends { 0.5 * $0[1] * $0[1] }
    expected["smooth"] = mean { 0.02 * squares(logits[$0][$1]) }
    expected["far"] = mean({ squares(logits[$0][$1]).squareRoot() }, { $0 == 2 ? 0 : 1 / Double($0 + 1) })
    expected["accuracy"] = mean(isRight)
    expected["high"] = ends { ($0.max() ?? 0) > 1 ? 1 : 0 }
    for (name, number) in expected {
      #expect(difference(results[name], DenseArray(.f64, scalar: number)) < 1e-14, "\(name)")
    }
    let sum = ["words", "ends", "smooth"].compactMap { expected[$0] }.reduce(0, +)
    #expect(difference(results["loss"], DenseArray(.f64, scalar: sum)) < 1e-14)
    #expect(graph.outputs.filter { $0.role == .term }.map(\.name) == ["words", "ends", "smooth"])
    #expect(graph.output(named: "ends")?.over == [.batch] && graph.loss?.over == [.batch])
    #expect(graph.outputs.filter { $0.role == .metric }.map(\.name) == ["far", "accuracy", "high"])
    #expect(graph.weight(ofOutput: "loss") == nil && graph.weight(ofOutput: "words") != nil)
  }

  @Test func aWordOfAStatementIsANameElsewhere() throws {
    let graph = try loweredGraph(
      of:
        "model M { input x: []; measure = x; const = 2 * measure; weights = const; output weights, measure }")
    let results = try Interpreter(graph).run(inputs: ["x": DenseArray(.f64, [1], [3])])
    #expect(results["weights"]?.numbers == [6] && results["measure"]?.numbers == [3])
  }

  /// A loss of the standard library at three points.
  private static let elementwise: [(call: String, y: [Double], expected: [Double])] = [
    ("huber(x, y, 0.5)", [0, 0, 0], [0.045, 1.375, 399.875]),
    ("binary_cross_entropy(x, y)", [0, 0.5, 0], [log1p(exp(0.3)), log1p(exp(3)) - 1.5, 800]),
    ("hinge(x, y)", [0, 1, -1], [1, 0, 801]),
  ]

  /// Where they are smooth, and far out.
  @Test(arguments: [0, 1, 2]) func elementwiseLosses(number: Int) throws {
    let (call, y, expected) = Self.elementwise[number]
    let graph = try loweredGraph(of: "model M { input x: [3], y: [3]; output far = \(call) }")
    let inputs = ["x": DenseArray(.f64, [1, 3], [0.3, 3, 800]), "y": DenseArray(.f64, [1, 3], y)]
    let results = try Interpreter(graph).run(inputs: inputs)
    #expect(difference(results["far"], DenseArray(.f64, [1, 3], expected)) < 1e-12)
  }

  @Test func mixtures() throws {
    let graph = try loweredGraph(
      of: "model M { input a: [3], m: [3], s: [3], y: []; loss mixture_loss(a, m, s, y) }")
    let (a, m, s) = ([0.5, -1, 2], [0.3, -2, 1.5], [0.1, -1, 0.7])
    let batch = [0.25, -1.75]
    var expected = 0.0
    for y in batch {
      let total = a.map { exp($0) }.reduce(0, +)
      var density = 0.0
      for i in 0..<3 {
        let deviation = exp(s[i])
        let z = (y - m[i]) / deviation
        let height = exp(-z * z / 2) / (deviation * (2 * Double.pi).squareRoot())
        density += exp(a[i]) / total * height
      }
      expected -= log(density) / 2
    }
    let results = try checkedGradients(
      of: graph,
      [
        "a": DenseArray(.f64, [2, 3], a + a), "m": DenseArray(.f64, [2, 3], m + m),
        "s": DenseArray(.f64, [2, 3], s + s), "y": DenseArray(.f64, [2], batch),
      ])
    #expect(difference(results["loss"], DenseArray(.f64, scalar: expected)) < 1e-14)
  }
}
