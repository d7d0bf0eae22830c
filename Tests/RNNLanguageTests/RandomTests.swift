import RNNGraph
import RNNInterpreter
import RNNPasses
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Draws of training, and what stands for them outside of it.
struct RandomTests {
  private static let text = """
    cell Zoneout {
        param w: [4] = ones
        input x: [4], memory: seq [4]
        state h: [4]
        z = bernoulli(0.25, like: h)
        h' = z * h + (1 - z) * x
        output h', z, bernoulli(0.5, like: w), total(bernoulli(0.5, like: memory))
    }
    cell Layer {
        input x: [4]
        output dropout(x, 0.5)
    }
    model M {
        input x: seq [4], v: [4]
        zone = Zoneout()
        layer = Layer()
        again = Layer()
        h, z, w, m = zone(x, x)
        output h, z, w, m, a = layer(x), b = again(x), c = layer(x), d = layer(v), e = dropout(v, 0)
        output f = bernoulli(1, like: v), g = bernoulli(0, like: x), keep = bernoulli(0.9, like: x)
        loss sum(h * layer(x))
    }
    """

  private func inputs(_ graph: Graph, steps: Int, seed: Double) -> [String: DenseArray] {
    var inputs: [String: DenseArray] = [
      "x": DenseArray(.f64, [steps, 8, 4], repeating: 1), "v": DenseArray(.f64, [8, 4], repeating: 3),
      "zone.h": DenseArray(.f64, [8, 4], repeating: 0), "zone.w": DenseArray(.f64, [4], repeating: 1),
    ]
    if graph.input(named: "seed") != nil { inputs["seed"] = DenseArray(.i32, scalar: seed) }
    return inputs
  }

  private func mean(_ array: DenseArray?) throws -> Double {
    let numbers = try #require(array).numbers
    return numbers.reduce(0, +) / Double(numbers.count)
  }

  @Test func drawsHaveTheirProbabilitiesAndDoNotRepeat() throws {
    let graph = try loweredGraph(of: Self.text, isTraining: true)
    #expect(graph.input(named: "seed").map(\.role) == .seed)
    let outputs = try Interpreter(graph).run(inputs: inputs(graph, steps: 200, seed: 7))
    // 6,400 draws: four standard deviations are at most 0.025.
    #expect(abs(try mean(outputs["z"]) - 0.25) < 0.025)
    #expect(abs(try mean(outputs["a"]) - 1) < 0.05)
    #expect(abs(try mean(outputs["keep"]) - 0.9) < 0.025)
    #expect(outputs["a"].map { Set($0.numbers) } == [0, 2])
    #expect(outputs["d"].map { Set($0.numbers) } == [0, 6])
    #expect(outputs["e"]?.numbers.allSatisfy { $0 == 3 } == true)
    #expect(outputs["f"]?.numbers.allSatisfy { $0 == 1 } == true)
    #expect(outputs["g"]?.numbers.allSatisfy { $0 == 0 } == true)
    // Each application draws anew, and so does each step, example and element.
    let layers = try ["a", "b", "c"].map { try #require(outputs[$0]).numbers }
    for (p, q) in [(0, 1), (0, 2), (1, 2)] {
      let same = zip(layers[p], layers[q]).count { $0 == $1 }
      #expect(abs(Double(same) / 6400 - 0.5) < 0.025)
    }
    let z = try #require(outputs["z"]).numbers
    for distance in [1, 4, 32] {
      let both = zip(z, z.dropFirst(distance)).count { $0 == 1 && $1 == 1 }
      #expect(abs(Double(both) / 6400 - 0.0625) < 0.0125)
    }
    // A draw like a parameter is one for all examples and steps, one like a whole sequence differs in every step.
    let w = try #require(outputs["w"]).numbers
    #expect(w.indices.allSatisfy { w[$0] == w[$0 % 4] })
    let m = try #require(outputs["m"]).numbers
    #expect(Set(stride(from: 0, to: m.count, by: 32).map { m[$0] }).count > 10)
    #expect(abs(try mean(outputs["m"]) - 100) < 1)
  }

  @Test func theSeedDecides() throws {
    let graph = try loweredGraph(of: Self.text, isTraining: true)
    let first = try Interpreter(graph).run(inputs: inputs(graph, steps: 6, seed: 1))
    let again = try Interpreter(graph).run(inputs: inputs(graph, steps: 6, seed: 1))
    let other = try Interpreter(graph).run(inputs: inputs(graph, steps: 6, seed: 2))
    #expect(first == again)
    #expect(first["z"] != other["z"])
    #expect(first["a"] != other["a"])
    // The draws of a step do not depend on how many follow.
    let longer = try Interpreter(graph).run(inputs: inputs(graph, steps: 9, seed: 1))
    for name in ["z", "a", "h"] {
      let (short, long) = (try #require(first[name]), try #require(longer[name]))
      #expect(short.numbers[...] == long.numbers.prefix(short.numbers.count))
    }
  }

  @Test func gradientsAreThoseOfTheDraws() throws {
    let graph = try loweredGraph(of: Self.text, isTraining: true)
    var arguments = inputs(graph, steps: 3, seed: 3)
    var random = SplitMix64(seed: 2)
    for name in ["x", "zone.h"] {
      arguments[name] = arguments[name].map { array in
        DenseArray(.f64, array.shape, array.numbers.map { _ in Double.random(in: -1...1, using: &random) })
      }
    }
    try checkedGradients(of: graph, arguments)
  }

  @Test func outsideOfTrainingADrawIsItsMean() throws {
    let graph = try loweredGraph(of: Self.text)
    #expect(graph.input(named: "seed") == nil)
    let outputs = try Interpreter(graph).run(inputs: inputs(graph, steps: 2, seed: 0))
    let expected = ["z": 0.25, "w": 0.5, "m": 1, "a": 1, "d": 3, "e": 3, "f": 1, "g": 0, "keep": 0.9]
    for (name, value) in expected {
      #expect(outputs[name]?.numbers.allSatisfy { $0 == value } == true, "\(name)")
    }
    // In f32, too, dropout changes no bit.
    let source = SourceFile(
      name: "a.rnn", text: "model M {\n input x: [3]\n output y = dropout(x, 0.3)\n}")
    let narrow = try Frontend().lower(source).graph
    let x = DenseArray(.f32, [1, 3], [0.1, -1e30, 1e-40])
    #expect(try Interpreter(narrow).run(inputs: ["x": x])["y"] == x)
  }

  // MARK: Numbers that are not 0 or 1

  private static let numbers = """
    cell Noise {
        input x: [4], p: [4]
        state h: [4]
        h' = normal(like: x)
        output h', uniform(like: x), onehot(sample(x)), gumbel_softmax(x, 0.5), bernoulli(p, like: x)
    }
    model M {
        input x: seq [4], p: seq [4], v: [4]
        noise = Noise()
        n, u, s, g, b = noise(x, p)
        output n, u, s, g, b, other = normal(like: x), single = normal(like: v), q = training
        loss sum(where(training > 0, n, x) * x) + dot(g, x) + mean(b)
    }
    """

  /// Logits and probabilities of the draws.
  private let logits = [0.0, 1, -1, 0.5]
  private let shares = [0.1, 0.5, 0.9, 0.25]

  private func draws(_ element: ElementType, steps: Int, seed: Double) throws -> [String: DenseArray] {
    let source = SourceFile(name: "a.rnn", text: Self.numbers)
    let graph = try Frontend().lower(source, element: element, isTraining: true).graph
    try graph.verify()
    let places = steps * 8
    return try Interpreter(graph).run(inputs: [
      "x": DenseArray(element, [steps, 8, 4], (0..<places).flatMap { _ in logits }),
      "p": DenseArray(element, [steps, 8, 4], (0..<places).flatMap { _ in shares }),
      "v": DenseArray(element, [8, 4], repeating: 0), "noise.h": DenseArray(element, [8, 4], repeating: 0),
      "seed": DenseArray(.i32, scalar: seed),
    ])
  }

  @Test(arguments: [ElementType.f32, .f64]) func numbersHaveTheirDistributions(_ element: ElementType) throws
  {
    let found = try draws(element, steps: 1500, seed: 11)
    func numbers(_ name: String) throws -> [Double] { try #require(found[name]).numbers }
    func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
    // 48,000 draws; four standard deviations of each estimate.
    let (n, u, other) = try (numbers("n"), numbers("u"), numbers("other"))
    for x in [n, other] {
      #expect(abs(mean(x)) < 0.019)
      #expect(abs(mean(x.map { $0 * $0 }) - 1) < 0.026)
      #expect(abs(mean(x.map { $0 * $0 * $0 })) < 0.071)
      #expect(abs(mean(x.map { $0 * $0 * $0 * $0 }) - 3) < 0.18)
      #expect(x.map(abs).max()! < 5.77)
      for (bound, share) in [(1, 0.158655), (2, 0.0227501), (3, 0.00134990)] {
        let slack = 4 * (share / Double(x.count)).squareRoot()
        #expect(abs(mean(x.map { $0 > Double(bound) ? 1 : 0 }) - share) < slack)
        #expect(abs(mean(x.map { $0 < -Double(bound) ? 1 : 0 }) - share) < slack)
      }
    }
    #expect(abs(mean(u) - 0.5) < 0.0053 && u.allSatisfy { (0..<1).contains($0) })
    #expect(abs(mean(u.map { ($0 - 0.5) * ($0 - 0.5) }) - 1 / 12.0) < 0.0014)
    // Calls, steps, examples and elements do not depend on each other.
    for distance in [1, 2, 4, 32, 64] {
      for x in [n, other] {
        #expect(abs(mean(zip(x, x.dropFirst(distance)).map { $0 * $1 })) < 0.019)
        #expect(abs(mean(zip(x, x.dropFirst(distance)).map { $0 * $0 * $1 * $1 }) - 1) < 0.052)
      }
    }
    #expect(abs(mean(zip(n, other).map { $0 * $1 })) < 0.019)
    #expect(abs(mean(zip(n, u).map { $0 * ($1 - 0.5) })) < 0.0053)
    let single = try numbers("single")
    #expect(Set(single).count == single.count)

    let powers = logits.map(UnaryFunction.exp.evaluate)
    let (tokens, soft, bits) = try (numbers("s"), numbers("g"), numbers("b"))
    for place in 0..<4 {
      let share = powers[place] / powers.reduce(0, +)
      func column(_ x: [Double]) -> [Double] {
        stride(from: place, to: x.count, by: 4).map { x[$0] }
      }
      #expect(abs(mean(column(tokens)) - share) < 4 * (share * (1 - share) / 12_000).squareRoot())
      // The greatest of softened weights is at a place as often as the token.
      let rows = stride(from: 0, to: soft.count, by: 4).map { Array(soft[$0..<($0 + 4)]) }
      let greatest = rows.map { $0[place] == $0.max() ? 1.0 : 0 }
      #expect(abs(mean(greatest) - share) < 4 * (share * (1 - share) / 12_000).squareRoot())
      #expect(rows.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-5 })
      let p = shares[place]
      #expect(abs(mean(column(bits)) - p) < 4 * (p * (1 - p) / 12_000).squareRoot())
    }
    #expect(try numbers("q") == [1])
  }

  @Test func outsideOfTrainingNumbersAreTheirMiddles() throws {
    let graph = try loweredGraph(of: Self.numbers)
    #expect(graph.input(named: "seed") == nil)
    let found = try Interpreter(graph).run(inputs: [
      "x": DenseArray(.f64, [1, 1, 4], logits), "p": DenseArray(.f64, [1, 1, 4], shares),
      "v": DenseArray(.f64, [1, 4], repeating: 0), "noise.h": DenseArray(.f64, [1, 4], repeating: 0),
    ])
    let powers = logits.map { UnaryFunction.exp.evaluate(2 * $0) }
    let expected = [
      "n": [0, 0, 0, 0], "other": [0, 0, 0, 0], "single": [0, 0, 0, 0], "u": [0.5, 0.5, 0.5, 0.5],
      "s": [0, 1, 0, 0], "g": powers.map { $0 / powers.reduce(0, +) }, "b": shares, "q": [0],
    ]
    for (name, values) in expected {
      let numbers = try #require(found[name]).numbers
      #expect(zip(numbers, values).allSatisfy { abs($0 - $1) < 1e-15 }, "\(name): \(numbers)")
    }
  }

  /// Draws are numbers like others to the derivative: of what they are multiplied by, and of a temperature.
  @Test(arguments: [false, true]) func gradientsAreThoseOfTheNumbers(isTraining: Bool) throws {
    let graph = try loweredGraph(of: Self.numbers, isTraining: isTraining)
    var random = SplitMix64(seed: 5)
    let inputs = randomInputs(for: graph, sizes: [.batch: 2, .steps: 3], using: &random)
    let results = try gradients(of: graph, inputs)
    // What is drawn does not change with the probability; where nothing is drawn, the probability stands for it.
    let isFlat = try #require(results["grad.p"]).numbers.allSatisfy { $0 == 0 }
    #expect(isFlat == isTraining)
    guard isTraining else {
      try checkedGradients(of: graph, inputs)
      return
    }
    var held = inputs
    held["p"] = inputs["p"].map { DenseArray(.f64, $0.shape, repeating: 0.5) }
    try checkedGradients(of: graph, held)
  }

  /// A printed graph of training computes outside of it what the model computes.
  @Test func aGraphWithoutDrawsHasTheSameMiddles() throws {
    let text = Self.numbers.replacing(", q = training", with: "").replacing("training > 0", with: "x[0] > 0")
    let expected = try loweredGraph(of: text)
    let graph = try loweredGraph(of: text, isTraining: true).withoutDraws()
    var random = SplitMix64(seed: 5)
    let inputs = randomInputs(for: expected, sizes: [.batch: 2, .steps: 3], using: &random)
    #expect(try Interpreter(graph).run(inputs: inputs) == Interpreter(expected).run(inputs: inputs))
  }
}
