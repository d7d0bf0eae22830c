import RNNGraph
import RNNInterpreter
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Ragged sequences: each example is computed as if it stood alone, at its own length.
struct RaggedTests {
  /// Two numbers of steps, both directions, a stack, states handed on, and a decoder with attention.
  private static let text = """
    cell Attend(H) {
        param W: [H, H] = normal(1)
        input query: [H], memory: seq [H]
        w = softmax_steps(dot(repeat(W @ query, like: memory), memory))
        output total(w * memory) + last(memory)
    }
    cell Decoder(H) {
        attend = Attend(H)
        inner = GRU(H, H)
        input x: [H], memory: seq [H]
        state h: [H], S: [H, H]
        S' = 0.5 * S + outer(x, attend(x, memory))
        h' = inner(x + logsumexp(S', over: columns)) + S' @ h + last(reverse(memory))
        output h', sum(h)
    }
    model M(H = 2) {
        input  x: seq(S) [2], v: [H], y: seq [H], t: seq token(3)
        target z: seq []
        param E: [3, H] = normal(1)
        forward = GRU(2, H)
        backward = LSTM(2, H)
        decode = Decoder(H)
        attend = Attend(H)
        f = forward(x)
        memory = f + reverse(backward(reverse(x)))
        d, s = decode(y + E[reverse(t)] + repeat(v, like: y), memory)
        w = softmax_steps(s)
        output memory, d, w, a = attend(d, memory), k = last(d), n = total(s) + sum(forward.h'), r = reverse(t)
        output i = last(t), e = exp(y), c = backward.c'
        loss square(mean(d) - z) * w + s * repeat(sum(last(memory)), like: s) + 0.1 * sum(attend(d, memory))
    }
    """

  /// The lengths of five examples: none, one and all steps, and others.
  private static let lengths = ["x": [4, 1, 2, 4, 3], "y": [3, 2, 3, 1, 2]]

  @Test func examplesComputeWhatTheyDoAlone() throws {
    let ragged = try loweredGraph(of: Self.text, ragged: ["S", "T"])
    let plain = try loweredGraph(of: Self.text)
    #expect(ragged.inputs.map(\.name).filter { $0.hasSuffix(".lengths") } == ["x.lengths", "y.lengths"])
    let batch = 5
    var random = SplitMix64(seed: 3)
    var inputs = randomInputs(for: ragged, sizes: [.batch: batch, .steps: 3, Symbol("S"): 4], using: &random)
    for (name, lengths) in Self.lengths {
      inputs["\(name).lengths"] = DenseArray(.i32, [batch], lengths.map(Double.init))
    }
    let results = try checkedGradients(of: ragged, inputs)

    var total = 0.0
    var sums: [String: [Double]] = [:]
    let count = Double(try #require(Self.lengths["y"]).reduce(0, +))
    for example in 0..<batch {
      let (s, t) = (Self.lengths["x"]![example], Self.lengths["y"]![example])
      let sizes = ["S": s, "T": t]
      var alone: [String: DenseArray] = [:]
      for input in plain.inputs {
        alone[input.name] = inputs[input.name]?.example(example, of: batch, plain.type(input.value), sizes)
      }
      let expected = try gradients(of: plain, alone)
      total += try #require(expected["loss"]).numbers[0] * Double(t) / count
      for output in plain.outputs where output.role != .loss {
        let type = plain.type(output.value)
        let found = try #require(results[output.name])
        let part = found.example(example, of: batch, type, sizes)
        #expect(difference(part, expected[output.name]) < 1e-12, "\(output.name) of example \(example)")
        #expect(found.isZeroBehind(example, of: batch, type, sizes), "\(output.name) of example \(example)")
      }
      for input in plain.inputs {
        guard let gradient = expected["grad.\(input.name)"] else { continue }
        let scaled = gradient.numbers.map { $0 * Double(t) / count }
        if case .parameter = input.role {
          sums[input.name] = zip(sums[input.name] ?? scaled.map { _ in 0 }, scaled).map(+)
        } else {
          let type = plain.type(input.value)
          let found = try #require(results["grad.\(input.name)"])
          #expect(
            difference(
              found.example(example, of: batch, type, sizes), DenseArray(.f64, gradient.shape, scaled))
              < 1e-12)
          #expect(found.isZeroBehind(example, of: batch, type, sizes))
        }
      }
    }
    #expect(abs(try #require(results["loss"]).numbers[0] - total) < 1e-12)
    #expect(sums.keys.contains("decode.attend.W"))
    for (name, expected) in sums {
      let found = try #require(results["grad.\(name)"])
      #expect(difference(found, DenseArray(.f64, found.shape, expected)) < 1e-12, "\(name)")
    }

    // What stands behind the valid steps does not matter, be it a NaN.
    for (name, steps) in [("x", "x"), ("y", "y"), ("z", "y")] {
      let array = try #require(inputs[name])
      inputs[name] = array.spoiled(behind: Self.lengths[steps]!)
    }
    let spoiled = try gradients(of: ragged, inputs)
    for (name, result) in results { #expect(difference(spoiled[name], result) == 0, "\(name)") }
  }

  @Test func sequencesWithoutStepsGiveZerosAndInitialStates() throws {
    let ragged = try loweredGraph(of: Self.text, ragged: ["S", "T"])
    var random = SplitMix64(seed: 4)
    var inputs = randomInputs(for: ragged, sizes: [.batch: 3, .steps: 2, Symbol("S"): 2], using: &random)
    inputs["x.lengths"] = DenseArray(.i32, [3], [0, 2, 0])
    inputs["y.lengths"] = DenseArray(.i32, [3], [2, 0, 0])
    let results = try checkedGradients(of: ragged, inputs)
    func rows(_ name: String, _ example: Int) throws -> [Double] {
      let array = try #require(results[name])
      return array.example(
        example, of: 3, TensorType(.f64, [.batch] + array.shape.dropFirst().map { .fixed($0) }), [:]
      ).numbers
    }
    for example in [0, 2] {
      #expect(
        try rows("c", example)
          == inputs["backward.c"]!.example(example, of: 3, TensorType(.f64, [.batch, 2]), [:]).numbers)
    }
    for example in [1, 2] {
      #expect(try rows("k", example) == [0, 0])
      #expect(try rows("i", example) == [0])
      #expect(
        try rows("decode.h", example)
          == inputs["decode.h"]!.example(example, of: 3, TensorType(.f64, [.batch, 2]), [:]).numbers)
    }
    #expect(results.values.allSatisfy { $0.numbers.allSatisfy(\.isFinite) })

    // A batch without any step has a loss of 0.
    inputs["y.lengths"] = DenseArray(.i32, [3], [0, 0, 0])
    let empty = try checkedGradients(of: ragged, inputs)
    #expect(empty["loss"]?.numbers == [0])
    #expect(empty["grad.decode.inner.W"]?.numbers.allSatisfy { $0 == 0 } == true)
  }

  @Test func aNumberOfStepsThatNoSequenceHasIsRefused() {
    for (text, note) in [
      (
        "model M {\n input x: seq [], y: seq(S) []\n output x, y\n}",
        "the numbers of steps of its sequences are T, S"
      ),
      ("model M {\n input x: []\n output x\n}", "it has no sequences"),
    ] {
      do throws(DiagnosticError) {
        _ = try Frontend().lower(SourceFile(name: "a.rnn", text: text), ragged: ["U"])
        Issue.record("there is no sequence of U steps")
      } catch {
        #expect(error.description == "error: model 'M' has no sequence of U steps\nnote: \(note)\n")
      }
    }
  }

  @Test func lengthsAreCalledByTheFirstDataOfTheirSteps() throws {
    let text =
      "model M {\n target t: seq []\n input v: [], x: seq []\n target u: seq(S) []\n output x\n loss square(x - t)\n}"
    let inputs = try loweredGraph(of: text, ragged: ["S", "T"]).inputs.filter {
      $0.name.hasSuffix(".lengths")
    }
    #expect(inputs.map(\.name) == ["u.lengths", "x.lengths"])
    #expect(inputs.map(\.role) == [.lengths(of: Symbol("S")), .lengths(of: .steps)])
  }
}

extension DenseArray {
  /// The offsets of an example's elements, and whether each is in a valid step.
  private func places(
    _ example: Int, of batch: Int, _ type: TensorType, _ lengths: [String: Int]
  ) -> [(offset: Int, isValid: Bool)] {
    guard let axis = type.shape.firstIndex(of: .batch) else { return numbers.indices.map { ($0, true) } }
    let inner = type.shape.dropFirst(axis + 1).reduce(1) { $0 * ($1.fixed ?? 1) }
    let steps = axis == 0 ? 1 : numbers.count / (batch * inner)
    let length = axis == 0 ? 1 : type.shape[0].symbol.flatMap { lengths[$0.name] } ?? steps
    return (0..<steps).flatMap { step in
      (0..<inner).map { ((step * batch + example) * inner + $0, step < length) }
    }
  }

  /// The elements of an example at its valid steps.
  fileprivate func example(_ example: Int, of batch: Int, _ type: TensorType, _ lengths: [String: Int])
    -> DenseArray
  {
    let kept = places(example, of: batch, type, lengths).filter(\.isValid).map { numbers[$0.offset] }
    let shape = type.shape.map { dimension in
      dimension.fixed ?? (dimension == .batch ? 1 : dimension.symbol.flatMap { lengths[$0.name] } ?? 1)
    }
    return DenseArray(element, shape, kept)
  }

  fileprivate func isZeroBehind(_ example: Int, of batch: Int, _ type: TensorType, _ lengths: [String: Int])
    -> Bool
  {
    places(example, of: batch, type, lengths).allSatisfy { $0.isValid || numbers[$0.offset] == 0 }
  }

  /// The array `[T, B, …]` with NaN at each step that is not valid.
  fileprivate func spoiled(behind lengths: [Int]) -> DenseArray {
    var numbers = numbers
    let width = shape.dropFirst(2).reduce(1, *)
    for i in numbers.indices where i / (width * shape[1]) >= lengths[i / width % shape[1]] {
      numbers[i] = .nan
    }
    return DenseArray(element, shape, numbers)
  }
}
