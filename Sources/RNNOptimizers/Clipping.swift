import RNNGraph

extension GraphBuilder {
  /// Scales gradients together so that their norm, as one vector, is at most a bound; gives them and the norm.
  ///
  ///     norm = √(Σ g²),  g' = g · min(1, bound / (norm + 1e-6))
  ///
  /// The formula is that of PyTorch's `clip_grad_norm_`.
  func clipByGlobalNorm(_ gradients: [Term], bound: Term) -> (gradients: [Term], norm: Term) {
    let squares = gradients.map { gradient in
      at(graph.places(of: gradient.value)) {
        let square = (gradient * gradient).value
        return Term(reduce(.sum, square, axes: Array(gradient.type.shape.indices)), self)
      }
    }
    let norm = sqrt(squares.dropFirst().reduce(squares[0], +).converted(to: .f64))
    let factor = min(bound / (norm + 1e-6), bound.constant(1))
    return (gradients.map { gradient in at(graph.places(of: gradient.value)) { factor * gradient } }, norm)
  }

  /// Moves each element of the gradients between minus and plus a bound, as PyTorch's `clip_grad_value_` does.
  func clipByValue(_ gradients: [Term], bound: Term) -> [Term] {
    let low = Term(negate(bound.value), self)
    return gradients.map { gradient in
      at(graph.places(of: gradient.value)) { gradient.clamped(from: low, to: bound) }
    }
  }
}
