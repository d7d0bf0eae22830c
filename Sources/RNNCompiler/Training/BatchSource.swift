import RNNSupport

/// What a training run takes its batches from, and measures with.
protocol BatchSource {
  /// What is counted to tell the speed.
  var unit: TrainingUnit { get }

  /// A hash of what is trained on.
  var fingerprint: String { get }

  /// A hash of what is measured with; nil if there is none.
  var validationFingerprint: String? { get }

  /// Compiles all that a run needs, so that no epoch waits for it.
  func prepare(_ trainer: Trainer) throws

  /// The number of batches of an epoch; at least one.
  func batchCount(epoch: Int) -> Int

  /// Trains on one batch.
  func step(epoch: Int, batch: Int, _ trainer: Trainer) throws -> (step: TrainingStep, units: Int)

  /// Measures on what is not trained on; nil if there is none.
  func validate(_ trainer: Trainer) throws -> Evaluation?
}

/// Windows of a text.
final class TextSource: BatchSource {
  let corpus: Corpus
  private let validation: Corpus?
  private let sampler: BatchSampler
  private let validationSampler: BatchSampler?
  private var epoch: (number: Int, batches: BatchSampler.Epoch)
  private var buffer: TokenBatch

  /// - Throws: `InputError` if a text does not fit the model or does not fill a batch.
  init(_ corpus: Corpus, validation: Corpus?, _ program: Program, _ options: TrainingOptions) throws {
    guard options.steps > 0 else {
      throw InputError("batches of \(counted(options.steps, "step")) hold no text")
    }
    let text = try TextInterface(program.model.graph)
    guard text.idLimit >= corpus.vocabulary.count else {
      throw InputError(
        "input '\(text.input)' of the model takes tokens below \(text.idLimit), "
          + "but the text has \(corpus.vocabulary.count)",
        note: program.model.isGraph
          ? "print the graph for so many, as in 'rnnc compile MODEL --set V=\(corpus.vocabulary.count) --emit graph'"
          : "declare it as 'token(V)' with a size V of the model, which then becomes the number of tokens")
    }
    self.corpus = corpus
    self.validation = validation
    sampler = try corpus.batches(
      options.batchSize, steps: options.steps, order: options.order, seed: options.seed)
    validationSampler = try validation.map { validation in
      guard validation.vocabulary == corpus.vocabulary else {
        throw InputError("the text to validate with has another vocabulary than the text to train on")
      }
      do {
        return try validation.batches(options.batchSize, steps: options.steps, seed: options.seed)
      } catch let error as InputError {
        throw InputError("of the text to validate with: \(error.message)", notes: error.notes)
      }
    }
    epoch = (0, sampler.epoch(0))
    buffer = TokenBatch(batchSize: options.batchSize, steps: options.steps)
  }

  var unit: TrainingUnit { .tokens }
  var fingerprint: String { corpus.fingerprint }
  var validationFingerprint: String? { validation?.fingerprint }

  func prepare(_ trainer: Trainer) throws { if validation != nil { try trainer.prepareEvaluation(on: nil) } }

  func batchCount(epoch number: Int) -> Int { batches(number).count }

  func step(epoch number: Int, batch: Int, _ trainer: Trainer) throws -> (step: TrainingStep, units: Int) {
    let batches = batches(number)
    batches.write(batch, into: &buffer)
    return (try trainer.step(buffer), batches.tokensPerBatch)
  }

  func validate(_ trainer: Trainer) throws -> Evaluation? {
    // Always the same cut, so that epochs can be compared.
    try validationSampler.map { try trainer.evaluate($0.epoch(0)) }
  }

  private func batches(_ number: Int) -> BatchSampler.Epoch {
    if epoch.number != number { epoch = (number, sampler.epoch(number)) }
    return epoch.batches
  }
}

/// Examples of a data set, shuffled anew for each epoch.
final class ExampleSource: BatchSource {
  private let data: Dataset
  private let validation: Dataset?
  private let options: TrainingOptions
  private var epoch: (number: Int, batches: Dataset.Batches)

  /// - Throws: `InputError` if the data does not fit the model.
  init(_ data: Dataset, validation: Dataset?, _ program: Program, _ options: TrainingOptions) throws {
    self.data = try program.dataInterface.fit(data)
    self.validation = try validation.map { try program.dataInterface.fit($0) }
    self.options = options
    epoch = (0, self.data.batches(batch: options.batchSize, seed: options.seed, epoch: 0))
  }

  var unit: TrainingUnit { .examples }
  var fingerprint: String { data.fingerprint }
  var validationFingerprint: String? { validation?.fingerprint }

  func prepare(_ trainer: Trainer) throws {
    for examples in Set(epoch.batches.map(\.count)) { try trainer.prepare(examples: examples) }
    if let validation { try trainer.prepareEvaluation(on: validation) }
  }

  func batchCount(epoch number: Int) -> Int { batches(number).count }

  func step(epoch number: Int, batch: Int, _ trainer: Trainer) throws -> (step: TrainingStep, units: Int) {
    let batch = batches(number)[batch]
    return (try trainer.step(batch), batch.count)
  }

  func validate(_ trainer: Trainer) throws -> Evaluation? { try validation.map(trainer.evaluate) }

  private func batches(_ number: Int) -> Dataset.Batches {
    if epoch.number != number {
      epoch = (number, data.batches(batch: options.batchSize, seed: options.seed, epoch: number))
    }
    return epoch.batches
  }
}
