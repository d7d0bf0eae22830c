import RNNGraph

/// What the rule of an optimiser builds on: the graph under construction and the learning rate.
struct OptimizerStep {
  let builder: GraphBuilder
  private let learningRate: ValueID

  /// Adds the hyperparameter `learning_rate`.
  init(_ builder: GraphBuilder, element: ElementType) throws {
    self.builder = builder
    learningRate = try builder.hyperparameter("learning_rate", element)
  }

  /// A tensor like a parameter that the optimiser keeps from step to step, named `KIND.PARAMETER`; zero at first.
  func state(_ kind: String, of parameter: Input) throws -> Input {
    let name = "\(kind).\(parameter.name)"
    try builder.requireFree(name)
    _ = builder.graph.addInput(name, role: .optimizer, builder.type(parameter.value))
    return builder.graph.inputs[builder.graph.inputs.count - 1]
  }

  /// Makes a value the next one of an input.
  func replace(_ input: Input, with value: ValueID) throws {
    guard builder.graph.output(named: input.name) == nil else {
      throw TrainingGraphError.nameTaken(input.name)
    }
    builder.graph.addOutput(input.name, role: .update(of: input.name), value)
  }

  // p' = p - η d
  func descend(_ parameter: Input, along direction: ValueID) -> ValueID {
    let rate = builder.convert(learningRate, to: builder.type(direction).element)
    let way = builder.multiply(builder.broadcast(scalar: rate, like: direction), direction)
    return builder.subtract(parameter.value, way)
  }
}

extension GraphBuilder {
  /// Adds a number that the user chooses.
  func hyperparameter(_ name: String, _ element: ElementType) throws -> ValueID {
    try requireFree(name)
    return graph.addInput(name, role: .hyperparameter, TensorType(element, []))
  }

  /// Refuses a name that an input has.
  func requireFree(_ name: String) throws {
    if graph.input(named: name) != nil { throw TrainingGraphError.nameTaken(name) }
  }
}
