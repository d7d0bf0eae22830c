import RNNCompiler
import Testing

@testable import RNNCompiler

/// Runs a step at a time give, bit for bit, what a run over the whole sequence gives.
@Suite("Streams")
struct StreamTests {
  /// Outputs of steps one by one, of chunks, and of all steps at once.
  private func check(_ source: String, batch: Int, steps: Int, whole: Set<String> = []) throws {
    let program = try Compiler(CompileOptions(threads: 2)).compile(source: source, batch: batch)
    let tensors = try program.randomTensors(steps: steps, seed: 5)
    let expected = try program.run(tensors)
    let sequences = tensors.filter { name, tensor in
      !whole.contains(name) && tensor.shape.first == steps && tensor.shape.count > 1
        && tensor.shape[1] == batch
    }
    let stream = try Stream(program, parameters: tensors)
    let given = tensors.filter { name, tensor in stream.start[name] != nil }
    for chunk in [1, 2, steps] {
      var state = try stream.start(from: given)
      var found: [String: [Double]] = [:]
      for first in stride(from: 0, to: steps, by: chunk) {
        let count = min(chunk, steps - first)
        var inputs = tensors.filter { whole.contains($0.key) }
        for (name, tensor) in sequences { inputs[name] = try part(tensor, first, count, isStep: chunk == 1) }
        let outputs = chunk == 1 ? try stream.step(inputs, &state) : try stream.run(inputs, &state)
        for (name, tensor) in outputs { found[name, default: []] += try numbers(tensor) }
      }
      for (name, values) in found {
        #expect(try values == numbers(#require(expected[name])), "\(name) in chunks of \(chunk)")
      }
      #expect(!found.isEmpty)
    }
  }

  private func part(_ tensor: Tensor, _ first: Int, _ count: Int, isStep: Bool) throws -> Tensor {
    let shape = (isStep ? [] : [count]) + tensor.shape.dropFirst()
    let width = tensor.shape.dropFirst().reduce(1, *)
    if tensor.elementType == .i32 {
      return Tensor(
        Array(try tensor.values(as: Int32.self)[(first * width)..<((first + count) * width)]), shape: shape)
    }
    return Tensor(
      Array(try tensor.values(as: Float.self)[(first * width)..<((first + count) * width)]), shape: shape)
  }

  @Test(arguments: [1, 3, 17]) func givenStates(batch: Int) throws {
    try check(
      """
      model M(I = 5, H = 33) {
          input x: seq [I]
          a = LSTM(I, H); b = GRU(H, 7)
          output b(a(x))
      }
      """, batch: batch, steps: 7)
  }

  @Test func learnedAndConstantStates() throws {
    try check(
      """
      cell Own(I, H) {
          param W: [H, I], U: [H, H] = uniform(0.4)
          param h0: [H] = uniform(0.5)
          input x: [I]
          state h: [H] = h0
          state n: [H] = 1
          h' = tanh(W @ x + U @ h)
          n' = 0.5 * n + h'
          output h', n'
      }
      model M(I = 3, H = 6) {
          input x: seq [I]
          rnn = Own(I, H)
          y, z = rnn(x)
          output y, z
      }
      """, batch: 2, steps: 5)
  }

  @Test func aStateThatIsAMatrix() throws {
    try check(
      """
      cell Memory(K, V) {
          input k: [K], v: [V]
          state S: [K, V]
          S' = 0.9 * S + outer(k, v - S.T @ k)
          output norm(S', over: rows), softmax(S', over: columns) @ v
      }
      model M(K = 5, V = 9) {
          input k: seq [K], v: seq [V]
          memory = Memory(K, V)
          y, z = memory(k, v)
          output y, z, w = reshape(outer(k, v), V, K)
      }
      """, batch: 3, steps: 5)
  }

  @Test func heads() throws {
    try check(
      """
      cell Memory(K, V) {
          param W: [V, V] = normal(0.5)
          input k: [K], v: [V], keep: []
          state S: [K, V]
          S' = keep * S + outer(k, v - tanh(W @ (S.T @ k)))
          output S'.T @ k
      }
      model M(N = 3, K = 5, V = 9) {
          input k: seq [N, K], v: seq [N, V], keep: seq []
          param U: [N, K, V] = normal(0.5)
          memory = heads(N, Memory(K, V))
          output y = memory(k, v, repeat(sigmoid(keep), rows: N)), z = U @ v
      }
      """, batch: 3, steps: 5)
  }

  @Test func aLoopThatStartsWhereAnotherEnds() throws {
    try check(
      """
      model M(I = 3, H = 6) {
          input source: seq(S) [I], x: seq [I]
          read = GRU(I, H); write = GRU(I, H)
          memory = last(read(source))
          output write(x, from: read)
      }
      """, batch: 2, steps: 5, whole: ["source"])
  }

  @Test func aStateCanBeKept() throws {
    let program = try Compiler().compile(source: smallModel, batch: 1)
    let parameters = try program.initialParameters(seed: 1)
    let stream = try Stream(program, parameters: parameters)
    var state = stream.start
    func read(_ token: Int32) throws -> [Double] {
      try numbers(#require(stream.step(["text": Tensor([token], shape: [1])], &state)["output"]))
    }
    _ = try read(3)
    let kept = state
    let once = try read(4)
    _ = try read(5)
    #expect(try read(4) != once)
    state = kept
    #expect(try read(4) == once)
    #expect(kept["rnn.h"]?.shape == [1, 6])
  }

  @Test func whatNeedsLaterStepsIsRefused() throws {
    let program = try Compiler().compile(
      source: """
        model Both(I = 3, H = 6) {
            input x: seq [I]
            back = GRU(I, H)
            output reverse(back(reverse(x)))
        }
        """, batch: 1)
    let error = #expect(throws: InputError.self) {
      try Stream(program, parameters: program.initialParameters(seed: 1))
    }
    #expect(error?.message == "model 'Both' cannot run step by step: a sequence is reversed (model:4:25)")
  }

  @Test func wrongTensorsAreNamed() throws {
    let program = try Compiler().compile(source: smallModel, batch: 2)
    let stream = try Stream(program, parameters: program.initialParameters(seed: 1))
    var state = stream.start
    let missing = #expect(throws: InputError.self) { try stream.step([:], &state) }
    #expect(missing?.message == "the step has no tensor 'text', which the model needs as i32[T, 2]")
    let unknown = #expect(throws: InputError.self) { try stream.start(from: ["h": Tensor([Float(0)])]) }
    #expect(unknown?.message == "model 'Small' takes no state 'h'")
    let shape = #expect(throws: InputError.self) { try stream.start(from: ["rnn.h": Tensor([Float(0)])]) }
    #expect(shape?.message.contains("rnn.h") == true)
    #expect(
      try stream.step(["text": Tensor([Int32(1), 2], shape: [2])], &state)["output"]?.shape == [2, 28])
  }
}
