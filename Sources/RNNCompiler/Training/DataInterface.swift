import RNNGraph

/// How the tensors of a data set become the inputs of a model.
struct DataInterface {
  private let graph: Graph
  /// The steps of each input that is a sequence, by its name.
  private let steps: [String: Symbol]
  /// The least number of steps.
  private let leastSteps: (Symbol) -> Int

  init(_ graph: Graph) {
    self.graph = graph
    steps = Dictionary(
      uniqueKeysWithValues: graph.inputs.compactMap { input in
        graph.type(input.value).steps.map { (input.name, $0) }
      })
    leastSteps = Signature(graph, batch: 1).leastSize
  }

  /// Checks a whole data set, and converts its elements to what the model computes with.
  ///
  /// - Throws: `InputError` that names the first tensor that is missing, unknown or does not fit, and the place of what
  ///   is wrong in it.
  func fit(_ data: Dataset) throws -> Dataset {
    var rest = try graph.renamingLengths(data.tensors, origin: data.origin)
    let signature = Signature(graph, batch: data.count, layout: .batchMajor, origin: data.origin)
    var sizes = KnownSizes()
    var fitting: [String: Tensor] = [:]
    for (i, input) in graph.inputs.enumerated() where input.isGivenByData {
      if let tensor = rest.removeValue(forKey: input.name) {
        fitting[input.name] = try signature.fit(tensor, to: i, sizes: &sizes)
      } else if input.role == .data || input.role == .target {
        throw InputError.missing(
          input.name, as: signature.description(i), among: data.tensors, data.origin)
      }
    }
    if let unknown = rest.keys.min() {
      let known = graph.inputs.filter(\.isGivenByData).map(\.name).joined(separator: ", ")
      throw InputError(
        "\(data.origin) holds a tensor '\(unknown)' that the model does not take", note: "it takes \(known)")
    }
    return data.replacing(fitting)
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

extension Input {
  /// Whether a data set may hold it.
  var isGivenByData: Bool {
    switch role {
    case .data, .target, .state, .lengths: true
    case .parameter, .hyperparameter, .optimizer, .seed: false
    }
  }
}
