/// How parameters follow their gradients: a rule with its settings, and the learning rate.
///
///     Optimizer.adam(learningRate: 1e-3)
///
/// A further optimiser is a file with a static function, which names its settings with their usual values and holds
/// its rule, and a place in `all`. A setting that no other has is a case of `OptimizerSetting`.
public struct Optimizer: Sendable, Hashable {
  /// What a step does to each parameter.
  public private(set) var rule: UpdateRule
  /// The factor of each change.
  public var learningRate: Double

  /// Every optimiser, with its usual values.
  public static let all: [Optimizer] = [
    .sgd(), .momentum(), .nesterov(), .adam(), .adamW(), .rmsprop(), .adagrad(),
  ]

  /// Makes an optimiser; the rule finds the values of its settings in the step.
  init(
    _ name: String, learningRate: Double, _ settings: [OptimizerSetting: Double],
    _ begin: @escaping UpdateRule.Begin
  ) {
    rule = UpdateRule(name: name, settings: settings, begin: begin)
    self.learningRate = learningRate
  }

  /// The name by which a user asks for it.
  public var name: String { rule.name }

  /// The numbers that it has beside the learning rate.
  public var settings: [OptimizerSetting: Double] { rule.settings }

  /// Changes the value of a setting.
  ///
  /// - Requires: the optimiser has the setting.
  public mutating func set(_ setting: OptimizerSetting, to number: Double) {
    precondition(settings[setting] != nil, "\(name) has no setting \(setting)")
    rule.settings[setting] = number
  }
}

/// What an optimiser does to each parameter, apart from the learning rate: what its code depends on.
public struct UpdateRule: Sendable, Hashable {
  /// Makes the next value of one parameter.
  typealias Update = (_ parameter: Parameter, _ gradient: Term) throws -> Term
  /// Adds what all parameters share to a step, and gives the rule for each.
  typealias Begin = @Sendable (_ step: OptimizerStep) throws -> Update

  /// The name of the optimiser.
  public let name: String
  /// Its numbers.
  public internal(set) var settings: [OptimizerSetting: Double]
  let begin: Begin

  /// Whether names and numbers are the same.
  public static func == (a: Self, b: Self) -> Bool { a.name == b.name && a.settings == b.settings }

  /// Hashes name and numbers.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(settings)
  }
}
