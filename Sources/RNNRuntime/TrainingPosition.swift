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
public struct Evaluation: Hashable, Sendable {
  /// The mean of the loss: over tokens, steps or examples, as the model says.
  public var loss: Double
  /// The part of the tokens that the model predicts, where its loss is a cross-entropy; 0...1.
  public var accuracy: Double?
  /// The parts of the loss that have a name; the loss is their sum.
  public var terms: [String: Double]
  /// What else the model measures, by name.
  public var measures: [String: Double]

  /// Collects the parts.
  public init(
    loss: Double, accuracy: Double? = nil, terms: [String: Double] = [:], measures: [String: Double] = [:]
  ) {
    self.loss = loss
    self.accuracy = accuracy
    self.terms = terms
    self.measures = measures
  }

  /// e to the power of the loss: for a mean cross-entropy of tokens, among how many equally likely ones it is as hard to
  /// choose. It is infinite where that is more than the greatest number, which a loss above 709 is enough for.
  public var perplexity: Double { exp(loss) }
}

/// Means of several batches on their way to one mean of all.
public struct EvaluationSums: Equatable, Sendable {
  /// A sum of numbers, each times its weight.
  public struct Sum: Codable, Equatable, Sendable {
    /// The sum.
    public var sum = 0.0
    /// The sum of the weights.
    public var weight = 0.0

    /// The weighted mean; nil if nothing has a weight.
    public var mean: Double? { weight > 0 ? sum / weight : nil }

    /// A sum of nothing.
    public init() {}

    /// Adds a number.
    public mutating func add(_ number: Double, weight: Double) {
      // A batch in which nothing counts has no mean.
      guard weight > 0 else { return }
      sum += number * weight
      self.weight += weight
    }
  }

  /// The losses.
  public private(set) var loss = Sum()
  /// The accuracies; of nothing if the loss is no cross-entropy.
  public private(set) var accuracy = Sum()
  /// The parts of the loss that have a name.
  public private(set) var terms: [String: Sum] = [:]
  /// What else is measured, by name.
  public private(set) var measures: [String: Sum] = [:]

  /// Makes sums of nothing.
  public init() {}

  /// Adds the mean loss of tokens, steps or examples, which weigh this much together.
  public mutating func add(loss: Double, weight: Double) { self.loss.add(loss, weight: weight) }

  /// Adds the accuracy on tokens which weigh this much together.
  public mutating func add(accuracy: Double, weight: Double) { self.accuracy.add(accuracy, weight: weight) }

  /// Adds a part of the loss.
  public mutating func add(term name: String, _ mean: Double, weight: Double) {
    terms[name, default: Sum()].add(mean, weight: weight)
  }

  /// Adds something else that is measured.
  public mutating func add(measure name: String, _ mean: Double, weight: Double) {
    measures[name, default: Sum()].add(mean, weight: weight)
  }

  /// The mean of all; nil if there was nothing.
  ///
  /// A loss of several parts is the sum of their means, each of which is a mean over what that part is about.
  public var mean: Evaluation? {
    let parts = terms.mapValues { $0.mean ?? 0 }
    let total = terms.isEmpty ? loss.mean : loss.weight > 0 ? parts.values.sorted().reduce(0, +) : nil
    guard let total else { return nil }
    return Evaluation(
      loss: total, accuracy: accuracy.mean, terms: parts, measures: measures.compactMapValues(\.mean))
  }
}

// MARK: - In checkpoints

extension Evaluation: Codable {
  private enum Key: String, CodingKey { case loss, accuracy, terms, measures }

  /// Reads what `encode` wrote, and what versions without parts of a loss did.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      loss: try container.decode(Double.self, forKey: .loss),
      accuracy: try container.decodeIfPresent(Double.self, forKey: .accuracy),
      terms: try container.decodeIfPresent([String: Double].self, forKey: .terms) ?? [:],
      measures: try container.decodeIfPresent([String: Double].self, forKey: .measures) ?? [:])
  }

  /// Writes what there is.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(loss, forKey: .loss)
    try container.encodeIfPresent(accuracy, forKey: .accuracy)
    if !terms.isEmpty { try container.encode(terms, forKey: .terms) }
    if !measures.isEmpty { try container.encode(measures, forKey: .measures) }
  }
}

extension EvaluationSums: Codable {
  private enum Key: String, CodingKey { case loss, lossCount, correct, tokenCount, terms, measures }

  /// Reads what `encode` wrote, and what versions without weights did.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    loss.sum = try container.decode(Double.self, forKey: .loss)
    loss.weight = try container.decode(Double.self, forKey: .lossCount)
    accuracy.sum = try container.decode(Double.self, forKey: .correct)
    accuracy.weight = try container.decode(Double.self, forKey: .tokenCount)
    terms = try container.decodeIfPresent([String: Sum].self, forKey: .terms) ?? [:]
    measures = try container.decodeIfPresent([String: Sum].self, forKey: .measures) ?? [:]
  }

  /// Writes what there is.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(loss.sum, forKey: .loss)
    try container.encode(loss.weight, forKey: .lossCount)
    try container.encode(accuracy.sum, forKey: .correct)
    try container.encode(accuracy.weight, forKey: .tokenCount)
    if !terms.isEmpty { try container.encode(terms, forKey: .terms) }
    if !measures.isEmpty { try container.encode(measures, forKey: .measures) }
  }
}
