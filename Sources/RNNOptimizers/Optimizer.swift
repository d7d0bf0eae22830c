import RNNGraph

/// How a parameter follows its gradient.
///
/// A further optimiser is a case with a rule in `update(_:gradient:in:)`; what it keeps between steps are inputs with
/// the role `optimizer`, made by the rule through `OptimizerStep.state(_:of:)`.
public enum Optimizer: Sendable, Hashable {
  /// Stochastic gradient descent.
  case sgd
  /// Stochastic gradient descent with a velocity that keeps this part of itself in each step.
  case momentum(Double)
}

extension Optimizer {
  /// The next value of one parameter.
  func update(_ parameter: Input, gradient: ValueID, in step: OptimizerStep) throws -> ValueID {
    switch self {
    // p' = p - η g
    case .sgd: return step.descend(parameter, along: gradient)
    // v' = μ v + g, p' = p - η v'
    case .momentum(let decay):
      let builder = step.builder
      let velocity = try step.state("velocity", of: parameter)
      let next = builder.add(builder.scale(velocity.value, by: decay), gradient)
      try step.replace(velocity, with: next)
      return step.descend(parameter, along: next)
    }
  }
}
