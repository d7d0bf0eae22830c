import RNNGraph

/// Measures parameters on data: the mean loss and the accuracy over all examples.
///
/// The last batch of a data set may be smaller than the others; it gets code of its own, so that every example counts
/// once.
final class Evaluator {
  private let program: Program
  private var executions: [Int: Execution] = [:]
  /// The evaluators for data whose sequences are ragged.
  private var ragged: [Set<String>: Evaluator] = [:]

  init(_ program: Program) { self.program = program }

  /// Measures on every example of a data set; states that the data does not give start at zero in each.
  func evaluate(_ data: Dataset, _ parameters: [String: Tensor]) throws -> Evaluation {
    if let other = try other(for: data) { return try other.evaluate(data, parameters) }
    let interface = program.dataInterface
    let data = try interface.fit(data)
    var sums = EvaluationSums()
    defer { releaseParameters() }
    for batch in data.batches(batch: program.batch) {
      let execution = try execution(for: batch.count, parameters)
      try execution.setInputs(interface.tensors(of: batch), origin: data.origin, keeping: \.isParameter)
      try execution.run()
      try execution.addEvaluation(to: &sums, of: program.model.graph)
    }
    return try mean(sums)
  }

  /// Measures on an epoch of a text; states are carried from batch to batch where the epoch says so.
  func evaluate(_ epoch: BatchSampler.Epoch, _ parameters: [String: Tensor]) throws -> Evaluation {
    let text = try TextInterface(program.model.graph)
    var sums = EvaluationSums()
    defer { releaseParameters() }
    let execution = try execution(for: program.batch, parameters)
    for batch in epoch.batches() {
      try execution.setInputs([text.input: batch.inputs, text.target: batch.targets], origin: "the text") {
        $0.isParameter || ($0.role == .state && !batch.startsAfresh)
      }
      try execution.run()
      try execution.addEvaluation(to: &sums, of: program.model.graph)
      execution.carryStates()
    }
    return try mean(sums)
  }

  /// Compiles what a data set needs, or with none a text.
  func prepare(_ data: Dataset?) throws {
    guard let data else {
      _ = try execution(for: program.batch)
      return
    }
    if let other = try other(for: data) { return try other.prepare(data) }
    for examples in Set(data.batches(batch: program.batch).map(\.count)) { _ = try execution(for: examples) }
  }

  /// How long it took to compile all that there is.
  var compileTime: Duration {
    (executions.values.map(\.compileTime) + ragged.values.map(\.compileTime)).reduce(.zero, +)
  }

  /// The evaluator for a data set with lengths; nil for this one.
  private func other(for data: Dataset) throws -> Evaluator? {
    let fitting = try program.taking(lengthsAmong: data.tensors)
    guard fitting !== program else { return nil }
    let evaluator = ragged[fitting.ragged] ?? Evaluator(fitting)
    ragged[fitting.ragged] = evaluator
    return evaluator
  }

  private func mean(_ sums: EvaluationSums) throws -> Evaluation {
    guard let mean = sums.mean else {
      throw InputError("there is nothing to measure: no example has a valid step, or one with a weight")
    }
    return mean
  }

  /// Code for so many examples.
  private func execution(for examples: Int) throws -> Execution {
    if let known = executions[examples] { return known }
    let execution = try program.with(batch: examples).execution(for: .measurement)
    executions[examples] = execution
    return execution
  }

  /// Code for so many examples, with parameters in place.
  private func execution(for examples: Int, _ parameters: [String: Tensor]) throws -> Execution {
    let execution = try execution(for: examples)
    var sizes = KnownSizes()
    for (i, input) in execution.graph.inputs.enumerated() where input.isParameter {
      guard let tensor = parameters[input.name] else {
        throw InputError(
          "there is no parameter '\(input.name)', which the model needs as \(execution.signature.description(i))"
        )
      }
      execution.inputs[i] = try execution.signature.fit(
        tensor, to: i, sizes: &sizes, checked: execution.inputs[i])
    }
    return execution
  }

  /// Lets go of the parameters: who changes memory that is shared has to copy it.
  private func releaseParameters() {
    for execution in executions.values {
      for (i, input) in execution.graph.inputs.enumerated() where input.isParameter {
        execution.inputs[i] = Tensor(.f32, shape: [0])
      }
    }
  }
}

extension Execution {
  /// Makes the final states of a call the initial ones of the next.
  func carryStates() {
    for (number, output) in graph.outputs.enumerated() where output.role == .state {
      if let target = inputNumber(output.name) { swapInput(target, withOutput: number) }
    }
  }
}

extension Program {
  /// Measures parameters on every example of a data set, whose states start at zero unless the data gives them.
  ///
  /// - Throws: `InputError` if the model has no loss, or a tensor is missing or does not fit.
  public func evaluate(_ data: Dataset, parameters: [String: Tensor]) throws -> Evaluation {
    try Evaluator(self).evaluate(data, parameters)
  }
}

extension Dataset.Batch {
  /// The tensors as a program takes them, with sequences as `[T, B, …]`: for `Program.run`, beside its parameters.
  ///
  /// - Throws: `InputError` if the data does not fit the program.
  public func tensors(for program: Program) throws -> [String: Tensor] {
    try program.dataInterface.tensors(of: self)
  }
}
