import Foundation
import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("Training")
struct TrainingTests {
  /// A run of a small model in 3 epochs.
  private func makeRun(
    _ options: TrainingOptions, resuming checkpoint: Checkpoint? = nil, source: String = smallModel,
    backend: CompileOptions.Backend = .native, program: Program? = nil
  ) throws -> TrainingRun {
    let corpus = try smallCorpus()
    let program =
      try program
      ?? Compiler(CompileOptions(threads: 2, backend: backend)).compile(
        source: source, batch: options.batchSize, vocabulary: corpus.vocabulary)
    let run = try TrainingRun(program, corpus: corpus, options: options)
    if let checkpoint { try run.resume(checkpoint, origin: "checkpoint") }
    return run
  }

  private func options(
    epochs: Int = 3, order: SamplingOrder = .sequential, seed: UInt64 = 5
  ) -> TrainingOptions {
    TrainingOptions(
      epochs: epochs, batchSize: 4, steps: 7, order: order,
      optimization: OptimizationOptions(learningRate: 0.5, clipNorm: 1), seed: seed)
  }

  /// A model of text that draws random numbers in training.
  static let modelWithDropout = smallModel.replacing("rnn(onehot(text))", with: "drop(rnn(onehot(text)))")
    .replacing("rnn = GRU(V, H)", with: "rnn = GRU(V, H)\n    drop = Dropout(H, 25)")

  /// All optimisers; all that counts, gathers or waits; interrupted within an epoch and within a sum of gradients.
  static let resumed =
    Optimizer.names.map { OptimizationOptions(optimizer: $0, learningRate: 0.1, clipNorm: 1) } + [
      OptimizationOptions(
        optimizer: "adam", learningRate: 0.1, schedule: "cosine:40updates", warmup: 5, clipValue: 0.01),
      OptimizationOptions(
        optimizer: "rmsprop", learningRate: 0.01, settings: ["centered": 1, "momentum": 0.5],
        schedule: "step:1:0.5", clipNorm: 1, accumulation: 4),
      OptimizationOptions(
        optimizer: "adagrad", learningRate: 1, settings: ["lr_decay": 0.1], schedule: "plateau:0.5:0"),
    ]

  @Test(arguments: resumed.map { (SamplingOrder.sequential, $0) } + resumed.prefix(2).map { (.random, $0) })
  func aResumedRunEndsWithTheSameBits(_ order: SamplingOrder, _ optimization: OptimizationOptions) throws {
    var options = options(order: order)
    options.optimization = optimization
    let whole = try makeRun(options, source: Self.modelWithDropout)
    #expect(try whole.run())

    let program = whole.trainer.program
    let first = try makeRun(options, program: program)
    var batches = 0
    var hooks = TrainingRun.Hooks()
    hooks.shouldStop = { batches == 23 }
    hooks.batchDone = { _ in batches += 1 }
    #expect(try !first.run(hooks))
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try first.checkpoint().write(toFile: path)

    let second = try makeRun(options, resuming: Checkpoint(contentsOfFile: path), program: program)
    #expect(second.position.step == 23)
    #expect(try second.run())
    #expect(second.checkpoint() == whole.checkpoint())
    #expect(first.checkpoint() != whole.checkpoint())
  }

  @Test func theSameSeedGivesTheSameRunAndAnotherSeedAnother() throws {
    func final(_ seed: UInt64) throws -> Checkpoint {
      let run = try makeRun(options(epochs: 1, seed: seed))
      try run.run()
      return run.checkpoint()
    }
    #expect(try final(1) == final(1))
    #expect(try final(1).parameters != final(2).parameters)
  }

  /// The parameters of this model follow what dropout leaves, so that they show it.
  @Test func drawsFollowTheSeedAndTheNumberOfTheStep() throws {
    let source = """
      cell Vector(N) {
          param p: [N] = zeros
          input x: [N]
          output dot(p, dropout(x, 0.5))
      }
      model M(N = 64) {
          input x: [N]
          vector = Vector(N)
          y = vector(x)
          output y
          loss y
      }
      """
    func kept(seed: UInt64, threads: Int = 1) throws -> [[Double]] {
      let program = try Compiler(CompileOptions(threads: threads)).compile(source: source, batch: 2)
      let trainer = try Trainer(program, optimizer: .sgd(learningRate: 1), seed: seed)
      let x = Tensor([Float](repeating: 1, count: 128), shape: [2, 64])
      var sums = [[Double](repeating: 0, count: 64)]
      for _ in 0..<3 {
        _ = try trainer.step(["x": x], startsAfresh: true)
        sums.append(try numbers(#require(trainer.parameters["vector.p"])))
      }
      return zip(sums, sums.dropFirst()).map { zip($0, $1).map { $0 - $1 } }
    }
    let draws = try kept(seed: 1)
    #expect(Set(draws).count == 3)
    #expect(Set(draws.joined()) == [0, 1, 2])
    #expect(try kept(seed: 1, threads: 2) == draws)
    #expect(try Set(kept(seed: 2)).isDisjoint(with: draws))
  }

  @Test func perplexityFallsAndIsReportedForEachEpoch() throws {
    let run = try makeRun(options(epochs: 30))
    var reports: [EpochReport] = []
    var hooks = TrainingRun.Hooks()
    hooks.epochDone = { reports.append($0) }
    try run.run(hooks)
    #expect(reports.map(\.epoch) == Array(1...30))
    let perplexities = reports.compactMap(\.perplexity)
    #expect(perplexities.count == 30 && perplexities[0] > 10 && perplexities[29] < 8)
    #expect(reports.allSatisfy { $0.perplexity == exp($0.loss) && $0.validationLoss == nil })
    #expect(run.position.last?.training.perplexity == reports[29].perplexity)
    #expect(run.isComplete)
  }

  /// A step in code is a step of the interpreter, up to rounding.
  @Test func codeTrainsLikeTheInterpreter() throws {
    func losses(_ backend: CompileOptions.Backend) throws -> [Double] {
      let run = try makeRun(options(epochs: 1), backend: backend)
      return try smallCorpus().sequentialBatches(batch: 4, steps: 7).prefix(5).flatMap { batch in
        let step = try run.trainer.step(batch)
        return [step.loss, try #require(step.gradientNorm)]
      }
    }
    for (a, b) in zip(try losses(.native), try losses(.interpreter)) { #expect(abs(a - b) < 1e-4 * abs(b)) }
  }

  /// The gradients of four quarters of a batch make the step of the whole one.
  @Test(arguments: ["sgd", "adam"])
  func gatheredGradientsAreThoseOfOneLargeBatch(_ optimizer: String) throws {
    let corpus = try smallCorpus()
    let batches = Array(try corpus.batches(8, steps: 5, order: .random, seed: 3).epoch(0).batches().prefix(3))
    func parameters(parts: Int) throws -> [String: Tensor] {
      let program = try Compiler(CompileOptions(elementType: .f64, threads: 2)).compile(
        source: smallModel, batch: 8 / parts, vocabulary: corpus.vocabulary)
      let trainer = try Trainer(
        program, optimizer: Optimizer(named: optimizer, learningRate: 0.1), clipNorm: 0.5, accumulation: parts
      )
      for batch in batches {
        for part in 0..<parts {
          func columns(_ tensor: Tensor) throws -> Tensor {
            let ids = try tensor.values(as: Int32.self)
            let width = 8 / parts
            let rows = (0..<5).map { 8 * $0 + part * width }
            return Tensor(rows.flatMap { ids[$0..<($0 + width)] }, shape: [5, width])
          }
          let step = try trainer.step(
            ["text": columns(batch.inputs), "next": columns(batch.targets)], startsAfresh: true)
          #expect(step.isUpdate == (part == parts - 1))
          #expect((step.gradientNorm != nil) == step.isUpdate)
        }
      }
      return trainer.parameters
    }
    let whole = try parameters(parts: 1)
    for (name, tensor) in try parameters(parts: 4) {
      for (a, b) in zip(try numbers(tensor), try numbers(#require(whole[name]))) {
        #expect(abs(a - b) < 1e-12, "\(name): \(a) and \(b)")
      }
    }
  }

  /// Batches of a text know whether they continue the one before; whoever gives tensors says it.
  @Test func statesAreCarriedWhereABatchContinuesTheOneBefore() throws {
    func losses(_ step: (Trainer, TokenBatch) throws -> TrainingStep) throws -> [Double] {
      let trainer = try makeRun(options()).trainer
      return try (0..<3).flatMap { epoch in
        try smallCorpus().sequentialBatches(batch: 4, steps: 7, epoch: epoch).map {
          try step(trainer, $0).loss
        }
      }
    }
    func tensors(_ batch: TokenBatch) -> [String: Tensor] { ["text": batch.inputs, "next": batch.targets] }
    let expected = try losses { try $0.step($1) }
    #expect(try losses { try $0.step(tensors($1), startsAfresh: $1.startsAfresh) } == expected)
    #expect(try losses { try $0.step(tensors($1), startsAfresh: false) } != expected)
    #expect(try losses { try $0.step(tensors($1), startsAfresh: true) } != expected)
  }

  /// A batch that is refused leaves the states as they were, and a state that is given is not zero.
  @Test func statesStartAfreshOrAsTheyAreGiven() throws {
    let trainer = try makeRun(options()).trainer
    let batch = try #require(try smallCorpus().sequentialBatches(batch: 4, steps: 7).first { _ in true })
    var tensors = ["text": batch.inputs, "next": batch.targets]
    let first = try trainer.step(tensors, startsAfresh: true).loss
    let states = trainer.recurrentState
    #expect(throws: InputError.self) { try trainer.step(["text": batch.inputs], startsAfresh: true) }
    #expect(trainer.recurrentState == states)
    let twin = try makeRun(options()).trainer
    tensors["rnn.h"] = states["rnn.h"]
    #expect(try twin.step(tensors, startsAfresh: true).loss != first)
  }

  /// Batches that are gathered weigh what their loss is a mean over: valid steps, and examples of a smaller last batch.
  @Test(arguments: [(1, [1, 9]), (1, [3, 0, 5]), (2, [4, 7, 2])]) func gatheredGradientsWeighValidSteps(
    _ batch: Int, _ lengths: [Int]
  ) throws {
    var stream = RandomStream(seed: 4, name: "data")
    let tokens = lengths.map { length in (0..<(2 * length)).map { _ in Int32(stream.integer(below: 28)) } }
    /// The tensors of some of the examples.
    func tensors(_ examples: Range<Int>) -> [String: Tensor] {
      let steps = max(lengths[examples].max() ?? 1, 1)
      func column(_ offset: Int) -> Tensor {
        let ids = (0..<steps).flatMap { step in
          examples.map { step < lengths[$0] ? tokens[$0][2 * step + offset] : 0 }
        }
        return Tensor(ids, shape: [steps, examples.count])
      }
      return [
        "text": column(0), "next": column(1), "text.lengths": Tensor(examples.map { Int32(lengths[$0]) }),
      ]
    }
    func train(batch: Int, _ parts: [Range<Int>]) throws -> [String: Tensor] {
      let program = try Compiler(CompileOptions(elementType: .f64, threads: 1)).compile(
        source: smallModel, batch: batch)
      let trainer = try Trainer(
        program, optimizer: .sgd(learningRate: 1), clipNorm: 0.5, accumulation: parts.count)
      for _ in 0..<2 {
        for part in parts { try trainer.step(tensors(part), startsAfresh: true) }
      }
      return trainer.parameters
    }
    let parts = stride(from: 0, to: lengths.count, by: batch).map { $0..<min($0 + batch, lengths.count) }
    let whole = try train(batch: lengths.count, [lengths.indices])
    for (name, tensor) in try train(batch: batch, parts) {
      for (a, b) in zip(try numbers(tensor), try numbers(#require(whole[name]))) {
        #expect(abs(a - b) < 1e-12, "\(name): \(a) and \(b)")
      }
    }
  }

  @Test func copiesOfParametersDoNotChangeWithTraining() throws {
    let run = try makeRun(options(epochs: 1))
    let before = run.trainer.parameters
    let kept = try numbers(#require(before["rnn.W"]))
    try run.run()
    #expect(try numbers(#require(before["rnn.W"])) == kept)
    #expect(run.trainer.parameters["rnn.W"] != before["rnn.W"])
    try run.trainer.setParameters(before)
    #expect(run.trainer.parameters == before)
  }

  @Test func aCheckpointOfAnotherModelIsRefused() throws {
    let run = try makeRun(options())
    let larger = smallModel.replacing("H = 6", with: "H = 7")
    let error = #expect(throws: InputError.self) {
      try makeRun(options(), resuming: run.checkpoint(), source: larger)
    }
    for part in ["tensor 'rnn.W' of checkpoint", "[18, ", "[21, "] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
  }

  @Test func aBatchThatDoesNotFitChangesNothing() throws {
    let run = try makeRun(options())
    let before = run.checkpoint()
    let tensors = [
      "text": Tensor(.i32, shape: [7, 4]),
      "next": Tensor(Array(repeating: Int32(77), count: 28), shape: [7, 4]),
    ]
    #expect(throws: InputError.self) { try run.trainer.step(tensors, startsAfresh: false) }
    #expect(throws: InputError.self) {
      try run.trainer.step(["text": Tensor(.i32, shape: [7, 4])], startsAfresh: false)
    }
    #expect(run.checkpoint() == before)
  }

  @Test func aRunThatDidNothingLeavesAnOlderCheckpoint() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("older".utf8).write(to: URL(fileURLWithPath: path))
    var writer = try CheckpointWriter(path: path)
    let run = try makeRun(options(epochs: 1))
    var hooks = TrainingRun.Hooks()
    hooks.shouldStop = { true }
    #expect(try !run.run(hooks))
    #expect(try !writer.finish(run))
    #expect(FileManager.default.contents(atPath: path) == Data("older".utf8))
    try run.run()
    #expect(try writer.finish(run))
    #expect(try Checkpoint(contentsOfFile: path) == run.checkpoint())
  }

  @Test func divergenceIsSaid() throws {
    var options = options()
    options.optimization.learningRate = 3e38
    options.optimization.clipNorm = nil
    let run = try makeRun(options)
    let error = #expect(throws: InputError.self) { try run.run() }
    #expect(error?.message.contains("diverged") == true)
  }
}
