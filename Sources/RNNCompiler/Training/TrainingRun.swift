import Foundation
import RNNGraph

/// A training run over a text: epochs of batches, the perplexity, checkpoints, and resuming from one.
///
/// A run that was interrupted and resumed ends with the same bits as one that was not.
public final class TrainingRun {
  /// The text.
  public let corpus: Corpus
  /// What decides the result.
  public private(set) var options: TrainingOptions
  /// How much is done.
  public private(set) var position = TrainingPosition()
  /// The number of batches of this run of the program.
  public private(set) var stepsDone = 0
  /// The parameters in training.
  public let trainer: Trainer

  private let sampler: BatchSampler
  private var buffer: TokenBatch

  /// Prepares a run from its start.
  ///
  /// - Parameters:
  ///   - program: compiled for `options.batchSize` and the vocabulary of the text.
  ///   - options: `dataFingerprint` is filled in.
  /// - Throws: `InputError` if the text does not fit the model or does not fill a batch.
  public init(_ program: Program, corpus: Corpus, options: TrainingOptions) throws {
    guard options.epochs > 0 else { throw InputError("\(options.epochs) epochs train nothing") }
    guard options.steps > 0 else { throw InputError("batches of \(options.steps) steps hold no text") }
    precondition(options.batchSize == program.batch, "the program is compiled for another batch")
    let text = try TextInterface(program.model.graph)
    guard text.idLimit >= corpus.vocabulary.count else {
      throw InputError(
        "input '\(text.input)' of the model takes tokens below \(text.idLimit), but the text has \(corpus.vocabulary.count)",
        note: "declare it as 'token(V)' with a size V of the model, which then becomes the number of tokens")
    }
    sampler = try corpus.batches(
      options.batchSize, steps: options.steps, order: options.order, seed: options.seed)
    buffer = TokenBatch(batchSize: options.batchSize, steps: options.steps)
    self.corpus = corpus
    self.options = options
    self.options.dataFingerprint = corpus.fingerprint
    trainer = try Trainer(program, options: options.optimization, seed: options.seed)
  }

  /// Continues where a checkpoint stands.
  ///
  /// - Parameters:
  ///   - options: those of the checkpoint, perhaps with other numbers of epochs, learning rate or clipping.
  ///   - origin: what the checkpoint is, for messages.
  /// - Throws: `InputError` also if the checkpoint is of another model, other sizes or another text.
  public convenience init(
    _ program: Program, corpus: Corpus, options: TrainingOptions, resuming checkpoint: Checkpoint,
    origin: String
  ) throws {
    try self.init(program, corpus: corpus, options: options)
    let old = checkpoint.metadata
    guard old.options.dataFingerprint == corpus.fingerprint else {
      throw InputError(
        "\(origin) was made with another text",
        note: "give the same files, --tokens, --max-tokens and --min-freq")
    }
    try trainer.restore(checkpoint, origin: origin)
    position = old.position
    if position.epoch < options.epochs, position.batch >= sampler.epoch(position.epoch).count {
      throw InputError("\(origin) stands behind the last batch of its epoch: it is damaged")
    }
  }

  /// Whether all epochs are done.
  public var isComplete: Bool { position.epoch >= options.epochs }

  /// The run at rest, between two batches.
  public func checkpoint() -> Checkpoint {
    let program = trainer.program
    return Checkpoint(
      metadata: CheckpointMetadata(
        model: program.source, sizes: program.sizes, elementType: program.options.elementType,
        vocabulary: corpus.vocabulary, tokenization: corpus.tokenization, options: options,
        position: position),
      parameters: trainer.parameters, optimizerState: trainer.optimizerState,
      recurrentState: trainer.recurrentState)
  }
}

// MARK: - Epochs

/// What an epoch gave.
public struct EpochReport: Sendable, Hashable, Codable {
  /// The number of the epoch, from 1.
  public let epoch: Int
  /// e to the power of the mean loss of a token.
  public let perplexity: Double
  /// Tokens trained on in a second, in this run of the program.
  public let tokensPerSecond: Double
  /// How long the epoch took, in this run of the program.
  public let seconds: Double
}

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
  /// - Throws: `InputError` if the loss is no number any more, and whatever a hook throws.
  @discardableResult
  public func run(_ hooks: Hooks = Hooks()) throws -> Bool {
    let clock = ContinuousClock()
    let start = clock.now
    let startFraction = fraction(sampler.epoch(min(position.epoch, options.epochs)).count)
    var tokensDone = 0
    while !isComplete {
      let epoch = sampler.epoch(position.epoch)
      let epochStart = clock.now
      var epochTokens = 0
      while position.batch < epoch.count {
        if hooks.shouldStop() { return false }
        epoch.write(position.batch, into: &buffer)
        let step = try trainer.step(buffer)
        guard step.loss.isFinite else { throw diverged(step.loss) }
        position.batch += 1
        position.step += 1
        stepsDone += 1
        position.lossSum += step.loss * Double(epoch.tokensPerBatch)
        position.tokenCount += epoch.tokensPerBatch
        epochTokens += epoch.tokensPerBatch
        tokensDone += epoch.tokensPerBatch
        let fraction = fraction(epoch.count)
        let elapsed = (clock.now - start).seconds
        let share = fraction - startFraction
        try hooks.batchDone(
          TrainingProgress(
            epoch: position.epoch + 1, epochs: options.epochs, fraction: fraction,
            tokensPerSecond: Double(tokensDone) / max(elapsed, 1e-9), perplexity: perplexity,
            secondsLeft: share > 0 ? elapsed / share * (1 - fraction) : nil))
      }
      let seconds = (clock.now - epochStart).seconds
      let perplexity = perplexity ?? .nan
      trainer.endEpoch(loss: position.lossSum / Double(position.tokenCount))
      position = TrainingPosition(epoch: position.epoch + 1, step: position.step, perplexity: perplexity)
      try hooks.epochDone(
        EpochReport(
          epoch: position.epoch, perplexity: perplexity,
          tokensPerSecond: Double(epochTokens) / max(seconds, 1e-9), seconds: seconds))
    }
    return true
  }

  /// The perplexity of this epoch so far, or of the last one at its start.
  private var perplexity: Double? {
    position.tokenCount > 0 ? exp(position.lossSum / Double(position.tokenCount)) : position.perplexity
  }

  private func fraction(_ batches: Int) -> Double {
    (Double(position.epoch) + Double(position.batch) / Double(max(batches, 1))) / Double(options.epochs)
  }

  private func diverged(_ loss: Double) -> InputError {
    InputError(
      "the loss became \(loss) in epoch \(position.epoch + 1), batch \(position.batch + 1): the training diverged",
      note: "lower --lr, or bound the gradient with --clip; the last checkpoint is unchanged")
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
