import RNNGraph

extension Execution {
  /// Checks the tensors that a call brings, makes them inputs, and makes room for outputs of their sizes.
  ///
  /// A state that is not given is zero, and lengths that are not given say that every step is valid.
  ///
  /// - Parameters:
  ///   - given: tensors by the names of inputs; others are not looked at.
  ///   - layout: the order of the axes of sequences.
  ///   - origin: where they come from, for messages.
  ///   - names: what the caller calls inputs, where that is not their name, for messages.
  ///   - isKept: chooses inputs that keep their tensors if they are not given.
  ///   - otherName: what other programs call an input, for messages.
  /// - Throws: `InputError` if a tensor is missing or does not fit; nothing has changed then.
  func setInputs(
    _ given: [String: Tensor], layout: SequenceLayout = .timeMajor, origin: String,
    names: [String: String] = [:], keeping isKept: (Input) -> Bool = { _ in false },
    otherName: (String) -> String? = { _ in nil }
  ) throws {
    let signature =
      layout == .timeMajor && names.isEmpty
      ? signature : Signature(graph, batch: batch, layout: layout, names: names)
    let given = try graph.renamingLengths(given, origin: origin)
    var fitting: [(number: Int, tensor: Tensor)] = []
    var open: [Int] = []
    for (i, input) in graph.inputs.enumerated() {
      if let tensor = given[input.name] {
        fitting.append((i, tensor))
      } else if !isKept(input) {
        guard input.mayBeMissing else {
          throw InputError.missing(
            input.name, as: signature.description(i), among: given, origin,
            otherName: otherName(input.name))
        }
        open.append(i)
      }
    }
    let sizes = try signature.fit(&fitting) { inputs[$0] }
    if layout == .batchMajor {
      for (place, entry) in fitting.enumerated()
      where graph.type(graph.inputs[entry.number].value).isSequence {
        fitting[place].tensor = entry.tensor.swappingFirstAxes()
      }
    }
    let known = sizes.merging([.batch: batch]) { $1 }
    try AvailableMemory.require(
      bytes: graph.byteCount(of: open.map { graph.inputs[$0].value }, known), for: "the states of the model")
    for i in open {
      var tensor = Tensor(signature.elementType(i), shape: signature.shape(i, known))
      if case .lengths(let symbol) = graph.inputs[i].role {
        tensor = Tensor(Array(repeating: Int32(clamping: known[symbol] ?? 0), count: batch))
      }
      fitting.append((i, tensor))
    }
    try setSizes(sizes)
    for (i, tensor) in fitting { inputs[i] = tensor }
  }
}

extension InputError {
  /// The error of an input that no tensor is given for.
  static func missing(
    _ name: String, as wanted: String, among given: [String: Tensor], _ origin: String,
    otherName: String? = nil
  ) -> InputError {
    let present = given.keys.sorted().prefix(8).joined(separator: ", ")
    let more = given.count > 8 ? ", …" : ""
    return InputError(
      "\(origin) has no tensor '\(name)', which the model needs as \(wanted)",
      notes: [given.isEmpty ? "it holds no tensors" : "it holds \(present)\(more)"]
        + (otherName.map { ["a tensor of another program would be called like '\($0)'"] } ?? []))
  }
}

extension Input {
  /// Whether something can be taken in its place.
  fileprivate var mayBeMissing: Bool {
    switch role {
    case .state, .lengths, .seed, .optimizer: true
    case .data, .target, .parameter, .hyperparameter: false
    }
  }
}

extension Execution {
  /// The number of valid elements along axes, for the inputs of the last call; of examples if there are no axes.
  func count(along axes: [Symbol]) -> Int {
    if axes.isEmpty { return batch }
    // Steps that are valid in some examples only are counted in each, and with them the examples.
    for (i, input) in graph.inputs.enumerated() {
      if case .lengths(let symbol) = input.role, axes.contains(symbol) {
        return inputs[i].numbers.reduce(0) { $0 + Int($1) }
      }
    }
    return axes.reduce(1) { $0 * (sizes[$1] ?? 1) }
  }

  /// Adds what the last call measured to sums: the loss, its parts, and the model's other numbers.
  func addEvaluation(to sums: inout EvaluationSums, of model: Graph) throws {
    for output in model.outputs where output.role.isMean {
      guard let number = try scalar({ $0.name == output.name }) else { continue }
      let weight =
        if let other = model.weight(ofOutput: output.name) {
          try scalar { $0.name == other.name } ?? 0
        } else {
          Double(count(along: output.over))
        }
      switch output.role {
      case .loss: sums.add(loss: number, weight: weight)
      case .term: sums.add(term: output.name, number, weight: weight)
      case .metric where output.name == Graph.accuracyName: sums.add(accuracy: number, weight: weight)
      case .metric: sums.add(measure: output.name, number, weight: weight)
      case .output, .state, .gradient, .update, .weight: continue
      }
    }
  }
}

extension Graph {
  /// The metric that is a part of all, and is shown in per cent.
  static let accuracyName = "accuracy"
}

extension Graph {
  /// Gives the lengths of sequences the name that the graph knows: those of any input or target serve for all that have
  /// the same steps.
  ///
  /// - Throws: `InputError` if lengths belong to nothing, disagree, or the graph takes none.
  func renamingLengths(_ given: [String: Tensor], origin: String) throws -> [String: Tensor] {
    let suffix = Dataset.lengthsSuffix
    var result = given
    for name in given.keys.filter({ $0.hasSuffix(suffix) }).sorted() {
      guard let tensor = given[name], input(named: name) == nil else { continue }
      let owner = String(name.dropLast(suffix.count))
      guard let sequence = input(named: owner), let symbol = type(sequence.value).steps else { continue }
      guard let lengths = inputs.first(where: { $0.role == .lengths(of: symbol) }) else {
        throw InputError(
          "\(origin) holds '\(name)', but the model is compiled for sequences of one length",
          note: "compile it for ragged sequences: ragged: [\"\(symbol.name)\"] from Swift")
      }
      result[name] = nil
      if let other = given[lengths.name], try other.converted(to: .i32) != tensor.converted(to: .i32) {
        throw InputError(
          "'\(lengths.name)' and '\(name)' of \(origin) are different, but both count the same steps \(symbol)"
        )
      }
      result[lengths.name] = tensor
    }
    return result
  }
}
