import Testing

@testable import RNNCompiler

@Suite("Derivatives that are not those of the value")
struct SurrogateTests {
  /// States that are stopped, clipped and rounded in each step, beside ones that are none of that.
  private static let recurrent = """
    fn bit(x) = straight_through(where(x > 0, 1, 0), sigmoid(4 * x))
    cell Gate(I, H) {
        param W: [H, I], U: [H, H], V: [H, H] = uniform(1)
        input x: [I]
        state h: [H], c: [H]
        z = bit(W @ x)
        h' = z * tanh(U @ clip_gradient(h, 0.02)) + (1 - z) * stop_gradient(c) + 0.1 * (W @ x)
        c' = tanh(V @ c + h')
        output h' * c'
    }
    model M(I = 3, H = 8) {
        input x: seq [I]
        g = Gate(I, H)
        y = g(x)
        output y
        loss mean(square(y - 0.5)) + 0.1 * mean(square(clip_gradient(y, 0.001)))
    }
    """

  /// A vector is replaced by the nearest row of a codebook: the encoder learns through it, the codebook by its own loss.
  private static let quantizer = """
    cell Codebook(K, D) {
        param E: [K, D] = normal(0.7)
        input z: [D]
        nearest = E[argmax(E @ z - 0.5 * (square(E) @ (0 * z + 1)))]
        output straight_through(nearest, z),
            mean(square(stop_gradient(z) - nearest)) + 0.25 * mean(square(z - stop_gradient(nearest)))
    }
    model Quantizer(I = 4, D = 2, K = 6) {
        input x: [I]
        enc = Linear(I, D)
        book = Codebook(K, D)
        dec = Linear(D, I)
        q, commitment = book(tanh(enc(x)))
        output dec(q)
        loss mean(square(dec(q) - x)) + commitment
    }
    """

  private func compile(
    _ source: String, _ options: CompileOptions = CompileOptions(threads: 1), batch: Int = 3
  ) throws -> Program {
    try Compiler(options).compile(source: source, batch: batch)
  }

  /// A single number for each way, so that the results can be said.
  @Test func derivativesAreWhatTheSourceSays() throws {
    let program = try compile(
      """
      model M {
          input a: [], b: [], c: [], d: []
          y = stop_gradient(a) * a + straight_through(b * b, 3 * c) + 5 * clip_gradient(d, 2) - clip_gradient(d, 0.5)
          output y
          loss y
      }
      """, batch: 1)
    let point = ["a": 3, "b": 4, "c": 7, "d": 11].mapValues { Tensor([Float($0)], shape: [1]) }
    let found = try program.run(point, gradients: true).mapValues { try numbers($0)[0] }
    #expect(
      found == [
        "y": 69, "loss": 69, "grad.a": 3, "grad.b": 0, "grad.c": 3, "grad.d": 1.5,
      ])
  }

  /// Each example and step has a derivative of its own, also where the value is the same for all.
  @Test func aDerivativeIsClippedForEachExampleAndStep() throws {
    let program = try compile(
      """
      cell Scale { param w: [] = 1
        input x: []
        output clip_gradient(w + 0 * x, 0.25) * x }
      model M { input x: seq []
        s = Scale()
        loss total(s(x)) }
      """, batch: 2)
    // The loss is the mean of the two examples, so the derivatives by w are half of each x.
    let x = Tensor([0.1, 4, -0.2, -6] as [Float], shape: [2, 2])
    let tensors = ["x": x, "s.w": Tensor([1 as Float], shape: [])]
    let found = try numbers(#require(try program.run(tensors, gradients: true)["grad.s.w"]))
    #expect(abs(found[0] - (0.05 + 0.25 - 0.1 - 0.25)) < 1e-6)
  }

  /// What is computed once for every token has the clipped derivatives of each place.
  @Test func tokensAreClippedAtEachPlace() throws {
    let source = """
      cell Reader(V, H) { param W: [H, V] = normal(1)
        input x: [V]
        state h: [H]
        h' = tanh(clip_gradient(tanh(W @ x), 0.01) + 0.5 * h)
        output h' }
      model M(V = 3, H = 4) { input t: seq token(V)
        r = Reader(V, H)
        loss total(sum(r(onehot(t)))) }
      """
    let fast = try compile(source, CompileOptions(elementType: .f64, threads: 1), batch: 4)
    let plain = try compile(
      source, CompileOptions(elementType: .f64, threads: 1, optimization: .none, backend: .interpreter),
      batch: 4)
    let tensors = try plain.randomTensors(steps: 6, seed: 3)
    let (a, b) = (try plain.run(tensors, gradients: true), try fast.run(tensors, gradients: true))
    for (x, y) in zip(try numbers(a["grad.r.W"]!), try numbers(b["grad.r.W"]!)) {
      #expect(abs(x - y) < 1e-12)
    }
  }

  @Test(arguments: [recurrent, quantizer])
  func allWaysAgree(_ source: String) throws {
    let plain = try compile(
      source, CompileOptions(elementType: .f64, threads: 1, optimization: .none, backend: .interpreter))
    let tensors = try plain.randomTensors(steps: 5, seed: 2)
    let expected = try plain.run(tensors, gradients: true)
    for (optimization, threads) in [(.none, 1), (.basic, 2), (.full, 1), (.full, 2)]
      as [(CompileOptions.Optimization, Int)]
    {
      let program = try compile(
        source,
        CompileOptions(
          elementType: .f64, threads: threads, optimization: optimization, verifiesEachPass: true))
      let found = try program.run(tensors, gradients: true)
      #expect(found.keys == expected.keys)
      for (name, tensor) in expected {
        for (a, b) in zip(try numbers(tensor), try numbers(found[name]!)) {
          #expect(abs(a - b) <= 1e-11 * max(1, abs(a)), "\(name), \(optimization), \(threads) threads")
        }
      }
    }
  }

  /// Behind the derivative nothing is left of them: no operation, and so no instruction.
  @Test(arguments: [recurrent, quantizer])
  func theyCostNothing(_ source: String) throws {
    let program = try compile(source)
    for purpose in [.inference, .evaluation, .gradients, program.mainPurpose] as [Purpose] {
      let compilation = try program.compilation(for: purpose)
      #expect("\(compilation.graph)".contains("straight_through"))
      let optimized = "\(try compilation.optimizedGraph)"
      for word in ["detach", "straight_through", "clip_gradient"] { #expect(!optimized.contains(word)) }
    }
    let without = try compile(
      source.replacing(
        "fn bit(x) = straight_through(where(x > 0, 1, 0), sigmoid(4 * x))",
        with: "fn bit(x) = where(x > 0, 1, 0)"
      )
      .replacing("straight_through(nearest, z)", with: "nearest").replacing("stop_gradient", with: "")
      .replacing("clip_gradient(h, 0.02)", with: "h").replacing("clip_gradient(y, 0.001)", with: "y"))
    func operations(_ program: Program) throws -> Int {
      try program.compilation(for: .evaluation).codeSize.operations
    }
    #expect(try operations(program) == operations(without))
  }

  @Test(arguments: [recurrent, quantizer])
  func aPrintedGraphIsTheModel(_ source: String) throws {
    let program = try compile(source)
    let printed = try Compiler(CompileOptions(threads: 1)).compile(
      source: program.graph, name: "g.graph", batch: 3)
    #expect(printed.graph == program.graph)
    let tensors = try program.randomTensors(steps: 4, seed: 1)
    #expect(try printed.run(tensors, gradients: true) == program.run(tensors, gradients: true))
  }

  @Test(arguments: [1, 2]) func aLimitOfMemoryChangesNoBit(threads: Int) throws {
    try expectTheSameBitsInLeastMemory { limit in
      try compile(
        Self.recurrent, CompileOptions(threads: threads, memoryLimit: limit, verifiesEachPass: true))
    }
  }

  /// Encoder, codebook and decoder all learn: the reconstruction of data from a few places becomes good.
  @Test func aQuantizerLearnsThroughTheCodebook() throws {
    let program = try compile(Self.quantizer, batch: 16)
    let trainer = try Trainer(program, optimizer: .adam(learningRate: 0.02), seed: 4)
    // Four clusters, at the corners of a square in a plane.
    let data = (0..<16).flatMap { i -> [Float] in
      let (a, b): (Float, Float) = (i % 2 == 0 ? 0.8 : -0.8, i / 2 % 2 == 0 ? 0.6 : -0.6)
      return [a, b, a - b, 0.5 * b]
    }
    let batch = ["x": Tensor(data, shape: [16, 4])]
    let first = trainer.parameters
    let losses = try (0..<400).map { _ in try trainer.step(batch, startsAfresh: true).loss }
    #expect(losses[399] < 0.05 * losses[0], "\(losses[0]) became \(losses[399])")
    for name in ["enc.W", "book.E", "dec.W"] { #expect(trainer.parameters[name] != first[name], "\(name)") }
  }
}
