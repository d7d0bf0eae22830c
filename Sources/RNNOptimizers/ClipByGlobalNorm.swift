import RNNGraph

extension GraphBuilder {
  /// Scales gradients together so that their norm, as one vector, is at most a bound; gives them and the norm.
  ///
  ///     norm = √(Σ g²),  g' = g · min(1, bound / (norm + 1e-6))
  ///
  /// The formula is that of PyTorch's `clip_grad_norm_`.
  func clipByGlobalNorm(_ gradients: [ValueID], bound: ValueID) -> (gradients: [ValueID], norm: ValueID) {
    let squares = gradients.map { gradient in
      let sum = reduce(.sum, multiply(gradient, gradient), axes: Array(type(gradient).shape.indices))
      return convert(sum, to: type(bound).element)
    }
    let norm = unary(.sqrt, squares.dropFirst().reduce(squares.first ?? constant(0, like: bound), add))
    let ratio = divide(bound, add(norm, constant(1e-6, like: norm)))
    let factor = binary(.minimum, constant(1, like: ratio), ratio)
    let clipped = gradients.map { gradient in
      multiply(gradient, broadcast(scalar: convert(factor, to: type(gradient).element), like: gradient))
    }
    return (clipped, norm)
  }
}
