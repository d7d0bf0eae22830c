/// A number that an optimiser has beside the learning rate; the raw value is its name in checkpoints.
public enum OptimizerSetting: String, Sendable, Hashable, CaseIterable {
  /// The part of a velocity that is kept in a step.
  case momentum
  /// The factor of a parameter that is added to its gradient; of one that is taken away in each step for AdamW.
  case weightDecay = "weight_decay"
  /// The part of the mean of gradients that is kept in a step.
  case beta1
  /// The part of the mean of squared gradients that is kept in a step.
  case beta2
  /// What keeps a divisor from being zero.
  case epsilon
  /// The part of the mean of squared gradients that is kept in a step.
  case alpha
  /// 1 if the mean of gradients is taken from them, 0 if not.
  case centered
  /// The learning rate is divided by 1 + this times the number of steps done.
  case learningRateDecay = "lr_decay"
  /// What the sum of squared gradients starts from.
  case initialAccumulator = "initial_accumulator"

  /// Whether a number makes sense.
  public func accepts(_ number: Double) -> Bool {
    switch self {
    case .momentum, .beta1, .beta2, .alpha: (0..<1).contains(number)
    case .weightDecay, .learningRateDecay, .initialAccumulator: number >= 0 && number.isFinite
    case .epsilon: number > 0 && number.isFinite
    case .centered: number == 0 || number == 1
    }
  }

  /// Which numbers make sense, for messages.
  public var domain: String {
    switch self {
    case .momentum, .beta1, .beta2, .alpha: "a number from 0 to below 1"
    case .weightDecay, .learningRateDecay, .initialAccumulator: "0 or a positive number"
    case .epsilon: "a positive number"
    case .centered: "0 or 1"
    }
  }
}
