import Foundation
import RNNCompiler
import Testing

/// Whether the sum of a sequence is positive.
private let signModel = """
  model Sign(C = 2, H = 5) {
      input  x: seq [1]
      target label: token(C)

      rnn = GRU(1, H)
      out = Linear(H, C)

      y = out(last(rnn(x)))
      output softmax(y)
      loss   cross_entropy(y, label)
  }
  """

@Suite("Training on data sets")
struct DatasetTrainingTests {
  private func data(_ count: Int, steps: Int = 4, seed: UInt64 = 3) throws -> Dataset {
    var stream = RandomStream(seed: seed, name: "data")
    let x = (0..<count * steps).map { _ in stream.normal() }
    let labels = (0..<count).map { n in Int64(x[(n * steps)..<((n + 1) * steps)].reduce(0, +) > 0 ? 1 : 0) }
    return try Dataset(["x": Tensor(x, shape: [count, steps, 1]), "label": Tensor(labels)])
  }

  private func program(_ batch: Int, source: String = signModel, _ type: ElementType = .f64) throws -> Program
  {
    try Compiler(CompileOptions(elementType: type, threads: 2)).compile(source: source, batch: batch)
  }

  private func options(
    epochs: Int = 4, batch: Int = 8, learningRate: Double = 0.5, patience: Int? = nil
  ) -> TrainingOptions {
    TrainingOptions(
      epochs: epochs, batchSize: batch,
      optimization: OptimizationOptions(optimizer: "sgd", learningRate: learningRate, clipNorm: 1), seed: 5,
      patience: patience)
  }

  /// All examples as one batch, run with the parameters.
  private func whole(_ data: Dataset, _ parameters: [String: Tensor]) throws -> [String: Tensor] {
    let program = try program(data.count)
    let batch = data.batches(batch: data.count)[0]
    return try program.run(parameters.merging(batch.tensors(for: program)) { $1 })
  }

  /// 21 examples in batches of 8 leave 5, which count as much as all others.
  @Test func meansAreOverAllExamplesExactly() throws {
    let data = try data(21)
    let trainer = try Trainer(program(8), seed: 1)
    let found = try trainer.evaluate(data)
    let expected = try whole(data, trainer.parameters)
    #expect(abs(found.loss - (try numbers(#require(expected["loss"]))[0])) < 1e-12)

    let outputs = try numbers(#require(expected["output"]))
    let labels = try #require(data.tensors["label"]).values(as: Int64.self)
    let correct = labels.indices.filter { (outputs[2 * $0 + 1] > outputs[2 * $0]) == (labels[$0] == 1) }
    #expect(abs(try #require(found.accuracy) - Double(correct.count) / 21) < 1e-12)
    #expect(try program(8).evaluate(data, parameters: trainer.parameters) == found)

    // With a rate that moves nothing, the epoch reports the same means.
    let run = try TrainingRun(program(8), data: data, options: options(epochs: 1, learningRate: 1e-300))
    try run.trainer.setParameters(trainer.parameters)
    try run.run()
    let epoch = try #require(run.position.last?.training)
    #expect(abs(epoch.loss - found.loss) < 1e-12)
    #expect(abs(try #require(epoch.accuracy) - (try #require(found.accuracy))) < 1e-12)
    #expect(run.stepsDone == 3 && run.unitsDone == 21)
  }

  /// A step on fewer examples is that of a program for so many, and the parameters go from one to the other.
  @Test func smallerBatchesTrainThemselves() throws {
    let data = try data(13)
    let large = try Trainer(program(8), optimizer: .adam(learningRate: 0.1), clipNorm: 1, seed: 1)
    let small = try Trainer(program(5), optimizer: .adam(learningRate: 0.1), clipNorm: 1, seed: 1)
    let batches = data.batches(batch: 8)
    for batch in [batches[1], batches[1]] {
      #expect(try abs(large.step(batch).loss - small.step(batch).loss) < 1e-12)
    }
    for (name, tensor) in large.parameters {
      for (a, b) in zip(try numbers(tensor), try numbers(#require(small.parameters[name]))) {
        #expect(abs(a - b) < 1e-12)
      }
    }
    #expect(large.recurrentState["rnn.h"]?.shape == [5, 5])
    _ = try large.step(batches[0])
    #expect(large.recurrentState["rnn.h"]?.shape == [8, 5])
    let error = #expect(throws: InputError.self) { try large.step(data.batches(batch: 13)[0]) }
    #expect(error?.message == "tensor 'x' is f64[4, 13, 1], but the model wants f64[T, 8, 1]")
  }

  @Test func statesStartAtZeroUnlessTheDataGivesThem() throws {
    let data = try data(6)
    var tensors = data.tensors
    tensors["rnn.h"] = Tensor((0..<30).map { Float($0) / 30 }, shape: [6, 5])
    let given = try Dataset(tensors)
    let trainer = try Trainer(program(4), seed: 1)
    _ = try trainer.step(data.batches(batch: 4)[0])  // leaves states behind
    for data in [data, given] {
      let expected = try whole(
        data, trainer.parameters.merging(data.tensors.filter { $0.key == "rnn.h" }) { $1 })
      #expect(abs(try trainer.evaluate(data).loss - (try numbers(#require(expected["loss"]))[0])) < 1e-12)
    }
    #expect(try trainer.evaluate(given) != trainer.evaluate(data))
    let twin = try Trainer(program(4), seed: 1)
    let batch = given.batches(batch: 4)[0]
    let first = try twin.step(batch).loss
    let loss = try whole(
      given[0..<4],
      Trainer(program(4), seed: 1).parameters.merging(["rnn.h": #require(batch["rnn.h"])]) { $1 })
    #expect(abs(first - (try numbers(#require(loss["loss"]))[0])) < 1e-12)
  }

  /// Interrupted in the middle of an epoch, with a smaller last batch and validation.
  @Test func aResumedRunEndsWithTheSameBits() throws {
    let (training, validation) = (try data(29), try data(11, seed: 4))
    func makeRun() throws -> TrainingRun {
      try TrainingRun(
        program(8), data: training, validation: validation, options: options(epochs: 6, patience: 6))
    }
    let whole = try makeRun()
    #expect(try whole.run())

    for stop in [4, 9, 14] {
      let second = try resumedRun(afterSteps: stop, makeRun)
      #expect(second.position.step == stop)
      #expect(try second.run())
      #expect(second.checkpoint() == whole.checkpoint())
    }
  }

  /// With a rate that is too high at last, the best epoch is not the last, and its parameters are kept.
  @Test func theBestParametersAreKeptAndPatienceEnds() throws {
    let (training, validation) = (try data(24), try data(10, seed: 4))
    let run = try TrainingRun(
      program(8), data: training, validation: validation,
      options: options(epochs: 60, learningRate: 4, patience: 3))
    var reports: [EpochReport] = []
    var parameters: [[String: Tensor]] = []
    var hooks = TrainingRun.Hooks()
    hooks.epochDone = { report in
      reports.append(report)
      parameters.append(run.trainer.parameters)
    }
    #expect(try run.run(hooks))
    let losses = reports.compactMap(\.validationLoss)
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    #expect(run.hasLostPatience && losses.count == best + 4 && losses.count < 60)
    #expect(reports.indices.filter { reports[$0].isBest == true }.last == best)
    #expect(run.position.best?.epoch == best + 1 && run.position.best?.validation?.loss == losses[best])
    let checkpoint = run.checkpoint()
    #expect(checkpoint.parameters == parameters[best])
    #expect(checkpoint.latestParameters == parameters.last)
    #expect(try program(8).evaluate(validation, parameters: checkpoint.parameters).loss == losses[best])
  }

  @Test func aRunThatDivergesLeavesItsLastGoodEpoch() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let run = try TrainingRun(program(8, .f32), data: data(16), options: options(epochs: 9))
    var writer = try CheckpointWriter(path: path)
    var good: Checkpoint?
    var hooks = TrainingRun.Hooks()
    hooks.epochDone = { report in
      try writer.epochDone(run)
      good = run.checkpoint()
      if report.epoch == 3 { run.trainer.optimizer.learningRate = 3e38 }
    }
    let error = #expect(throws: InputError.self) { try run.run(hooks) }
    #expect(
      error?.message.hasSuffix("(epoch 4, batch 2): the training diverged") == true, "\(error?.message ?? "")"
    )
    #expect(error?.message.contains("in step 8") == true && error?.notes.joined().contains("--lr") == true)
    let worded = writer.failed(try #require(error))
    #expect(worded.notes.last == "'\(path)' holds the run as it was after step 6")
    #expect(try Checkpoint(contentsOfFile: path) == good)
    #expect(throws: InputError.self) { try writer.write(run) }
    #expect(try Checkpoint(contentsOfFile: path) == good)
  }

  @Test func dataThatDoesNotFitIsExplained() throws {
    let good = try data(6).tensors
    func error(_ change: (inout [String: Tensor]) -> Void) -> InputError? {
      var tensors = good
      change(&tensors)
      return #expect(throws: InputError.self) {
        let data = try Dataset(tensors, origin: "'d'")
        _ = try TrainingRun(program(4), data: data, options: options(batch: 4))
      }
    }
    #expect(
      error { $0["label"] = nil }?.message == "'d' has no tensor 'label', which the model needs as i32[6]")
    let unknown = error { $0["labels"] = Tensor(.i32, shape: [6]) }
    #expect(unknown?.message == "'d' holds a tensor 'labels' that the model does not take")
    #expect(unknown?.notes == ["it takes x, label, rnn.h"])
    #expect(
      error { $0["x"] = Tensor(.f64, shape: [6, 4, 2]) }?.message
        == "tensor 'x' of 'd' is f64[6, 4, 2], but the model wants f64[6, T, 1]")
    #expect(
      error { $0["label"] = Tensor([0, 1, 0, 2, 1, 0] as [Int32]) }?.message
        == "tensor 'label' of 'd' holds token 2 at [3], which is outside the vocabulary")
    #expect(error { $0["rnn.h"] = Tensor(.f64, shape: [6, 4]) }?.message.contains("wants f64[6, 5]") == true)

    let run = try TrainingRun(program(4), data: Dataset(good), options: options(epochs: 1, batch: 4))
    try run.run()
    let other = try TrainingRun(program(4), data: data(6, seed: 9), options: options(batch: 4))
    let message = #expect(throws: InputError.self) { try other.resume(run.checkpoint(), origin: "'c'") }?
      .message
    #expect(message == "'c' was made with other data")
    var damaged = run.checkpoint()
    damaged.parameters["out.b"] = Tensor([0, Double.nan])
    let same = try TrainingRun(program(4), data: Dataset(good), options: options(batch: 4))
    let place = #expect(throws: InputError.self) { try same.resume(damaged, origin: "'c'") }?.message
    #expect(place == "tensor 'out.b' of 'c' holds nan at [1], which is not a finite number")
    #expect(throws: InputError.self) {
      try TrainingRun(program(4), data: Dataset(good), options: options(batch: 4, patience: 2))
    }
  }

  /// A text is measured with another one after each epoch.
  @Test func aTextIsValidated() throws {
    let corpus = try smallCorpus()
    let other = try Corpus(text: String(repeating: "the lazy fox ", count: 12), vocabulary: corpus.vocabulary)
    let program = try Compiler(CompileOptions(threads: 2)).compile(
      source: smallModel, batch: 4, vocabulary: corpus.vocabulary)
    var options = options(epochs: 3, batch: 4)
    options.steps = 7
    let run = try TrainingRun(program, corpus: corpus, validation: other, options: options)
    var reports: [EpochReport] = []
    var hooks = TrainingRun.Hooks()
    hooks.epochDone = { reports.append($0) }
    try run.run(hooks)

    // By hand: the states go from batch to batch.
    var (tensors, sums) = (run.trainer.parameters, EvaluationSums())
    for batch in try other.batches(4, steps: 7, seed: options.seed).epoch(0).batches() {
      tensors.merge(["text": batch.inputs, "next": batch.targets]) { $1 }
      let outputs = try program.run(tensors)
      tensors["rnn.h"] = outputs["rnn.h"]
      sums.add(loss: try numbers(#require(outputs["loss"]))[0], weight: 28)
    }
    let (found, expected) = (try #require(reports.last?.validationLoss), try #require(sums.mean?.loss))
    #expect(abs(found - expected) < 1e-5)
    #expect(reports.last?.validationPerplexity == exp(found) && run.position.best != nil)
  }
}
