extension Optimizer {
  /// Adagrad (Duchi, Hazan and Singer, 2011), `torch.optim.Adagrad`.
  ///
  ///     g = ∂L/∂p + λ p
  ///     s' = s + g²
  ///     p' = p - η / (1 + (t - 1) δ) · g / (√s' + ε)
  ///
  /// - Parameters:
  ///   - learningRateDecay: δ.
  ///   - initialAccumulator: the s of the first step.
  ///   - epsilon: ε.
  ///   - weightDecay: λ.
  public static func adagrad(
    learningRate: Double = 1e-2, learningRateDecay: Double = 0, initialAccumulator: Double = 0,
    epsilon: Double = 1e-10, weightDecay: Double = 0
  ) -> Self {
    Self(
      "adagrad", learningRate: learningRate,
      [
        .learningRateDecay: learningRateDecay, .initialAccumulator: initialAccumulator, .epsilon: epsilon,
        .weightDecay: weightDecay,
      ]
    ) { step in
      var rate = step.learningRate
      if step[.learningRateDecay] != 0 {
        rate = rate / (step[.learningRateDecay] * (try step.updatesDone()) + 1)
      }
      let stepRate = rate
      return { p, gradient in
        let g = step.decayed(gradient, p)
        // What is kept starts at zero, so the initial value stands beside it.
        let sum = try step.state("square_sum", of: p) { $0 + g * g }
        return p.value - stepRate * (g / (sqrt(sum + step[.initialAccumulator]) + step[.epsilon]))
      }
    }
  }
}
