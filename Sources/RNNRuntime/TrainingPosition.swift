import Foundation

/// How much of a training run is done.
public struct TrainingPosition: Codable, Equatable, Sendable {
  /// The epoch that is under way, from 0; equal to the number of epochs when the run is complete.
  public var epoch: Int
  /// The next batch of the epoch, from 0.
  public var batch: Int
  /// The number of batches of the whole run.
  public var step: Int
  /// What this epoch's batches gave so far.
  public var sums: EvaluationSums
  /// What the last complete epoch gave.
  public var last: EpochResult?
  /// The epoch with the least loss on the validation data.
  public var best: EpochResult?

  /// Makes a position, that of the start by default.
  public init(
    epoch: Int = 0, batch: Int = 0, step: Int = 0, sums: EvaluationSums = EvaluationSums(),
    last: EpochResult? = nil, best: EpochResult? = nil
  ) {
    self.epoch = epoch
    self.batch = batch
    self.step = step
    self.sums = sums
    self.last = last
    self.best = best
  }
}

/// What a complete epoch gave.
public struct EpochResult: Codable, Equatable, Sendable {
  /// The number of the epoch, from 1.
  public var epoch: Int
  /// The means over the epoch's batches, each before the step on it.
  public var training: Evaluation
  /// The means over the validation data after the epoch; nil if there is none.
  public var validation: Evaluation?

  /// Collects the parts.
  public init(epoch: Int, training: Evaluation, validation: Evaluation? = nil) {
    self.epoch = epoch
    self.training = training
    self.validation = validation
  }
}

/// How well a model does on some data.
public struct Evaluation: Codable, Hashable, Sendable {
  /// The mean of the loss: over tokens, steps or examples, as the model says.
  public var loss: Double
  /// The part of the tokens that the model predicts, where its loss is a cross-entropy; 0...1.
  public var accuracy: Double?

  /// Collects the parts.
  public init(loss: Double, accuracy: Double? = nil) {
    self.loss = loss
    self.accuracy = accuracy
  }

  /// e to the power of the loss: for a mean cross-entropy of tokens, among how many equally likely ones it is as hard to
  /// choose. It is infinite where that is more than the greatest number, which a loss above 709 is enough for.
  public var perplexity: Double { exp(loss) }
}

/// Means of several batches on their way to one mean of all.
public struct EvaluationSums: Codable, Equatable, Sendable {
  /// The sum of the losses.
  public var loss = 0.0
  /// The number of losses in the sum.
  public var lossCount = 0
  /// The number of predicted tokens.
  public var correct = 0.0
  /// The number of tokens to predict; 0 if the loss is no cross-entropy.
  public var tokenCount = 0

  /// Makes sums of nothing.
  public init() {}

  /// Adds the mean loss of `count` tokens, steps or examples.
  public mutating func add(loss: Double, count: Int) {
    // A batch in which nothing counts has no mean.
    guard count > 0 else { return }
    self.loss += loss * Double(count)
    lossCount += count
  }

  /// Adds the accuracy on `count` tokens.
  public mutating func add(accuracy: Double, count: Int) {
    guard count > 0 else { return }
    correct += accuracy * Double(count)
    tokenCount += count
  }

  /// The mean of all; nil if there was nothing.
  public var mean: Evaluation? {
    guard lossCount > 0 else { return nil }
    return Evaluation(
      loss: loss / Double(lossCount), accuracy: tokenCount > 0 ? correct / Double(tokenCount) : nil)
  }
}
