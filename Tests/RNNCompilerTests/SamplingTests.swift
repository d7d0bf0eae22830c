import Testing

@testable import RNNCompiler

@Suite("Random draws outside of training")
struct SamplingTests {
  private static let source = """
    cell Latent(I, H) {
        enc = Linear(I + H, 2 * H)
        input x: [I]
        state h: [H]
        m, s = split(enc(concat(x, h)), 2)
        z = m + exp(0.3 * s) * normal(like: m)
        h' = dropout(tanh(z), 0.2) + 0.1 * gumbel_softmax(s, 0.8)
        output h', sample(m)
    }
    model M(I = 3, H = 5) {
        input x: seq [I]
        r = Latent(I, H)
        y, t = r(x)
        output y, t, u = uniform(like: x), trains = training
        loss mean(square(y))
    }
    """

  private func program(_ options: CompileOptions = CompileOptions(threads: 1)) throws -> Program {
    try Compiler(options).compile(source: Self.source, batch: 6)
  }

  @Test func theSeedDecidesAllBits() throws {
    let one = try program()
    let tensors = try one.randomTensors(steps: 9, seed: 1)
    let first = try one.run(tensors, seed: 7)
    #expect(try one.run(tensors, seed: 7) == first)
    for threads in [2, 3] {
      #expect(try program(CompileOptions(threads: threads)).run(tensors, seed: 7) == first)
    }
    for name in ["y", "t", "u"] { #expect(try one.run(tensors, seed: 8)[name] != first[name]) }
    // Drawing is not training.
    #expect(try numbers(#require(first["trains"])) == [0])
    let plain = try one.run(tensors)
    #expect(try numbers(#require(plain["u"])).allSatisfy { $0 == 0.5 })
    #expect(plain["y"] != first["y"])
  }

  @Test(arguments: [ElementType.f32, .f64]) func codeDrawsWhatTheInterpreterDraws(_ element: ElementType)
    throws
  {
    let plain = try program(
      CompileOptions(elementType: element, threads: 1, optimization: .none, backend: .interpreter))
    let tensors = try plain.randomTensors(steps: 5, seed: 2)
    let expected = try plain.run(tensors, gradients: true, seed: -3)
    for optimization in [CompileOptions.Optimization.none, .basic, .full] {
      let code = try program(
        CompileOptions(
          elementType: element, threads: 2, optimization: optimization, verifiesEachPass: true))
      let found = try code.run(tensors, gradients: true, seed: -3)
      #expect(found.keys == expected.keys)
      for (name, tensor) in expected {
        let (a, b) = (try numbers(tensor), try numbers(#require(found[name])))
        let scale = max(1, a.map(abs).max() ?? 0) * (element == .f64 ? 1e-12 : 2e-5)
        for (x, y) in zip(a, b) { #expect(abs(x - y) <= scale, "\(name), \(optimization)") }
      }
    }
  }

  @Test func aModelWithoutDrawsTakesNoSeed() throws {
    let plain = try Compiler().compile(
      source: "model M {\n input x: seq [2]\n output y = where(training > 0, x, -x)\n}", batch: 2)
    let tensors = try plain.randomTensors(steps: 2, seed: 1)
    let error = #expect(throws: InputError.self) { try plain.run(tensors, seed: 1) }
    #expect(error?.message == "model 'M' makes no random draws, so a seed decides nothing")
    let x = try numbers(#require(tensors["x"]))
    #expect(try numbers(#require(plain.run(tensors)["y"])) == x.map { -$0 })
  }

  /// Draws are counted by the step: those of a longer sequence begin with those of a shorter one.
  @Test func drawsStayWhenASequenceGrows() throws {
    let program = try program()
    let tensors = try program.randomTensors(steps: 6, seed: 4)
    let x = try #require(tensors["x"]).values(as: Float.self)
    let whole = try program.run(tensors, seed: 5)
    let short = try program.run(
      tensors.merging(["x": Tensor(Array(x.prefix(4 * 18)), shape: [4, 6, 3])]) { $1 }, seed: 5)
    for name in ["y", "t", "u"] {
      let (a, b) = (try numbers(#require(short[name])), try numbers(#require(whole[name])))
      #expect(a[...] == b.prefix(a.count), "\(name)")
    }
  }

  @Test func generationDrawsIfAsked() throws {
    let corpus = try smallCorpus()
    let program = try Compiler().compile(
      source: smallModel.replacing("rnn(onehot(text))", with: "dropout(rnn(onehot(text)), 0.5)"), batch: 4,
      vocabulary: corpus.vocabulary)
    let parameters = try program.initialParameters(seed: 3).mapValues { tensor in
      Tensor(try numbers(tensor).map { Float(8 * $0) }, shape: tensor.shape)
    }
    func texts(isDrawing: Bool) throws -> Set<String> {
      let generator = try TextGenerator(
        program, parameters: parameters, vocabulary: corpus.vocabulary, tokenization: .char,
        isDrawing: isDrawing)
      let texts = try (0..<4).map {
        try generator.generate(prefix: "the quick", count: 30, temperature: 0, seed: $0)
      }
      #expect(try generator.generate(prefix: "the quick", count: 30, temperature: 0, seed: 0) == texts[0])
      return Set(texts)
    }
    #expect(try texts(isDrawing: false).count == 1)
    #expect(try texts(isDrawing: true).count > 1)
  }

  /// The derivatives that are checked are those of training.
  @Test func theCheckOfGradientsIsThatOfTraining() throws {
    let report = try GradientReport(program(CompileOptions(elementType: .f64, threads: 1)), steps: 3, seed: 1)
    #expect(report.agrees)
  }
}
