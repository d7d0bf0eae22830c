import RNNGraph

/// Why a graph does not become a training step.
public enum TrainingGraphError: Error, Equatable, CustomStringConvertible {
  /// The graph has no output that is the gradient of a parameter.
  case noGradients
  /// An input or an output has a name that the training step needs.
  case nameTaken(String)

  public var description: String {
    switch self {
    case .noGradients: "the model has no parameter to train"
    case .nameTaken(let name): "the name '\(name)' is needed by the training step"
    }
  }
}

/// What a training step does beside computing gradients: what its code depends on.
public struct TrainingStepOptions: Sendable, Hashable {
  /// How parameters follow their gradients.
  public var rule: UpdateRule
  /// How the learning rate changes.
  public var schedule: Schedule
  /// In how many updates the learning rate rises to its full size at first; 0 for none.
  public var warmup: Int
  /// Whether each element of a gradient is kept between minus and plus the hyperparameter `clip_value`.
  public var clipsValues: Bool
  /// Whether gradients are scaled to a global norm of at most the hyperparameter `clip_norm`, after `clip_value`.
  public var clipsNorm: Bool
  /// The number of steps whose gradients are accumulated for one change of the parameters.
  public var accumulation: Int
  /// Whether final states replace initial ones, so that the next batch continues this one.
  public var carriesState: Bool
  /// Whether the outputs of the model, and final states that are not carried, stay outputs.
  public var keepsOutputs: Bool

  /// Chooses what a training step does.
  public init(
    rule: UpdateRule = Optimizer.sgd().rule, schedule: Schedule = .constant, warmup: Int = 0,
    clipsValues: Bool = false, clipsNorm: Bool = false, accumulation: Int = 1, carriesState: Bool = false,
    keepsOutputs: Bool = false
  ) {
    self.rule = rule
    self.schedule = schedule
    self.warmup = warmup
    self.clipsValues = clipsValues
    self.clipsNorm = clipsNorm
    self.accumulation = accumulation
    self.carriesState = carriesState
    self.keepsOutputs = keepsOutputs
  }
}

/// Turns a gradient graph into a training step.
///
/// The result has the inputs of `graph`, the hyperparameter `learning_rate`, those of clipping, and what is kept from
/// step to step (role `optimizer`). Its outputs are the loss and other metrics, for each changed input one of its name
/// with the role `update`, and the metrics `gradient_norm` where the norm is clipped and `scheduled_learning_rate`
/// where a schedule or a warm-up changes it. Numbers that all parameters share are `f64[]`.
///
/// - Throws: `TrainingGraphError`.
public func trainingGraph(
  from graph: Graph, _ options: TrainingStepOptions
) throws -> Graph {
  let builder = GraphBuilder(graph)
  let trained = graph.outputs.compactMap { output -> (parameter: Parameter, gradient: Term)? in
    guard case .gradient(let name) = output.role, let input = graph.input(named: name),
      case .parameter = input.role
    else { return nil }
    return (Parameter(name: name, value: Term(input.value, builder)), Term(output.value, builder))
  }
  if trained.isEmpty { throw TrainingGraphError.noGradients }
  builder.graph.filterOutputs { output in
    switch output.role {
    case .loss, .metric, .term, .weight, .update: true
    case .output, .state: options.keepsOutputs && !(options.carriesState && output.isState(of: graph))
    case .gradient: false
    }
  }

  let learningRate = try builder.hyperparameter("learning_rate")
  var gradients = trained.map(\.gradient)
  var isUpdate: Term?
  if options.accumulation > 1 {
    let accumulated = try builder.accumulate(
      trained, count: options.accumulation, weight: builder.lossWeight())
    (gradients, isUpdate) = (accumulated.gradients, accumulated.isUpdate)
  }
  if options.clipsValues {
    gradients = builder.clipByValue(gradients, bound: try builder.hyperparameter("clip_value"))
  }
  if options.clipsNorm {
    let clipped = builder.clipByGlobalNorm(gradients, bound: try builder.hyperparameter("clip_norm"))
    gradients = clipped.gradients
    try builder.addMetric("gradient_norm", clipped.norm)
  }
  let step = OptimizerStep(
    builder, settings: options.rule.settings, learningRate: learningRate, isUpdate: isUpdate)
  try step.follow(options.schedule, warmup: options.warmup)
  if step.learningRate.value != learningRate.value {
    try builder.addMetric("scheduled_learning_rate", step.learningRate)
  }
  let update = try options.rule.begin(step)
  for ((parameter, _), gradient) in zip(trained, gradients) {
    let places = graph.places(of: parameter.value.value).with(role: .update)
    try builder.at(places) {
      try step.replace(parameter.name, parameter.value, with: update(parameter, gradient))
    }
  }
  if options.carriesState {
    for output in graph.outputs where output.isState(of: graph) {
      if graph.input(named: output.name) != nil { try builder.replace(output.name, with: output.value) }
    }
  }
  return builder.graph
}

extension Output {
  /// Whether this is the final value of a state that the caller gives to `graph`.
  fileprivate func isState(of graph: Graph) -> Bool {
    role == .state && graph.input(named: name)?.role == .state
  }
}
