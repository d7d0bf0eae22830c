import RNNGraph
import RNNLanguage

/// How the tensors of a data set become the inputs of a model.
struct DataInterface {
  private let graph: Graph
  /// What the loss is a mean over.
  private let lossAxes: [Symbol]
  /// The steps of each input that is a sequence, by its name.
  private let steps: [String: Symbol]
  /// The least number of steps.
  private let leastSteps: (Symbol) -> Int

  init(_ model: LoweredModel) {
    graph = model.graph
    lossAxes = model.graph.loss?.over ?? []
    steps = Dictionary(
      uniqueKeysWithValues: model.graph.inputs.compactMap { [graph = model.graph] input in
        graph.type(input.value).steps.map { (input.name, $0) }
      })
    leastSteps = Signature(model.graph, batch: 1).leastSize
  }

  /// A data set of tensors in which the axes of sequences may have either order.
  ///
  /// - Throws: `InputError` if one of them is no data of the model, or the tensors make no data set.
  func dataset(_ tensors: [String: Tensor], layout: SequenceLayout, origin: String) throws -> Dataset {
    try requireKnown(tensors, origin)
    guard layout == .timeMajor else { return try Dataset(tensors, origin: origin) }
    let turned = tensors.map { name, tensor in
      (name, steps[name] != nil && tensor.shape.count >= 2 ? tensor.swappingFirstAxes() : tensor)
    }
    return try Dataset(Dictionary(uniqueKeysWithValues: turned), origin: origin)
  }

  /// Checks a whole data set, and converts its elements to what the model computes with.
  ///
  /// - Throws: `InputError` that names the first tensor that is missing, unknown or does not fit, and the place of what
  ///   is wrong in it.
  func fit(_ data: Dataset) throws -> Dataset {
    let tensors = try graph.renamingLengths(data.tensors, origin: data.origin)
    let signature = Signature(graph, batch: data.count, layout: .batchMajor, origin: data.origin)
    var present: [(number: Int, tensor: Tensor)] = []
    for (i, input) in graph.inputs.enumerated() where input.isGivenByData {
      if let tensor = tensors[input.name] {
        present.append((i, tensor))
      } else if input.role == .data || input.role == .target {
        throw InputError.missing(
          input.name, as: signature.description(i), among: data.tensors, data.origin)
      }
    }
    try requireKnown(tensors, data.origin)
    _ = try signature.fit(&present)
    let named = Dictionary(
      uniqueKeysWithValues: present.map { (graph.inputs[$0.number].name, $0.tensor) })
    try requireValidStep(named, data.origin)
    return data.replacing(named)
  }

  /// Checks that the model takes every tensor as data.
  private func requireKnown(_ tensors: [String: Tensor], _ origin: String) throws {
    for name in tensors.keys.sorted() {
      let input = graph.input(named: name)
      if let input, input.isGivenByData { continue }
      // Lengths may be called after any sequence of the same steps.
      let suffix = Dataset.lengthsSuffix
      if name.hasSuffix(suffix), steps[String(name.dropLast(suffix.count))] != nil { continue }
      let known = graph.inputs.filter(\.isGivenByData).map(\.name).joined(separator: ", ")
      if let input, input.isParameter {
        throw InputError(
          "\(origin) holds '\(name)', which is a parameter of the model and no data",
          note: "a data set holds \(known)")
      }
      throw InputError(
        "\(origin) holds a tensor '\(name)' that the model does not take", note: "it takes \(known)")
    }
  }

  /// Checks that the loss is a mean over something.
  private func requireValidStep(_ tensors: [String: Tensor], _ origin: String) throws {
    for input in graph.inputs {
      guard case .lengths(let symbol) = input.role, lossAxes.contains(symbol),
        let tensor = tensors[input.name],
        try tensor.values(as: Int32.self).allSatisfy({ $0 == 0 })
      else { continue }
      throw InputError(
        "\(origin) has nothing to compute a loss of: every length of '\(input.name)' is 0",
        note: "lengths say how many steps of each example are valid, and the loss is a mean over these")
    }
  }

  /// The tensors of a batch as the model takes them: sequences as `[T, B, …]`, no longer than the longest example.
  func tensors(of batch: Dataset.Batch) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    var longest: [Symbol: Int] = [:]
    for name in batch.dataset.ragged {
      guard let symbol = steps[name], let lengths = batch[name + Dataset.lengthsSuffix] else { continue }
      result[name + Dataset.lengthsSuffix] = lengths
      longest[symbol] = max(Int(try lengths.values(as: Int32.self).max() ?? 0), leastSteps(symbol))
    }
    for (name, tensor) in batch.dataset.tensors where result[name] == nil {
      if let symbol = steps[name], tensor.shape.count >= 2 {
        result[name] = batch.sequence(name, steps: longest[symbol].map { min($0, tensor.shape[1]) })
      } else {
        result[name] = batch[name]
      }
    }
    return result
  }
}

extension Program {
  /// Reads a data set of the model from a safetensors file.
  ///
  /// - Parameter layout: the order of the axes of sequences in the file; those of the data set are `[N, T, …]`.
  /// - Throws: `InputError` if the file cannot be read, is damaged, says that its sequences have the other order, or
  ///   holds what is no data of the model.
  public func dataset(contentsOfFile path: String, layout: SequenceLayout = .batchMajor) throws -> Dataset {
    let file = try Safetensors(contentsOfFile: path, kind: "data file")
    try file.require(layout, origin: "'\(path)'")
    return try dataInterface.dataset(file.tensors, layout: layout, origin: "'\(path)'")
  }
}

extension Input {
  /// Whether a data set may hold it.
  var isGivenByData: Bool {
    switch role {
    case .data, .target, .state, .lengths: true
    case .parameter, .hyperparameter, .optimizer, .seed: false
    }
  }
}
