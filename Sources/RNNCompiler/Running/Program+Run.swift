import RNNGraph

extension Program {
  /// Runs the model and gives its outputs by name: outputs and final states, the loss under `loss` if every target is
  /// given, and with `gradients` its derivatives under `grad.` and the name of each parameter, float input and initial
  /// state.
  ///
  /// - Parameters:
  ///   - tensors: parameters by their path, data and targets by their name. Initial states that are not given are zero.
  ///   - origin: where the tensors come from, for messages.
  /// - Throws: `InputError` if a tensor is missing, does not fit or holds a token outside the vocabulary.
  public func run(
    _ tensors: [String: Tensor], gradients: Bool = false, origin: String = "the input"
  ) throws -> [String: Tensor] {
    let targets = model.graph.inputs.filter { $0.role == .target }
    let hasTargets = targets.allSatisfy { tensors[$0.name] != nil }
    let execution = try execution(for: gradients ? .gradients : hasTargets ? .evaluation : .inference)
    try execution.setInputs(tensors, origin: origin)
    try execution.run()
    return Dictionary(uniqueKeysWithValues: zip(execution.graph.outputs.map(\.name), execution.outputs))
  }

  /// The number of examples that tensors hold, by the first that has an axis for them; nil if none has.
  public func batchSize(of tensors: [String: Tensor]) -> Int? {
    for input in model.graph.inputs {
      let shape = model.graph.type(input.value).shape
      if let axis = shape.firstIndex(of: .batch), let tensor = tensors[input.name],
        tensor.shape.count == shape.count, tensor.shape[axis] > 0
      {
        return tensor.shape[axis]
      }
    }
    return nil
  }

  /// The parameters at the start of a training run: a function of the seed and each parameter's path alone.
  public func initialParameters(seed: UInt64) throws -> [String: Tensor] {
    try Limits.require(
      bytes: model.graph.byteCount(of: model.graph.inputs.filter(\.isParameter).map(\.value), [:]),
      for: "the parameters of model '\(model.graph.name)'")
    var parameters: [String: Tensor] = [:]
    for input in model.graph.inputs {
      guard case .parameter(let initializer) = input.role else { continue }
      let type = model.graph.type(input.value)
      var tensor = Tensor(ElementType(type.element), shape: type.extents([:]))
      var stream = RandomStream(seed: seed, name: input.name)
      switch initializer {
      case .constant(let number): tensor.fill(number)
      case .uniform(let bound): tensor.fillUniform(bound: bound, using: &stream)
      case .normal(let deviation): tensor.fillNormal(standardDeviation: deviation, using: &stream)
      case .orthogonal: try tensor.fillOrthogonal(using: &stream)
      }
      parameters[input.name] = tensor
    }
    return parameters
  }
}
