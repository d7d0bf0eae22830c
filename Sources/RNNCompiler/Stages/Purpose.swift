import RNNDifferentiation
import RNNGraph
import RNNOptimizers
import RNNPasses

/// What a model is run for; each purpose has a graph, and native code, of its own.
public enum Purpose: Hashable, Sendable {
  /// Outputs and final states, without targets.
  case inference
  /// Outputs, final states and the loss.
  case evaluation
  /// The loss, other numbers that are reported, and final states, without outputs.
  case measurement
  /// Outputs, final states, the loss, and its derivatives by every parameter, float input and initial state.
  case gradients
  /// Outputs, final states and the derivatives, in the same manner, of the sum of some of them times coefficients, which
  /// are further inputs called `coef.` and the output's name.
  case seededGradients([String])
  /// A training step: loss, gradients, and new parameters and states in place of the old.
  case training(TrainingStepOptions)
  /// The same as another purpose, but with random draws as in training, from a further input `seed`.
  indirect case drawing(Purpose)
  /// The same as another purpose, but with random draws from a further input `seed`, although nothing is trained.
  indirect case sampling(Purpose)

  /// A short name, for files and messages.
  public var name: String {
    switch self {
    case .inference: "inference"
    case .evaluation: "evaluation"
    case .measurement: "measurement"
    case .gradients: "gradients"
    case .seededGradients: "seeded gradients"
    case .training: "training"
    case .drawing(let purpose): "\(purpose.name) with the random draws of training"
    case .sampling(let purpose): "\(purpose.name) with random draws"
    }
  }
}

extension Purpose {
  /// Whether formulas are those of training.
  var isTraining: Bool {
    switch self {
    case .training, .drawing: true
    case .inference, .evaluation, .measurement, .gradients, .seededGradients, .sampling: false
    }
  }

  /// Whether random draws are made.
  var isDrawing: Bool { if case .sampling = self { true } else { isTraining } }

  /// Whether the numbers may be those of rounded weights: nothing is derived from them.
  var mayRoundWeights: Bool {
    switch self {
    case .inference, .evaluation, .measurement: true
    case .gradients, .seededGradients, .training: false
    case .drawing(let purpose), .sampling(let purpose): purpose.mayRoundWeights
    }
  }

  /// The graph for this purpose, before optimisation.
  ///
  /// - Throws: `InputError` if the model lacks what the purpose needs, or is not one any more.
  func graph(from model: Graph) throws -> Graph {
    switch self {
    case .inference:
      let graph = model.inference()
      guard !graph.outputs.isEmpty else {
        throw InputError(
          "model '\(model.name)' has no output and no state, so there is nothing to compute but its loss",
          note: "add a line such as 'output y', or ask for more than inference, which needs the targets")
      }
      return graph
    case .evaluation: return model
    case .measurement:
      try requireLoss(model)
      return model.measurement()
    case .gradients:
      try requireLoss(model)
      try model.requireModel()
      return try gradient(of: model, withRespectTo: \.isDifferentiable)
    case .seededGradients(let names):
      try model.requireModel()
      let seeded = try requested { () throws(RewriteError) in try model.inference().seeded(by: names) }
      return try gradient(of: seeded, withRespectTo: \.isDifferentiable)
    case .training(let options):
      try requireLoss(model)
      try model.requireModel()
      guard model.inputs.contains(where: \.isParameter) else {
        throw InputError("model '\(model.name)' has no parameter to train")
      }
      let gradients = try gradient(of: model, withRespectTo: \.isParameter)
      return try trainingGraph(from: gradients, options)
    case .drawing(let purpose), .sampling(let purpose): return try purpose.graph(from: model)
    }
  }

  private func requireLoss(_ model: Graph) throws {
    guard model.loss != nil else {
      throw InputError(
        "model '\(model.name)' has no loss, which its gradients need",
        note: "add a line such as 'loss cross_entropy(y, next)', or ask for inference only")
    }
  }
}

extension Graph {
  /// Checks that this is the graph of a model, and has not been differentiated yet.
  func requireModel() throws {
    guard let part = partOfTraining else { return }
    throw InputError(
      "graph '\(name)' has \(part), so it is differentiated already",
      note:
        "it runs and compiles as it stands; 'rnnc compile MODEL --emit graph' writes one that can be trained")
  }

  /// What of it only a graph with gradients or a training step has, in words; nil of a model.
  var partOfTraining: String? {
    for output in outputs {
      switch output.role {
      case .gradient: return "the gradient '\(output.name)'"
      case .update(let input): return "the update of '\(input)'"
      case .output, .loss, .state, .metric, .term, .weight: continue
      }
    }
    for input in inputs where input.role == .hyperparameter || input.role == .optimizer {
      return "the \(input.role == .optimizer ? "optimizer's value" : "hyperparameter") '\(input.name)'"
    }
    return nil
  }
}

extension Input {
  /// Whether this is learned.
  var isParameter: Bool {
    if case .parameter = role { true } else { false }
  }

  /// Whether derivatives by it are asked for, if it holds floats.
  fileprivate var isDifferentiable: Bool {
    switch role {
    case .parameter, .data, .state: true
    case .target, .hyperparameter, .optimizer, .lengths, .seed: false
    }
  }
}

/// A graph that a user asks for: if it cannot be made, the input is wrong.
func requested(_ rewrite: () throws(RewriteError) -> Graph) throws -> Graph {
  do throws(RewriteError) {
    return try rewrite()
  } catch {
    throw InputError(error.message, notes: [error.note].compactMap { $0 })
  }
}
