import RNNCompiler
import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLanguage
import RNNPasses
import RNNSupport
import RNNTestSupport
import Testing

/// Attention, ragged sequences and random draws in compiled code, at every level of optimisation.
@Suite("Code and interpreter agree on sequences")
struct SequenceTests {
  static let text = """
    cell Attend(H) {
        param W: [H, H] = normal(1)
        input query: [H], memory: seq [H]
        keys = dropout(W @ memory, 0.25)
        w = softmax_steps(dot(repeat(query, like: memory), keys))
        output total(w * memory) + last(memory)
    }
    cell Decoder(H) {
        attend = Attend(H)
        inner = GRU(H, H)
        input x: [H], memory: seq [H]
        state h: [H], choice: [H], S: [H, 3]
        choice' = onehot(argmax(h))
        z = bernoulli(0.25, like: h)
        S' = softmax(S, over: columns) + 0.1 * outer(h, concat(x[:2], norm(S, over: rows)[:1]))
        h' = z * max(h, S' @ logsumexp(S, over: rows)) + (1 - z) * inner(x + attend(h, memory)) + 0.1 * choice + last(reverse(memory))
        output h', argmax(h)
    }
    model M(H = 9) {
        input  x: seq(S) [2], v: [H], y: seq [H], t: seq token(3)
        target z: seq []
        param E: [3, H] = normal(1)
        forward = GRU(2, H)
        backward = LSTM(2, H)
        decode = Decoder(H)
        attend = Attend(H)
        f = forward(dropout(x, 0.5))
        memory = f + reverse(backward(reverse(x)))
        d, choice = decode(y + E[reverse(t)] + repeat(v, like: y), memory)
        output memory, d, choice, a = attend(d, memory), k = last(d), n = total(d) + forward.h', r = reverse(t)
        output table = reshape(outer(y, y[:6]), 6 * H) * 2, bounds = max(outer(y, y[:6]), over: columns)
        output i = last(t), g = argmax(d), same = where(t != 0, d, 0)
        loss square(mean(d) - z) * where(t == argmax(E[t][:3]), 1, 2) + 0.1 * sum(attend(d, memory))
    }
    """

  @Test(arguments: [false, true], [RNNGraph.ElementType.f32, .f64])
  func agree(isRagged: Bool, element: RNNGraph.ElementType) throws {
    let source = SourceFile(name: "sequences.rnn", text: Self.text)
    let model = try Frontend().lower(
      source, element: element, ragged: isRagged ? ["S", "T"] : [], isTraining: true
    ).graph
    let original = try gradient(of: model) { _ in true }
    let sizes: [Symbol: Int] = [.batch: 5, .steps: 4, Symbol("S"): 3]
    var random = SplitMix64(seed: 8)
    var inputs = randomInputs(for: original, sizes: sizes, using: &random)
    if isRagged {
      inputs["x.lengths"] = DenseArray(.i32, [5], [3, 0, 1, 2, 3])
      inputs["y.lengths"] = DenseArray(.i32, [5], [2, 4, 1, 3, 0])
    }
    let expected = try Interpreter(original).run(inputs: inputs, sizes: sizes)
    for (pipeline, threads) in [(Pipeline.none, 1), (.basic, 2), (.full, 1), (.full, 3)] {
      var graph = original
      var manager = PassManager()
      manager.verifiesEach = true
      try manager.run(pipeline, on: &graph)
      let found = try runNatively(graph, inputs: inputs, sizes: sizes, threads: threads)
      for (name, value) in expected {
        let difference = relativeDifference(value, try #require(found[name]))
        #expect(difference <= (element == .f64 ? 1e-12 : 1e-4), "\(name), \(pipeline.name)")
      }
    }
  }
}
