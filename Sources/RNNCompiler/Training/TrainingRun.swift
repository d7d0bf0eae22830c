import RNNGraph
import RNNSupport

/// A training run over a text or a data set: epochs of batches, what they give, checkpoints, and resuming from one.
///
/// With data to validate with, it remembers the parameters of the epoch with the least loss on these, and stops if
/// none was better for as many epochs as the options say. A run that was interrupted and resumed ends with the same bits
/// as one that was not.
public final class TrainingRun {
  /// The text; nil for a run over a data set.
  public let corpus: Corpus?
  /// What decides the result.
  public private(set) var options: TrainingOptions
  /// How much is done.
  public private(set) var position = TrainingPosition()
  /// The number of steps of this run of the program.
  public private(set) var stepsDone = 0
  /// The number of tokens or examples trained on in this run of the program.
  public private(set) var unitsDone = 0
  /// Whether the loss or the gradient became no number, after which nothing of the run is of use.
  public private(set) var hasDiverged = false
  /// The parameters in training.
  public let trainer: Trainer

  private let source: any BatchSource
  /// The parameters after the best epoch by the validation data.
  private var bestParameters: [String: Tensor]?

  /// Prepares a run over a text from its start.
  ///
  /// - Parameters:
  ///   - program: compiled for `options.batchSize` and the vocabulary of the text.
  ///   - validation: a text with the same vocabulary to measure with after each epoch.
  ///   - options: fingerprints are filled in.
  /// - Throws: `InputError` if a text does not fit the model or does not fill a batch.
  public convenience init(
    _ program: Program, corpus: Corpus, validation: Corpus? = nil, options: TrainingOptions
  ) throws {
    precondition(program.batch == options.batchSize, "the program is compiled for another batch")
    try program.model.graph.requireModel()
    try self.init(
      program, TextSource(corpus, validation: validation, program, options), corpus, options)
  }

  /// Prepares a run over a data set from its start.
  ///
  /// - Parameters:
  ///   - program: compiled for `options.batchSize`, or as many examples as there are if these are fewer. Whether
  ///     sequences are ragged follows from the data.
  ///   - validation: data to measure with after each epoch.
  ///   - options: fingerprints are filled in; what is about text is not looked at.
  /// - Throws: `InputError` if the data does not fit the model.
  public convenience init(
    _ program: Program, data: Dataset, validation: Dataset? = nil, options: TrainingOptions
  ) throws {
    precondition(
      program.batch == min(options.batchSize, data.count), "the program is compiled for another batch")
    try program.model.graph.requireModel()
    let program = try program.taking(
      lengthsAmong: data.tensors.merging(validation?.tensors ?? [:]) { $1 })
    try self.init(
      program, ExampleSource(data, validation: validation, program, options), nil, options)
  }

  private init(
    _ program: Program, _ source: any BatchSource, _ corpus: Corpus?, _ options: TrainingOptions
  ) throws {
    guard options.epochs > 0 else { throw InputError("\(counted(options.epochs, "epoch")) train nothing") }
    if let patience = options.patience {
      guard patience > 0 else {
        throw InputError(
          "a patience of \(counted(patience, "epoch")) makes no sense", note: "choose a positive number")
      }
      guard source.validationFingerprint != nil else {
        throw InputError(
          "patience needs data to validate with", note: "it counts epochs without a lower validation loss")
      }
    }
    self.source = source
    self.corpus = corpus
    self.options = options
    self.options.dataFingerprint = source.fingerprint
    self.options.validationFingerprint = source.validationFingerprint
    trainer = try Trainer(program, options: options.optimization, seed: options.seed)
    try source.prepare(trainer)
  }

  /// Goes on where a checkpoint stands.
  ///
  /// - Parameter origin: what the checkpoint is, for messages.
  /// - Throws: `InputError` if the checkpoint is of another model, other sizes or other data; nothing has changed then.
  /// - Requires: no batch is done.
  public func resume(_ checkpoint: Checkpoint, origin: String) throws {
    precondition(stepsDone == 0, "the run is under way")
    let old = checkpoint.metadata
    guard old.options.dataFingerprint == options.dataFingerprint else {
      throw InputError(
        "\(origin) was made with \(corpus == nil ? "other data" : "another text")",
        note: corpus == nil
          ? "give the same file" : "give the same files, --tokens, --max-tokens, --min-freq and --reserved")
    }
    let isInside = old.position.epoch >= 0 && old.position.batch >= 0
    guard isInside,
      old.position.epoch >= options.epochs
        || old.position.batch < source.batchCount(epoch: old.position.epoch)
    else { throw InputError("\(origin) stands behind the last batch of its epoch: it is damaged") }
    try trainer.fit(checkpoint, origin: origin)
    try requireSameModel(old, origin: origin)
    try trainer.restore(checkpoint, origin: origin)
    position = old.position
    if old.options.validationFingerprint == options.validationFingerprint {
      bestParameters = position.best == nil ? nil : checkpoint.parameters
    } else {
      // Losses on other data cannot be compared.
      position.best = nil
    }
  }

  /// Checks that the model trains as that of a checkpoint does: comments, outputs and its name may differ.
  private func requireSameModel(_ old: CheckpointMetadata, origin: String) throws {
    let program = trainer.program
    func trained(_ program: Program) throws -> Graph {
      var graph = try Purpose.measurement.graph(from: program.model.lowered(isTraining: true).graph)
      graph.name = ""
      return graph
    }
    let known = try? Compiler(program.options).compile(
      old.model, sizes: old.sizes, batch: program.batch, ragged: program.ragged)
    if let known, structurallyEqual(try trained(program), try trained(known)) { return }
    let difference = program.source.difference(from: old.model) ?? program.difference(fromSizes: old.sizes)
    throw InputError(
      "model '\(program.source.name)' of '\(program.source.path)' is not the one that \(origin) was made with",
      notes: [difference].compactMap { $0 } + [
        "leave the file of the model out to go on with that of the checkpoint, or start a new run"
      ])
  }

  /// Whether all epochs are done, or no further one is worth while.
  public var isComplete: Bool { position.epoch >= options.epochs || hasLostPatience }

  /// Whether the last epochs did not lower the validation loss, as many as the options bear.
  public var hasLostPatience: Bool {
    guard let patience = options.patience, let best = position.best else { return false }
    return position.epoch - best.epoch >= patience
  }

  /// What the run is counted in.
  public var unit: TrainingUnit { source.unit }

  /// The run at rest, between two batches.
  public func checkpoint() -> Checkpoint {
    let program = trainer.program
    let latest = trainer.parameters
    let best = bestParameters ?? latest
    return Checkpoint(
      metadata: CheckpointMetadata(
        model: program.source, sizes: program.sizes, elementType: program.options.elementType,
        vocabulary: corpus?.vocabulary, tokenization: corpus?.tokenization, options: options,
        position: position),
      parameters: best, latestParameters: best == latest ? nil : latest,
      optimizerState: trainer.optimizerState,
      // Every batch of examples starts from states of its own.
      recurrentState: corpus == nil ? [:] : trainer.recurrentState)
  }
}

// MARK: - Epochs

extension TrainingRun {
  /// What happens between two batches.
  public struct Hooks {
    /// Whether to stop at the next batch boundary.
    public var shouldStop: () -> Bool = { false }
    /// Called after each batch.
    public var batchDone: (TrainingProgress) throws -> Void = { _ in }
    /// Called after each epoch, when the position is that of the next.
    public var epochDone: (EpochReport) throws -> Void = { _ in }

    /// Makes hooks that do nothing.
    public init() {}
  }

  /// Trains until all epochs are done or a hook wants to stop; gives whether all are done.
  ///
  /// - Throws: `InputError` if the loss or the gradient is no number any more, and whatever a hook throws.
  @discardableResult
  public func run(_ hooks: Hooks = Hooks()) throws -> Bool {
    if hasDiverged { throw InputError("the training diverged, and cannot go on") }
    let clock = ContinuousClock()
    let start = clock.now
    let startFraction = isComplete ? 1 : fraction(source.batchCount(epoch: position.epoch))
    let startUnits = unitsDone
    while !isComplete {
      let batches = source.batchCount(epoch: position.epoch)
      let epochStart = clock.now
      let epochUnits = unitsDone
      while position.batch < batches {
        if hooks.shouldStop() { return false }
        try stepOnce()
        let fraction = fraction(batches)
        let elapsed = (clock.now - start).seconds
        let share = fraction - startFraction
        try hooks.batchDone(
          TrainingProgress(
            epoch: position.epoch + 1, epochs: options.epochs, fraction: fraction,
            speed: Double(unitsDone - startUnits) / max(elapsed, 1e-9), unit: unit,
            evaluation: position.sums.mean ?? position.last?.training,
            secondsLeft: share > 0 ? elapsed / share * (1 - fraction) : nil))
      }
      let seconds = (clock.now - epochStart).seconds
      let result = try endEpoch()
      try hooks.epochDone(
        EpochReport(
          result, unit: unit, isBest: position.best == result, units: unitsDone - epochUnits,
          seconds: seconds))
    }
    return true
  }

  private func stepOnce() throws {
    let (step, units) = try source.step(epoch: position.epoch, batch: position.batch, trainer)
    position.step += 1
    guard step.loss.isFinite else { throw diverged("the loss", step.loss) }
    if let norm = step.gradientNorm, !norm.isFinite { throw diverged("the norm of the gradient", norm) }
    position.batch += 1
    stepsDone += 1
    unitsDone += units
    try trainer.addEvaluation(to: &position.sums)
  }

  /// Closes an epoch: measures on the validation data, and makes the position that of the next epoch.
  private func endEpoch() throws -> EpochResult {
    guard let training = position.sums.mean else {
      throw InputError("there is nothing to learn from: no example has a valid step, or one with a weight")
    }
    guard training.loss.isFinite else { throw diverged("the mean loss of the epoch", training.loss) }
    let number = position.epoch + 1
    let result = EpochResult(epoch: number, training: training, validation: try source.validate(trainer))
    if let validation = result.validation {
      guard validation.loss.isFinite else { throw diverged("the validation loss", validation.loss) }
      if validation.loss < position.best?.validation?.loss ?? .infinity {
        position.best = result
        bestParameters = trainer.parameters
      }
    }
    trainer.endEpoch(loss: (result.validation ?? training).loss)
    position = TrainingPosition(epoch: number, step: position.step, last: result, best: position.best)
    return result
  }

  private func diverged(_ what: String, _ value: Double) -> InputError {
    hasDiverged = true
    return InputError(
      "\(what) became \(value.withoutSignOfNaN) in step \(position.step) (epoch \(position.epoch + 1), batch "
        + "\(position.batch + 1)): the training diverged",
      note: "lower --lr, or bound the gradient with --clip")
  }

  private func fraction(_ batches: Int) -> Double {
    (Double(position.epoch) + Double(position.batch) / Double(max(batches, 1))) / Double(options.epochs)
  }
}

extension Duration {
  /// The duration in seconds.
  public var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

// MARK: - Batches without a run

extension TextCorpus {
  /// The batches of an epoch in which each row continues that of the batch before.
  ///
  /// - Throws: `InputError` if the text does not fill one batch.
  public func sequentialBatches(
    batch: Int, steps: Int, epoch: Int = 0, seed: UInt64 = 0
  ) throws -> some Sequence<TokenBatch> {
    try batches(batch, steps: steps, order: .sequential, seed: seed).epoch(epoch).batches()
  }
}
