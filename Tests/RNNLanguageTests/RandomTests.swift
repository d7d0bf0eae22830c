import RNNGraph
import RNNInterpreter
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
}
