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

/// What a training step does beside computing gradients.
public struct TrainingOptions: Sendable, Hashable {
  /// How parameters follow their gradients.
  public var optimizer: Optimizer
  /// Whether gradients are scaled to a global norm of at most the hyperparameter `clip_norm`.
  public var clipsGradients: Bool
  /// Whether final states replace initial ones, so that the next batch continues this one.
  public var carriesState: Bool
  /// Whether the outputs of the model, and final states that are not carried, stay outputs.
  public var keepsOutputs: Bool

  /// Chooses what a training step does.
  public init(
    optimizer: Optimizer = .sgd, clipsGradients: Bool = false, carriesState: Bool = false,
    keepsOutputs: Bool = false
  ) {
    self.optimizer = optimizer
    self.clipsGradients = clipsGradients
    self.carriesState = carriesState
    self.keepsOutputs = keepsOutputs
  }
}

/// Turns a gradient graph into a training step.
///
/// The result has the inputs of `graph`, the hyperparameter `learning_rate`, with clipping `clip_norm`, and what the
/// optimiser keeps (role `optimizer`). Its outputs are the loss and other metrics, with clipping the metric
/// `gradient_norm`, and for each changed input one of its name with the role `update`.
///
/// - Throws: `TrainingGraphError`.
public func trainingGraph(from graph: Graph, _ options: TrainingOptions) throws -> Graph {
  let builder = GraphBuilder(graph)
  let trained = graph.outputs.compactMap { output -> (parameter: Input, gradient: ValueID)? in
    guard case .gradient(let name) = output.role, let input = graph.input(named: name),
      case .parameter = input.role
    else { return nil }
    return (input, output.value)
  }
  guard let first = trained.first else { throw TrainingGraphError.noGradients }
  let element = graph.type(first.gradient).element

  builder.graph.filterOutputs { output in
    switch output.role {
    case .loss, .metric, .update: true
    case .output, .state: options.keepsOutputs && !(options.carriesState && output.isState(of: graph))
    case .gradient: false
    }
  }
  let step = try OptimizerStep(builder, element: element)
  var gradients = trained.map(\.gradient)
  if options.clipsGradients {
    let bound = try builder.hyperparameter("clip_norm", element)
    let clipped = builder.clipByGlobalNorm(gradients, bound: bound)
    gradients = clipped.gradients
    guard builder.graph.output(named: "gradient_norm") == nil else {
      throw TrainingGraphError.nameTaken("gradient_norm")
    }
    builder.graph.addOutput("gradient_norm", role: .metric, clipped.norm)
  }
  for ((parameter, _), gradient) in zip(trained, gradients) {
    let next = try options.optimizer.update(parameter, gradient: gradient, in: step)
    try step.replace(parameter, with: next)
  }
  if options.carriesState {
    for output in graph.outputs where output.isState(of: graph) {
      if let input = graph.input(named: output.name) { try step.replace(input, with: output.value) }
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
