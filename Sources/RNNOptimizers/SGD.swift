extension Optimizer {
  /// Stochastic gradient descent, `torch.optim.SGD`.
  ///
  ///     g = ∂L/∂p + λ p
  ///     p' = p - η g
  ///
  /// - Parameter weightDecay: λ.
  public static func sgd(learningRate: Double = 1, weightDecay: Double = 0) -> Self {
    Self("sgd", learningRate: learningRate, [.weightDecay: weightDecay]) { step in
      { p, gradient in p.value - step.learningRate * step.decayed(gradient, p) }
    }
  }

  /// Stochastic gradient descent with a velocity, `torch.optim.SGD(momentum:)`.
  ///
  ///     g = ∂L/∂p + λ p
  ///     v' = μ v + g
  ///     p' = p - η v'
  ///
  /// - Parameters:
  ///   - momentum: μ.
  ///   - weightDecay: λ.
  public static func momentum(
    learningRate: Double = 0.1, momentum: Double = 0.9, weightDecay: Double = 0
  ) -> Self {
    Self(
      "momentum", learningRate: learningRate, [.momentum: momentum, .weightDecay: weightDecay]
    ) { step in
      { p, gradient in
        let g = step.decayed(gradient, p)
        let velocity = try step.state("velocity", of: p) { step[.momentum] * $0 + g }
        return p.value - step.learningRate * velocity
      }
    }
  }

  /// Stochastic gradient descent that looks ahead along its velocity, `torch.optim.SGD(nesterov: True)`.
  ///
  ///     g = ∂L/∂p + λ p
  ///     v' = μ v + g
  ///     p' = p - η (g + μ v')
  ///
  /// - Parameters:
  ///   - momentum: μ.
  ///   - weightDecay: λ.
  public static func nesterov(
    learningRate: Double = 0.1, momentum: Double = 0.9, weightDecay: Double = 0
  ) -> Self {
    Self(
      "nesterov", learningRate: learningRate, [.momentum: momentum, .weightDecay: weightDecay]
    ) { step in
      { p, gradient in
        let g = step.decayed(gradient, p)
        let velocity = try step.state("velocity", of: p) { step[.momentum] * $0 + g }
        return p.value - step.learningRate * (g + step[.momentum] * velocity)
      }
    }
  }
}
