import RNNGraph
import RNNOptimizers

/// What one training step reports.
public struct TrainingStep: Sendable, Hashable {
  /// The loss before the step, a mean over tokens or examples.
  public let loss: Double
  /// The part of the tokens that was predicted before the step, where the loss is a cross-entropy; 0...1.
  public let accuracy: Double?
  /// The norm of all gradients as one vector, before clipping; nil without clipping.
  public let gradientNorm: Double?
}

/// Parameters in training: each step is one native call.
///
///     let trainer = try Trainer(program, optimizer: .sgd(learningRate: 1), clipNorm: 1, seed: 0)
///     let step = try trainer.step(["text": batch.inputs, "next": batch.targets])
///
/// States of cells are carried from step to step, without a gradient through them, until `resetState()`.
///
/// A batch may have fewer examples than the program, as the last one of an epoch. It gets code of its own, which is
/// compiled when its size first comes, and states start at zero where the size changes.
public final class Trainer {
  /// The model.
  public let program: Program
  /// The optimiser; its learning rate may change between steps.
  public var rule: LearningRule {
    didSet {
      precondition(rule.optimizer == oldValue.optimizer, "a trainer keeps its optimiser")
      set("learning_rate", to: rule.learningRate)
    }
  }
  /// The bound on the norm of all gradients; nil for none.
  public let clipNorm: Double?

  private let purpose: Purpose
  /// The execution that holds the tensors.
  private var execution: Execution
  /// The executions by their number of examples.
  private var executions: [Int: Execution]
  private lazy var evaluator = Evaluator(program)
  private let text: TextInterface?

  /// Compiles the training step, unless the program has it, and gives every parameter its first value.
  ///
  /// - Parameters:
  ///   - clipNorm: gradients are scaled to a norm of at most this; nil for no scaling.
  ///   - seed: decides the first value of each parameter, together with its path.
  /// - Throws: `InputError` if the model has no loss or no parameter, or a number makes no sense.
  public init(
    _ program: Program, optimizer rule: LearningRule = .sgd(learningRate: 1), clipNorm: Double? = nil,
    seed: UInt64 = 0
  ) throws {
    if let clipNorm, !(clipNorm > 0) {
      throw InputError(
        "gradients cannot be clipped to a norm of \(clipNorm)", note: "choose a positive number")
    }
    self.program = program
    self.rule = rule
    self.clipNorm = clipNorm
    purpose = .training(rule.optimizer, clips: clipNorm != nil)
    execution = try Execution(
      program.compilation(for: purpose), options: program.options, batch: program.batch)
    executions = [program.batch: execution]
    text = try? TextInterface(program.model.graph)
    let parameters = try program.initialParameters(seed: seed)
    for (i, input) in execution.graph.inputs.enumerated() where !input.isData {
      execution.inputs[i] =
        parameters[input.name]
        ?? Tensor(
          execution.signature.elementType(i), shape: execution.signature.shape(i, [.batch: program.batch]))
    }
    set("learning_rate", to: rule.learningRate)
    if let clipNorm { set("clip_norm", to: clipNorm) }
  }

  /// Computes the loss of one batch and changes the parameters once.
  ///
  /// - Parameter tensors: inputs and targets by their names, and perhaps states by their paths, in place of those that
  ///   the step before left.
  /// - Throws: `InputError` if a tensor is missing, does not fit or holds a token outside the vocabulary; nothing has
  ///   changed then.
  public func step(_ tensors: [String: Tensor]) throws -> TrainingStep {
    try setExamples(program.batchSize(of: tensors) ?? program.batch)
    try execution.setInputs(tensors, origin: "the batch") { !$0.isData }
    try execution.run()
    return TrainingStep(
      loss: try execution.scalar { $0.role == .loss } ?? .nan,
      accuracy: try execution.scalar { $0.role == .metric && $0.name == "accuracy" },
      gradientNorm: try execution.scalar { $0.name == "gradient_norm" })
  }

  /// Trains on a batch of a data set; states that the data does not give start at zero.
  public func step(_ batch: Dataset.Batch) throws -> TrainingStep {
    resetState()
    return try step(program.dataInterface.tensors(of: batch))
  }

  /// Trains on a batch of text; states are zeroed first if the batch does not continue the one before.
  public func step(_ batch: TokenBatch) throws -> TrainingStep {
    guard let text else {
      _ = try TextInterface(program.model.graph)
      preconditionFailure("the model became one of text")
    }
    if batch.startsAfresh { resetState() }
    return try step([text.input: batch.inputs, text.target: batch.targets])
  }

  /// Sets the states of all cells to zero, as before the first batch.
  public func resetState() {
    for (i, input) in execution.graph.inputs.enumerated() where input.role == .state {
      execution.inputs[i].fill(0)
    }
  }

  /// Adds what the last step reported to sums.
  func addEvaluation(to sums: inout EvaluationSums) throws {
    try execution.addEvaluation(to: &sums, program.model.means)
  }

  /// Gives the tensors to code for so many examples.
  private func setExamples(_ examples: Int) throws {
    // What is too much is left to the check of the batch.
    guard examples != execution.batch, examples < program.batch || execution.batch != program.batch else {
      return
    }
    let examples = min(examples, program.batch)
    let next =
      try executions[examples]
      ?? Execution(
        program.with(batch: examples).compilation(for: purpose), options: program.options, batch: examples)
    executions[examples] = next
    // One graph serves both, so the numbers of inputs agree.
    swap(&next.inputs, &execution.inputs)
    execution = next
    for (i, input) in execution.graph.inputs.enumerated() where input.role == .state {
      execution.inputs[i] = Tensor(
        execution.signature.elementType(i), shape: execution.signature.shape(i, [.batch: examples]))
    }
  }

  private func set(_ hyperparameter: String, to number: Double) {
    guard let i = execution.inputNumber(hyperparameter) else { return }
    execution.inputs[i] = Tensor(execution.signature.elementType(i), shape: [])
    execution.inputs[i].fill(number)
  }
}

// MARK: - Tensors

extension Trainer {
  /// The parameters by path, as they are now.
  public var parameters: [String: Tensor] { tensors { $0.isParameter } }

  /// What the optimiser keeps between steps, by name.
  public var optimizerState: [String: Tensor] { tensors { $0.role == .optimizer } }

  /// The state that the next step starts from, by path.
  public var recurrentState: [String: Tensor] { tensors { $0.role == .state } }

  /// Sets parameters, what the optimiser keeps and states to those of a checkpoint.
  ///
  /// - Parameter origin: what the checkpoint is, for messages.
  /// - Throws: `InputError` that names the first tensor that is missing, too many or of another shape.
  public func restore(_ checkpoint: Checkpoint, origin: String) throws {
    let parts: [([String: Tensor], (Input) -> Bool)] = [
      (checkpoint.latestParameters ?? checkpoint.parameters, { $0.isParameter }),
      (checkpoint.optimizerState, { $0.role == .optimizer }),
      // A run whose batches all start afresh keeps none.
      (checkpoint.recurrentState, { $0.role == .state && !checkpoint.recurrentState.isEmpty }),
    ]
    // All are checked before the first is set.
    let chosen = try parts.map { tensors, isWanted in
      try specifications(isWanted).select(from: tensors, origin: origin, exact: true)
    }
    for (name, tensor) in chosen.joined() { try tensor.requireFinite("tensor '\(name)' of \(origin)") }
    for (name, tensor) in chosen.joined() {
      if let i = execution.inputNumber(name) { execution.inputs[i] = tensor }
    }
  }

  /// Sets parameters by their paths, all of them.
  ///
  /// - Throws: `InputError` that names the first tensor that is missing, too many or of another shape.
  public func setParameters(_ parameters: [String: Tensor], origin: String = "the set of parameters") throws {
    let chosen = try specifications { $0.isParameter }.select(from: parameters, origin: origin, exact: true)
    for (name, tensor) in chosen { try tensor.requireFinite("tensor '\(name)' of \(origin)") }
    for (name, tensor) in chosen {
      if let i = execution.inputNumber(name) { execution.inputs[i] = tensor }
    }
  }

  private func tensors(_ isWanted: (Input) -> Bool) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (i, input) in execution.graph.inputs.enumerated() where isWanted(input) {
      result[input.name] = execution.inputs[i]
    }
    return result
  }

  /// Measures the parameters as they are now on every example of a data set; nothing changes.
  public func evaluate(_ data: Dataset) throws -> Evaluation { try evaluator.evaluate(data, parameters) }

  /// Measures the parameters as they are now on a text; nothing changes.
  func evaluate(_ epoch: BatchSampler.Epoch) throws -> Evaluation {
    try evaluator.evaluate(epoch, parameters)
  }

  private func specifications(_ isWanted: (Input) -> Bool) -> [TensorSpec] {
    execution.graph.inputs.enumerated().filter { isWanted($1) }.map { i, input in
      TensorSpec(
        input.name, execution.signature.elementType(i),
        execution.signature.shape(i, [.batch: program.batch]))
    }
  }
}

extension Input {
  /// Whether a batch brings it, or what is taken in its place follows from the batch.
  fileprivate var isData: Bool {
    switch role {
    case .data, .target, .lengths: true
    case .parameter, .state, .hyperparameter, .optimizer, .seed: false
    }
  }
}
