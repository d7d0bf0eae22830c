/// What an epoch gave, as it is reported.
public struct EpochReport: Sendable, Hashable, Encodable {
  /// The number of the epoch, from 1.
  public let epoch: Int
  /// The mean loss over the epoch's batches, each before the step on it.
  public let loss: Double
  /// The part of the tokens that was predicted, where the loss is a cross-entropy; 0...1.
  public let accuracy: Double?
  /// e to the power of the loss, for a text.
  public let perplexity: Double?
  /// The mean loss over the validation data after the epoch.
  public let validationLoss: Double?
  /// The part of the validation data's tokens that is predicted.
  public let validationAccuracy: Double?
  /// e to the power of the validation loss, for a text.
  public let validationPerplexity: Double?
  /// Whether no epoch so far had a lower validation loss; nil without validation data.
  public let isBest: Bool?
  /// Tokens of a text trained on in a second, in this run of the program.
  public let tokensPerSecond: Double?
  /// Examples of a data set trained on in a second, in this run of the program.
  public let examplesPerSecond: Double?
  /// How long the epoch took, in this run of the program, without its validation.
  public let seconds: Double

  init(_ result: EpochResult, unit: TrainingUnit, isBest: Bool, units: Int, seconds: Double) {
    epoch = result.epoch
    loss = result.training.loss
    accuracy = result.training.accuracy
    validationLoss = result.validation?.loss
    validationAccuracy = result.validation?.accuracy
    self.isBest = result.validation == nil ? nil : isBest
    let isText = unit == .tokens
    perplexity = isText ? result.training.perplexity : nil
    validationPerplexity = isText ? result.validation?.perplexity : nil
    let speed = Double(units) / max(seconds, 1e-9)
    tokensPerSecond = isText ? speed : nil
    examplesPerSecond = isText ? nil : speed
    self.seconds = seconds
  }

  private enum Key: String, CodingKey {
    case epoch, loss, accuracy, perplexity, validationLoss, validationAccuracy, validationPerplexity, isBest
    case tokensPerSecond, examplesPerSecond, seconds
  }

  /// Writes what there is; a number that is not finite, as a perplexity may be, is null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(epoch, forKey: .epoch)
    try container.encodeIfPresent(isBest, forKey: .isBest)
    let numbers: [(Key, Double?)] = [
      (.loss, loss), (.accuracy, accuracy), (.perplexity, perplexity), (.validationLoss, validationLoss),
      (.validationAccuracy, validationAccuracy), (.validationPerplexity, validationPerplexity),
      (.tokensPerSecond, tokensPerSecond), (.examplesPerSecond, examplesPerSecond), (.seconds, seconds),
    ]
    for (key, number) in numbers { try container.encodeIfPresent(number.map(JSONNumber.init), forKey: key) }
  }

  /// What the epoch's batches gave.
  public var training: Evaluation { Evaluation(loss: loss, accuracy: accuracy) }

  /// What the validation data gave.
  public var validation: Evaluation? {
    validationLoss.map { Evaluation(loss: $0, accuracy: validationAccuracy) }
  }
}
