import RNNGraph

extension Program {
  /// The program that takes the lengths among `tensors`: those of the sequences of an input `x` are called `x.lengths`.
  func taking(lengthsAmong tensors: [String: Tensor]) throws -> Program {
    guard tensors.keys.contains(where: { $0.hasSuffix(Dataset.lengthsSuffix) }) else { return self }
    let given = model.graph.inputs.filter { tensors[$0.name + Dataset.lengthsSuffix] != nil }
    let steps = given.compactMap { model.graph.type($0.value).steps?.name }
    return try with(ragged: ragged.union(steps))
  }

  /// What the tensor that holds the lengths of the model's only ragged sequences is called for the program.
  ///
  /// - Throws: `InputError` if the model has no sequence, or sequences of several numbers of steps.
  func nameOfLengths(givenAs name: String) throws -> String {
    let sequences = model.graph.inputs.compactMap { input in
      model.graph.type(input.value).steps.map { (input: input.name, steps: $0) }
    }
    guard let first = sequences.first else {
      throw InputError("'\(name)' holds lengths, but model '\(model.graph.name)' has no sequences")
    }
    if let other = sequences.first(where: { $0.steps != first.steps }) {
      let suffix = Dataset.lengthsSuffix
      throw InputError(
        "'\(name)' could hold the lengths of '\(first.input)' or of '\(other.input)'",
        note: "call the tensors \(first.input)\(suffix) and \(other.input)\(suffix)")
    }
    return first.input + Dataset.lengthsSuffix
  }
}
