extension Optimizer {
  /// RMSprop (Hinton, 2012), `torch.optim.RMSprop`.
  ///
  ///     g = ∂L/∂p + λ p
  ///     s' = α s + (1 - α) g²,  centered: a' = α a + (1 - α) g
  ///     d = g / (√s' + ε),      centered: d = g / (√max(s' - a'², 0) + ε)
  ///     p' = p - η d,           with momentum: v' = μ v + d,  p' = p - η v'
  ///
  /// - Parameters:
  ///   - alpha: α.
  ///   - epsilon: ε.
  ///   - momentum: μ; 0 for no velocity.
  ///   - isCentered: whether gradients are measured against their mean.
  ///   - weightDecay: λ.
  public static func rmsprop(
    learningRate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0,
    isCentered: Bool = false, weightDecay: Double = 0
  ) -> Self {
    Self(
      "rmsprop", learningRate: learningRate,
      [
        .alpha: alpha, .epsilon: epsilon, .momentum: momentum, .centered: isCentered ? 1 : 0,
        .weightDecay: weightDecay,
      ]
    ) { step in
      { p, gradient in
        let g = step.decayed(gradient, p)
        var square = try step.state("square_mean", of: p) { mean($0, g * g, keeping: step[.alpha]) }
        if step[.centered] != 0 {
          let average = try step.state("mean", of: p) { mean($0, g, keeping: step[.alpha]) }
          // Rounding may leave less than nothing.
          square = max(square - average * average, 0)
        }
        var direction = g / (sqrt(square) + step[.epsilon])
        if step[.momentum] != 0 {
          let old = direction
          direction = try step.state("velocity", of: p) { step[.momentum] * $0 + old }
        }
        return p.value - step.learningRate * direction
      }
    }
  }
}
