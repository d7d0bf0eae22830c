extension Optimizer {
  /// Adam (Kingma and Ba, 2015), `torch.optim.Adam`.
  ///
  ///     g = ∂L/∂p + λ p
  ///     m' = β₁ m + (1 - β₁) g,  v' = β₂ v + (1 - β₂) g²
  ///     p' = p - η m' / (1 - β₁ᵗ) / (√(v' / (1 - β₂ᵗ)) + ε)
  ///
  /// - Parameters:
  ///   - beta1: β₁.
  ///   - beta2: β₂.
  ///   - epsilon: ε.
  ///   - weightDecay: λ.
  public static func adam(
    learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0
  ) -> Self {
    Self(
      "adam", learningRate: learningRate,
      [.beta1: beta1, .beta2: beta2, .epsilon: epsilon, .weightDecay: weightDecay]
    ) { step in
      let moments = try Moments(step)
      return { p, gradient in try p.value - moments.change(p, step.decayed(gradient, p)) }
    }
  }

  /// Adam with a decay of weights that does not pass through the moments (Loshchilov and Hutter, 2019),
  /// `torch.optim.AdamW`.
  ///
  ///     p' = p - η λ p - η m' / (1 - β₁ᵗ) / (√(v' / (1 - β₂ᵗ)) + ε)
  ///
  /// with Adam's m' and v' of the gradient alone.
  ///
  /// - Parameters:
  ///   - beta1: β₁.
  ///   - beta2: β₂.
  ///   - epsilon: ε.
  ///   - weightDecay: λ.
  public static func adamW(
    learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0.01
  ) -> Self {
    Self(
      "adamw", learningRate: learningRate,
      [.beta1: beta1, .beta2: beta2, .epsilon: epsilon, .weightDecay: weightDecay]
    ) { step in
      let moments = try Moments(step)
      let kept = 1 - step[.weightDecay] * step.learningRate
      return { p, gradient in try kept * p.value - moments.change(p, gradient) }
    }
  }
}

/// What Adam's relatives share: means of gradients and of their squares, freed of their start at zero.
private struct Moments {
  let step: OptimizerStep
  /// η / (1 - β₁ᵗ).
  let rate: Term
  /// 1 / √(1 - β₂ᵗ).
  let scale: Term

  init(_ step: OptimizerStep) throws {
    self.step = step
    // 1 - βᵗ is the mean of ones that starts at zero.
    let correction1 = try step.scalarState("bias_correction1") {
      mean($0, $0.constant(1), keeping: step[.beta1])
    }
    let correction2 = try step.scalarState("bias_correction2") {
      mean($0, $0.constant(1), keeping: step[.beta2])
    }
    rate = step.learningRate / correction1
    scale = 1 / sqrt(correction2)
  }

  /// What a parameter loses.
  func change(_ p: Parameter, _ g: Term) throws -> Term {
    let m = try step.state("first_moment", of: p) { mean($0, g, keeping: step[.beta1]) }
    let v = try step.state("second_moment", of: p) { mean($0, g * g, keeping: step[.beta2]) }
    return rate * m / (scale * sqrt(v) + step[.epsilon])
  }
}
