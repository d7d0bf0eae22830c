import RNNGraph

extension GraphBuilder {
  /// Gathers the gradients of `count` steps before parameters follow their mean, as if their batches were one.
  ///
  /// The loss of a step is a mean over `weight` elements. So the gradient of the mean over those of all steps is
  ///
  ///     s = kept + weight g,  w = kept + weight,  n = kept + 1
  ///     g' = s / w in a step with n = count, after which s, w and n are zero again
  ///
  /// Gives these means, and whether this step is one that changes parameters.
  func accumulate(
    _ gradients: [(parameter: Parameter, gradient: Term)], count: Int, weight: Term
  ) throws -> (gradients: [Term], isUpdate: Term) {
    let number = try state("gradient_count", TensorType(.f64, [])) + 1
    let isUpdate = number.equals(Double(count))
    func gather(_ name: String, _ term: Term) throws -> Term {
      let sum = try state(name, term.type) + term
      try replace(name, with: isUpdate.choose(sum.constant(0), sum).value)
      return sum
    }
    try replace("gradient_count", with: isUpdate.choose(number.constant(0), number).value)
    // Where no step has an element, each gradient is zero.
    let total = try gather("gradient_weight", weight)
    let share = 1 / total.equals(0).choose(total.constant(1), total)
    let means = try gradients.map { parameter, gradient in
      try at(graph.places(of: gradient.value)) {
        share * (try gather("gradient_sum.\(parameter.name)", weight * gradient))
      }
    }
    return (means, isUpdate)
  }

  /// By how much the loss of a batch counts in a mean over several: by the sum of its weights or, if it has none, the number
  /// of elements that it is a mean over, valid steps where sequences are ragged, and examples if there are no axes.
  func lossWeight() -> Term {
    if let weight = graph.loss.flatMap({ graph.weight(ofOutput: $0.name) }) {
      return Term(weight.value, self).converted(to: .f64)
    }
    let axes = graph.loss?.over ?? []
    for input in graph.inputs {
      guard case .lengths(let steps) = input.role, axes.contains(steps) else { continue }
      let element = graph.outputs.first { $0.role == .loss }.map { type($0.value).element } ?? .f64
      let sum = reduce(.sum, convert(input.value, to: element), axes: [0])
      return Term(sum, self).converted(to: .f64)
    }
    return Term(size(axes.isEmpty ? [.batch] : axes, .f64), self)
  }
}
