import RNNSupport

/// An optimiser with its learning rate.
public struct LearningRule: Sendable, Hashable {
  /// How parameters follow their gradients.
  public var optimizer: Optimizer
  /// The factor of each change; it may be set anew before every step.
  public var learningRate: Double

  /// Chooses an optimiser and its learning rate.
  public init(_ optimizer: Optimizer, learningRate: Double) {
    self.optimizer = optimizer
    self.learningRate = learningRate
  }

  /// Stochastic gradient descent.
  public static func sgd(learningRate: Double) -> Self { Self(.sgd, learningRate: learningRate) }

  /// Stochastic gradient descent with a velocity that keeps the part `decay` of itself in each step.
  public static func momentum(learningRate: Double, decay: Double = 0.9) -> Self {
    Self(.momentum(decay), learningRate: learningRate)
  }
}

extension LearningRule {
  /// The names of all optimisers.
  public static let names = ["sgd", "momentum"]

  /// The name by which a user asks for the optimiser.
  public var name: String {
    switch optimizer {
    case .sgd: "sgd"
    case .momentum: "momentum"
    }
  }

  /// The optimiser's numbers beside the learning rate, by name.
  public var settings: [String: Double] {
    switch optimizer {
    case .sgd: [:]
    case .momentum(let decay): ["momentum": decay]
    }
  }

  /// Finds an optimiser by its name; numbers that `settings` leaves out have their usual values.
  ///
  /// - Throws: `InputError` if there is no such optimiser, or a number makes no sense.
  public init(named name: String, learningRate: Double, settings: [String: Double] = [:]) throws {
    guard learningRate > 0, learningRate.isFinite else {
      throw InputError("the learning rate is \(learningRate)", note: "choose a positive number")
    }
    switch name {
    case "sgd": self = .sgd(learningRate: learningRate)
    case "momentum":
      let decay = settings["momentum"] ?? 0.9
      guard (0..<1).contains(decay) else {
        throw InputError("the momentum is \(decay)", note: "choose a number from 0 to below 1")
      }
      self = .momentum(learningRate: learningRate, decay: decay)
    default:
      let near = nearestName(to: name, among: Self.names).map { "did you mean '\($0)'? " } ?? ""
      throw InputError(
        "there is no optimizer '\(name)'", note: "\(near)there are \(Self.names.joined(separator: ", "))")
    }
  }
}
