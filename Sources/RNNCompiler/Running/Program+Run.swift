import RNNGraph

extension Program {
  /// Runs the model and gives its outputs by name: outputs and final states, the loss under `loss` if every target is
  /// given, and with `gradients` its derivatives under `grad.` and the name of each parameter, float input and initial
  /// state.
  ///
  /// Where `tensors` has `coef.` and the name of an output or a final state, the derivatives are those of the sum of
  /// these times their coefficients, in place of the loss; such a model needs neither a loss nor targets.
  ///
  /// Where `tensors` has the name of a sequence and `.lengths`, its examples have that number of valid steps; what is
  /// behind them does not count, and outputs there are 0.
  ///
  /// - Parameters:
  ///   - tensors: parameters by their path or under PyTorch's names (`parameters(from:modules:origin:)`), data and
  ///     targets by their name. Initial states that are not given are zero.
  ///   - layout: the order of the axes of sequences, in what is given and what comes back.
  ///   - lengths: the name of the tensor with the lengths, if it is another and all sequences have the same steps.
  ///   - modules: which instances are the layers of which modules of PyTorch, where that does not follow.
  ///   - seed: decides random draws; nil if none are made, and each is its middle.
  ///   - origin: where the tensors come from, for messages.
  /// - Throws: `InputError` if a tensor is missing, does not fit or holds a token outside the vocabulary, or the model makes no
  ///   random draws and a seed is given.
  public func run(
    _ tensors: [String: Tensor], gradients: Bool = false, layout: SequenceLayout = .timeMajor,
    lengths: String? = nil, modules: ModuleMap = ModuleMap(), seed: Int32? = nil,
    origin: String = "the input"
  ) throws -> [String: Tensor] {
    var tensors = tensors
    var names: [String: String] = [:]
    if let lengths {
      guard let tensor = tensors.removeValue(forKey: lengths) else {
        throw InputError.missing(lengths, as: "i32[\(batch)]", among: tensors, origin)
      }
      let name = try nameOfLengths(givenAs: lengths)
      tensors[name] = tensor
      names[name] = lengths
    }
    return try taking(lengthsAmong: tensors).run(
      tensors, gradients: gradients, layout: layout, names: names, modules: modules, seed: seed,
      origin: origin)
  }

  private func run(
    _ tensors: [String: Tensor], gradients: Bool, layout: SequenceLayout, names: [String: String],
    modules: ModuleMap, seed: Int32?, origin: String
  ) throws -> [String: Tensor] {
    var purpose = purpose(of: tensors, gradients: gradients)
    var tensors = try resolvingOtherNames(tensors, modules: modules, origin: origin)
    if let seed {
      purpose = .sampling(purpose)
      tensors[try requireDraws()] = Tensor([seed], shape: [])
    }
    return try run(tensors, for: purpose, layout: layout, names: names, origin: origin)
  }

  /// The name of the input from which random numbers come.
  ///
  /// - Throws: `InputError` if the model draws none.
  @discardableResult
  func requireDraws() throws -> String {
    if let input = model.drawing.inputs.first(where: { $0.role == .seed }) { return input.name }
    throw InputError(
      "model '\(source.name)' makes no random draws, so a seed decides nothing",
      note: "bernoulli, uniform, normal, dropout, sample and gumbel_softmax draw")
  }

  /// Runs the graph of a purpose on tensors that are called as the model calls them.
  func run(
    _ tensors: [String: Tensor], for purpose: Purpose, layout: SequenceLayout = .timeMajor,
    names: [String: String] = [:], origin: String = "the input"
  ) throws -> [String: Tensor] {
    let execution = try execution(for: purpose)
    try execution.setInputs(
      tensors, layout: layout, origin: origin, names: names,
      otherName: { StateReader.otherName(of: $0, model.otherNames) })
    try execution.run()
    var results: [String: Tensor] = [:]
    for (i, output) in execution.graph.outputs.enumerated() {
      let tensor = execution.result(i)
      let isSwapped = layout == .batchMajor && execution.graph.type(output.value).isSequence
      results[output.name] = isSwapped ? tensor.swappingFirstAxes() : tensor
    }
    return results
  }

  /// What a run is for, by what it is given.
  private func purpose(of tensors: [String: Tensor], gradients: Bool) -> Purpose {
    if gradients {
      let seeds = tensors.keys.filter { $0.hasPrefix(Graph.seedPrefix) }.sorted()
      return seeds.isEmpty
        ? .gradients : .seededGradients(seeds.map { String($0.dropFirst(Graph.seedPrefix.count)) })
    }
    let targets = model.graph.inputs.filter { $0.role == .target }
    return targets.allSatisfy { tensors[$0.name] != nil } ? .evaluation : .inference
  }

  /// The number of examples that tensors hold, by the first that has an axis for them; nil if none has.
  public func batchSize(of tensors: [String: Tensor], layout: SequenceLayout = .timeMajor) -> Int? {
    for input in model.graph.inputs {
      let shape = model.graph.type(input.value).shape(in: layout)
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
    try AvailableMemory.require(
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
