import RNNGraph

extension GraphBuilder {
  /// Gathers the gradients of `count` steps before parameters follow their mean.
  ///
  ///     s = kept + g,  n = kept + 1
  ///     g' = s / count in a step with n = count, after which s and n are zero again
  ///
  /// Gives the means, and whether this step is one that changes parameters.
  func accumulate(
    _ gradients: [(parameter: Parameter, gradient: Term)], count: Int
  ) throws -> (gradients: [Term], isUpdate: Term) {
    let number = try state("gradient_count", TensorType(.f64, [])) + 1
    let isUpdate = number.equals(Double(count))
    try replace("gradient_count", with: isUpdate.choose(number.constant(0), number).value)
    let means = try gradients.map { parameter, gradient in
      let name = "gradient_sum.\(parameter.name)"
      let sum = try state(name, gradient.type) + gradient
      try replace(name, with: isUpdate.choose(sum.constant(0), sum).value)
      return (1 / Double(count)) * sum
    }
    return (means, isUpdate)
  }
}
