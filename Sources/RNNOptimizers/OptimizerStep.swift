import RNNGraph

/// A parameter as a rule sees it.
struct Parameter {
  /// The path.
  let name: String
  /// What it is before the step.
  let value: Term
}

/// What the rule of an optimiser builds on: the graph under construction, the settings and the learning rate.
///
/// What is kept from step to step are inputs with the role `optimizer`, zero at first, that the step replaces. In a
/// step that only accumulates gradients nothing is replaced.
final class OptimizerStep {
  /// The learning rate of this step.
  private(set) var learningRate: Term

  private let builder: GraphBuilder
  private let settings: [OptimizerSetting: Double]
  /// Whether the step changes parameters; nil if every one does.
  private let isUpdate: Term?
  private var updates: Term?
  private var epochs: Term?

  /// Begins the part of a step that changes parameters.
  init(
    _ builder: GraphBuilder, settings: [OptimizerSetting: Double], learningRate: Term, isUpdate: Term?
  ) {
    self.builder = builder
    self.settings = settings
    self.learningRate = learningRate
    self.isUpdate = isUpdate
  }

  /// The value of a setting.
  ///
  /// - Requires: the optimiser has it.
  subscript(setting: OptimizerSetting) -> Double { settings[setting]! }

  /// A tensor like a parameter that is kept from step to step, named `KIND.PARAMETER`: gives its next value.
  func state(_ kind: String, of parameter: Parameter, _ next: (Term) -> Term) throws -> Term {
    try state("\(kind).\(parameter.name)", parameter.value.type, next)
  }

  /// A number that is kept from step to step: gives its next value.
  func scalarState(_ name: String, _ next: (Term) -> Term) throws -> Term {
    try state(name, TensorType(.f64, []), next)
  }

  /// How many times parameters have been changed before this step.
  func updatesDone() throws -> Term {
    if let updates { return updates }
    let count = try builder.state("update_count", TensorType(.f64, []))
    try replace("update_count", count, with: count + 1)
    updates = count
    return count
  }

  /// How many epochs are done: the caller counts them, in the input `epoch_count`.
  func epochsDone() throws -> Term {
    if let epochs { return epochs }
    let count = try builder.state("epoch_count", TensorType(.f64, []))
    epochs = count
    return count
  }

  /// Multiplies the learning rate with a factor.
  func scaleLearningRate(by factor: Term) { learningRate = learningRate * factor }

  /// A gradient to which the decay of the weight is added.
  func decayed(_ gradient: Term, _ parameter: Parameter) -> Term {
    self[.weightDecay] == 0 ? gradient : gradient + self[.weightDecay] * parameter.value
  }

  /// Makes a term the next value of an input, if this is a step that changes parameters.
  func replace(_ name: String, _ old: Term, with next: Term) throws {
    try builder.replace(name, with: (isUpdate?.choose(next, old) ?? next).value)
  }

  private func state(_ name: String, _ type: TensorType, _ next: (Term) -> Term) throws -> Term {
    let old = try builder.state(name, type)
    let new = next(old)
    try replace(name, old, with: new)
    return new
  }
}

extension GraphBuilder {
  /// Adds a number that the user chooses.
  func hyperparameter(_ name: String) throws -> Term {
    try requireFree(name)
    return Term(graph.addInput(name, role: .hyperparameter, TensorType(.f64, [])), self)
  }

  /// Adds a tensor that is kept from step to step, zero at first.
  func state(_ name: String, _ type: TensorType) throws -> Term {
    try requireFree(name)
    return Term(graph.addInput(name, role: .optimizer, type), self)
  }

  /// Makes a value the next one of an input.
  func replace(_ name: String, with value: ValueID) throws {
    try addOutput(name, role: .update(of: name), value)
  }

  /// Adds a number that is reported.
  func addMetric(_ name: String, _ value: Term) throws { try addOutput(name, role: .metric, value.value) }

  private func addOutput(_ name: String, role: OutputRole, _ value: ValueID) throws {
    guard graph.output(named: name) == nil else { throw TrainingGraphError.nameTaken(name) }
    graph.addOutput(name, role: role, value)
  }

  private func requireFree(_ name: String) throws {
    if graph.input(named: name) != nil { throw TrainingGraphError.nameTaken(name) }
  }
}
