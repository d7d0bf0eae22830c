/// What an epoch gave, as it is reported.
public struct EpochReport: Sendable, Hashable, Encodable {
  /// The number of the epoch, from 1.
  public let epoch: Int
  /// The mean loss over the epoch's batches, each before the step on it.
  public let loss: Double
  /// The part of the tokens that was predicted, where the loss is a cross-entropy; 0...1.
  public let accuracy: Double?
  /// The parts of the loss that have a name, and what else the model measures; nil if there is none.
  public let terms: [String: Double]?, measures: [String: Double]?
  /// e to the power of the loss, for a text.
  public let perplexity: Double?
  /// The mean loss over the validation data after the epoch.
  public let validationLoss: Double?
  /// The part of the validation data's tokens that is predicted.
  public let validationAccuracy: Double?
  /// The parts of the validation loss that have a name, and what else is measured on the validation data.
  public let validationTerms: [String: Double]?, validationMeasures: [String: Double]?
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
    func some(_ numbers: [String: Double]?) -> [String: Double]? { numbers?.isEmpty == true ? nil : numbers }
    (terms, measures) = (some(result.training.terms), some(result.training.measures))
    validationTerms = some(result.validation?.terms)
    validationMeasures = some(result.validation?.measures)
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
    case terms, measures, validationTerms, validationMeasures
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
    let groups: [(Key, [String: Double]?)] = [
      (.terms, terms), (.measures, measures), (.validationTerms, validationTerms),
      (.validationMeasures, validationMeasures),
    ]
    for (key, group) in groups {
      try container.encodeIfPresent(group?.mapValues(JSONNumber.init), forKey: key)
    }
  }

  /// What the epoch's batches gave.
  public var training: Evaluation {
    Evaluation(loss: loss, accuracy: accuracy, terms: terms ?? [:], measures: measures ?? [:])
  }

  /// What the validation data gave.
  public var validation: Evaluation? {
    validationLoss.map {
      Evaluation(
        loss: $0, accuracy: validationAccuracy, terms: validationTerms ?? [:],
        measures: validationMeasures ?? [:])
    }
  }
}
