import RNNGraph
import RNNOptimizers
import RNNSupport

/// What one training step reports.
public struct TrainingStep: Sendable, Hashable {
  /// The loss before the step, a mean over tokens or examples.
  public let loss: Double
  /// The part of the tokens that was predicted before the step, where the loss is a cross-entropy; 0...1.
  public let accuracy: Double?
  /// The parts of the loss that have a name, before the step.
  public let terms: [String: Double]
  /// What else the model measures, before the step.
  public let measures: [String: Double]
  /// The norm of all gradients as one vector, after clipping by value and before clipping by norm; nil without
  /// clipping by norm, and in a step that does not change the parameters.
  public let gradientNorm: Double?
  /// The learning rate of this step, as the schedule has it.
  public let learningRate: Double
  /// Whether the parameters were changed: false while gradients are accumulated.
  public let isUpdate: Bool
}

/// Parameters in training: each step is one native call.
///
///     let trainer = try Trainer(program, optimizer: .sgd(learningRate: 1), clipNorm: 1, seed: 0)
///     for batch in try corpus.sequentialBatches(batch: 32, steps: 35) { try trainer.step(batch) }
///
/// States of cells are carried from step to step, without a gradient through them, where a batch continues the one
/// before. Batches of a text and of a data set know whether they do; of other tensors the caller says it.
///
/// A batch may have fewer examples than the program, as the last one of an epoch, or `NAME.lengths` for sequences of
/// different lengths. It gets code of its own, which is compiled when such a batch first comes, and states start at zero
/// where the number of examples changes.
public final class Trainer {
  /// The model.
  public let program: Program
  /// The optimiser; its learning rate may change between steps.
  public var optimizer: Optimizer {
    didSet {
      precondition(optimizer.rule == oldValue.rule, "a trainer keeps its optimiser")
      setLearningRate()
    }
  }
  /// How the learning rate changes.
  public var schedule: Schedule { options.schedule }
  /// What the code is made for.
  public var purpose: Purpose { .training(options) }
  /// The number of steps done, of this trainer and of the runs that it continues.
  public private(set) var stepsDone = 0

  private let options: TrainingStepOptions
  /// The execution that holds the tensors.
  private(set) var execution: Execution
  /// All executions so far, by what they are for.
  private var executions: [BatchKind: Execution]
  private lazy var evaluator = Evaluator(program)
  private let text: TextInterface?
  private let seed: UInt64
  private var plateau: Plateau?

  /// Compiles the training step, unless the program has it, and gives every parameter its first value.
  ///
  /// - Parameters:
  ///   - schedule: how the learning rate changes; periods in epochs need `endEpoch(loss:)`.
  ///   - warmup: the number of updates in which the learning rate rises to its full size at first; 0 for none.
  ///   - clipNorm: gradients are scaled to a norm of at most this; nil for no scaling.
  ///   - clipValue: each element of a gradient is kept between minus and plus this, before `clipNorm`; nil for no bound.
  ///   - accumulation: the number of steps whose gradients are accumulated; after the last, the parameters follow their
  ///     mean.
  ///   - seed: decides the first value of each parameter, together with its path, and every random number of training.
  /// - Throws: `InputError` if the model has no loss or no parameter, or a number makes no sense.
  public init(
    _ program: Program, optimizer: Optimizer = .sgd(learningRate: 1), schedule: Schedule = .constant,
    warmup: Int = 0, clipNorm: Double? = nil, clipValue: Double? = nil, accumulation: Int = 1,
    seed: UInt64 = 0
  ) throws {
    try optimizer.validate()
    guard schedule.isValid else { throw InputError("the numbers of the schedule \(schedule) make no sense") }
    guard warmup >= 0, accumulation > 0 else {
      throw InputError(
        "a warm-up of \(counted(warmup, "update")) or a mean of \(counted(accumulation, "step")) makes no sense"
      )
    }
    for (kind, bound) in [("norm", clipNorm), ("value", clipValue)] {
      if let bound, !(bound > 0) {
        throw InputError(
          "gradients cannot be clipped to a \(kind) of \(bound)", note: "choose a positive number")
      }
    }
    self.program = program
    self.optimizer = optimizer
    self.seed = seed
    options = TrainingStepOptions(
      rule: optimizer.rule, schedule: schedule, warmup: warmup, clipsValues: clipValue != nil,
      clipsNorm: clipNorm != nil, accumulation: accumulation, carriesState: true)
    if case .plateau(let factor, let patience) = schedule {
      plateau = Plateau(factor: factor, patience: patience)
    }
    execution = try Execution(
      program.compilation(for: .training(options)), options: program.options, batch: program.batch)
    executions = [BatchKind(examples: program.batch, ragged: program.ragged): execution]
    text = try? TextInterface(program.model.graph)
    let parameters = try program.initialParameters(seed: seed)
    let kept = execution.graph.inputs.filter { !$0.isData && !$0.isParameter }.map(\.value)
    try AvailableMemory.require(
      bytes: execution.graph.byteCount(of: kept, [.batch: program.batch]),
      for: "the states of the model and of the optimizer")
    for (i, input) in execution.graph.inputs.enumerated() where !input.isData {
      execution.inputs[i] =
        parameters[input.name]
        ?? Tensor(
          execution.signature.elementType(i), shape: execution.signature.shape(i, [.batch: program.batch]))
    }
    setLearningRate()
    if let clipNorm { set("clip_norm", to: clipNorm) }
    if let clipValue { set("clip_value", to: clipValue) }
  }

  /// Makes the trainer of a run.
  convenience init(_ program: Program, options: OptimizationOptions, seed: UInt64) throws {
    try self.init(
      program, optimizer: Optimizer(options), schedule: Schedule(parsing: options.schedule),
      warmup: options.warmup, clipNorm: options.clipNorm, clipValue: options.clipValue,
      accumulation: options.accumulation, seed: seed)
  }

  /// Computes the loss of one batch and changes the parameters once.
  ///
  /// - Parameters:
  ///   - tensors: inputs and targets by their names, and perhaps states by their paths.
  ///   - startsAfresh: whether states that are not given are zero, instead of those that the step before left.
  /// - Throws: `InputError` if a tensor is missing, does not fit or holds a token outside the vocabulary; nothing has
  ///   changed then.
  @discardableResult
  public func step(_ tensors: [String: Tensor], startsAfresh: Bool) throws -> TrainingStep {
    try select(for: tensors)
    try execution.setInputs(tensors, origin: "the batch") { !$0.isData }
    if startsAfresh { resetStates { tensors[$0] == nil } }
    setRandomSeed()
    try execution.run()
    stepsDone += 1
    let isUpdate =
      execution.inputNumber("gradient_count").map { execution.inputs[$0].numbers == [0] } ?? true
    return TrainingStep(
      loss: try execution.scalar { $0.role == .loss } ?? .nan,
      accuracy: try execution.scalar { $0.role == .metric && $0.name == Graph.accuracyName },
      terms: try scalars { $0.role == .term },
      measures: try scalars { $0.role == .metric && $0.name != Graph.accuracyName },
      gradientNorm: isUpdate ? try execution.scalar { $0.name == "gradient_norm" } : nil,
      learningRate: try execution.scalar { $0.name == "scheduled_learning_rate" }
        ?? optimizer.learningRate * (plateau?.scale ?? 1),
      isUpdate: isUpdate)
  }

  /// Some of the model's numbers, by name.
  private func scalars(_ isWanted: (Output) -> Bool) throws -> [String: Double] {
    var found: [String: Double] = [:]
    for output in program.model.graph.outputs where isWanted(output) {
      found[output.name] = try execution.scalar { $0.name == output.name }
    }
    return found
  }

  /// Trains on a batch of a data set; states that the data does not give start at zero.
  @discardableResult
  public func step(_ batch: Dataset.Batch) throws -> TrainingStep {
    try step(program.dataInterface.tensors(of: batch), startsAfresh: true)
  }

  /// Trains on a batch of text; states start at zero if the batch does not continue the one before.
  @discardableResult
  public func step(_ batch: TokenBatch) throws -> TrainingStep {
    guard let text else {
      _ = try TextInterface(program.model.graph)
      preconditionFailure("the model became one of text")
    }
    return try step(
      [text.input: batch.inputs, text.target: batch.targets], startsAfresh: batch.startsAfresh)
  }

  /// Sets states to zero, as before the first batch.
  private func resetStates(_ isWanted: (String) -> Bool) {
    for (i, input) in execution.graph.inputs.enumerated() where input.role == .state && isWanted(input.name) {
      execution.inputs[i].fill(0)
    }
  }

  /// Says that an epoch is over, for a schedule that counts epochs or waits for the loss to fall.
  ///
  /// - Parameter loss: the mean loss of the epoch, on validation data if there are any.
  public func endEpoch(loss: Double) {
    if let i = execution.inputNumber("epoch_count") {
      execution.inputs[i].fill(execution.inputs[i].numbers[0] + 1)
    }
    plateau?.endEpoch(loss: loss)
    setLearningRate()
  }

  private func setLearningRate() { set("learning_rate", to: optimizer.learningRate * (plateau?.scale ?? 1)) }

  /// Gives random operations their seed: a function of the user's seed and the number of the step alone.
  private func setRandomSeed() {
    guard let i = execution.graph.inputs.firstIndex(where: { $0.role == .seed }) else { return }
    var stream = RandomStream(seed: seed, name: "training step")
    stream.position = UInt64(stepsDone)
    execution.inputs[i] = Tensor([Int32(truncatingIfNeeded: stream.next())], shape: [])
  }

  /// Adds what the last step reported to sums.
  func addEvaluation(to sums: inout EvaluationSums) throws {
    try execution.addEvaluation(to: &sums, of: program.model.graph)
  }

  /// Compiles what batches of so many examples need, before the first of them comes.
  func prepare(examples: Int) throws {
    _ = try execution(for: BatchKind(examples: examples, ragged: program.ragged), program)
  }

  /// Compiles what it takes to measure on a data set, or with none on a text.
  func prepareEvaluation(on data: Dataset?) throws { try evaluator.prepare(data) }

  /// How long it took to compile what there is to train and to measure.
  var compileTime: Duration {
    executions.values.reduce(evaluator.compileTime) { $0 + $1.compileTime }
  }

  private func execution(for kind: BatchKind, _ fitting: Program) throws -> Execution {
    if let known = executions[kind] { return known }
    let compilation = try fitting.with(batch: kind.examples).compilation(for: purpose)
    let execution = try Execution(compilation, options: program.options, batch: kind.examples)
    executions[kind] = execution
    return execution
  }

  /// Gives the tensors to the code for such a batch.
  private func select(for tensors: [String: Tensor]) throws {
    // What is too large is left to the check of the batch.
    let examples = min(program.batchSize(of: tensors) ?? program.batch, program.batch)
    let fitting = try program.taking(lengthsAmong: tensors)
    let next = try execution(for: BatchKind(examples: examples, ragged: fitting.ragged), fitting)
    guard next !== execution else { return }
    let isSameSize = next.batch == execution.batch
    for (i, input) in next.graph.inputs.enumerated() where !input.isData {
      if input.role == .state, !isSameSize {
        next.inputs[i] = Tensor(
          next.signature.elementType(i), shape: next.signature.shape(i, [.batch: examples]))
      } else if let other = execution.inputNumber(input.name) {
        swap(&next.inputs[i], &execution.inputs[other])
      }
    }
    execution = next
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

  /// What the optimiser and the schedule keep between steps, by name.
  public var optimizerState: [String: Tensor] {
    var kept = tensors { $0.role == .optimizer }
    if let plateau { kept[Plateau.name] = plateau.tensor }
    return kept
  }

  /// The state that the next step starts from, by path.
  public var recurrentState: [String: Tensor] { tensors { $0.role == .state } }

  /// Sets parameters, what the optimiser keeps and states to those of a checkpoint.
  ///
  /// - Parameter origin: what the checkpoint is, for messages.
  /// - Throws: `InputError` that names the first tensor that is missing, too many or of another shape.
  public func restore(_ checkpoint: Checkpoint, origin: String) throws {
    let chosen = try fit(checkpoint, origin: origin)
    for (name, tensor) in chosen.joined() {
      if let i = execution.inputNumber(name) { execution.inputs[i] = tensor }
    }
    if let tensor = chosen[1][Plateau.name] { plateau?.tensor = tensor }
    setLearningRate()
    stepsDone = checkpoint.metadata.position.step
  }

  /// Checks that a checkpoint can be restored, and gives its tensors as the code takes them.
  @discardableResult
  func fit(_ checkpoint: Checkpoint, origin: String) throws -> [[String: Tensor]] {
    let kept =
      specifications { $0.role == .optimizer }
      + (plateau.map { [TensorSpec(Plateau.name, .f64, $0.tensor.shape)] } ?? [])
    // A run whose batches all start afresh keeps no states.
    let states = checkpoint.recurrentState.isEmpty ? [] : specifications { $0.role == .state }
    let parts = [
      (checkpoint.latestParameters ?? checkpoint.parameters, specifications { $0.isParameter }),
      (try checkpoint.currentOptimizerState(origin: origin), kept), (checkpoint.recurrentState, states),
    ]
    let chosen = try parts.map { tensors, wanted in
      try wanted.select(from: tensors, origin: origin, exact: true)
    }
    for (name, tensor) in chosen.joined() { try tensor.requireFinite("tensor '\(name)' of \(origin)") }
    return chosen
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
  var isData: Bool {
    switch role {
    case .data, .target, .lengths: true
    case .parameter, .state, .hyperparameter, .optimizer, .seed: false
    }
  }
}

/// What code for a batch depends on.
private struct BatchKind: Hashable {
  let examples: Int
  let ragged: Set<String>
}
