import RNNGraph

extension Program {
  /// Reads the model's parameters from a safetensors file: a checkpoint, parameters under their paths, or a
  /// `state_dict` of PyTorch.
  ///
  /// - Throws: `InputError` that names the first tensor that is missing, does not fit, or belongs to nothing.
  public func load(contentsOfFile path: String, modules: ModuleMap = ModuleMap()) throws -> [String: Tensor] {
    try parameters(
      from: Safetensors(contentsOfFile: path).tensors, modules: modules, origin: "'\(path)'")
  }

  /// The model's parameters by path, from tensors under their paths or under PyTorch's names.
  ///
  /// An instance whose cell gives its parameters other names (`param W as weight_ih`) is found by the module that is
  /// called like it, or in the order of declaration. A bias that is missing is zero.
  ///
  /// - Parameters:
  ///   - modules: which instances are the layers of which modules, where that does not follow.
  ///   - origin: where the tensors come from, for messages.
  /// - Throws: `InputError` that names the first tensor that is missing, does not fit, or belongs to nothing.
  public func parameters(
    from tensors: [String: Tensor], modules: ModuleMap = ModuleMap(), origin: String = "the state dictionary"
  ) throws -> [String: Tensor] {
    let all = try resolvingOtherNames(tensors, modules: modules, origin: origin)
    for parameter in parameterSpecifications where all[parameter.name] == nil {
      throw InputError.missing(
        parameter.name, as: "\(parameter.elementType)\(parameter.shape)", among: all, origin,
        otherName: StateReader.otherName(of: parameter.name, model.otherNames))
    }
    return try parameterSpecifications.select(from: all, origin: origin)
  }

  /// The parameters under the names that PyTorch's modules have for them, as `load_state_dict` takes them.
  ///
  /// An instance becomes a module of its path, with one layer if it has states; `modules` makes several instances the
  /// layers and directions of one module. Parameters without another name keep their paths.
  ///
  /// - Throws: `InputError` if a parameter is missing or does not fit, or two would have the same name.
  public func stateDictionary(
    of parameters: [String: Tensor], modules: ModuleMap = ModuleMap()
  ) throws -> [String: Tensor] {
    if model.isGraph {
      throw InputError(
        "graph '\(model.graph.name)' does not say what PyTorch calls its parameters",
        note: "the checkpoint itself is a safetensors file, which has them under their paths")
    }
    let all = try parameterSpecifications.select(from: parameters, origin: "the set of parameters")
    return try StateWriter(model.otherNames, modules: modules).write(all)
  }

  /// The tensors with those parameters added that stand among them under other names.
  func resolvingOtherNames(
    _ tensors: [String: Tensor], modules: ModuleMap, origin: String
  ) throws -> [String: Tensor] {
    let known = model.graph.inputs.filter { tensors[$0.name] != nil }
    let isComplete = model.graph.inputs.allSatisfy { !$0.isParameter || tensors[$0.name] != nil }
    // There are no other names.
    if isComplete, known.count == tensors.count { return tensors }
    var reader = stateReader(modules, origin)
    return tensors.merging(try reader.read(tensors, taken: namesOfData)) { $1 }
  }

  /// The names of tensors that a run leaves alone.
  ///
  /// - Parameters:
  ///   - gradients: whether derivatives are computed, which coefficients are for.
  ///   - lengths: the name of the tensor with the lengths, if that does not follow from what is given.
  ///   - modules: which instances are the layers of which modules of PyTorch, where that does not follow.
  public func unused(
    _ tensors: [String: Tensor], gradients: Bool = false, lengths: String? = nil,
    modules: ModuleMap = ModuleMap()
  ) throws -> [String] {
    var reader = stateReader(modules, "the input")
    _ = try reader.read(tensors, taken: namesOfData)
    let sequences = model.graph.inputs.filter { model.graph.type($0.value).isSequence }
    let used = Set(model.graph.inputs.map(\.name)).union(reader.used)
      .union(sequences.map { $0.name + Dataset.lengthsSuffix })
    return tensors.keys.filter { name in
      !used.contains(name) && name != lengths && !(gradients && name.hasPrefix(Graph.seedPrefix))
    }.sorted()
  }

  private func stateReader(_ modules: ModuleMap, _ origin: String) -> StateReader {
    StateReader(model.otherNames, parameters: parameterSpecifications, modules: modules, origin: origin)
  }

  private var namesOfData: Set<String> { Set(model.graph.inputs.filter { !$0.isParameter }.map(\.name)) }

  private var parameterSpecifications: [TensorSpec] {
    model.graph.inputs.filter(\.isParameter).map { input in
      let type = model.graph.type(input.value)
      return TensorSpec(input.name, ElementType(type.element), type.extents([:]))
    }
  }
}
