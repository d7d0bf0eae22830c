import RNNGraph

/// Lowers a checked model to a graph: names and roles of inputs and outputs, and the body between them.
final class ModelLowering {
  private let model: CheckedCell
  private let element: ElementType
  private let builder: GraphBuilder
  private var finalStates: [(name: String, value: ValueID)] = []
  /// For the loss and other numbers that are reported, what each is a mean over.
  private(set) var means: [String: [Symbol]] = [:]

  init(_ model: CheckedCell, _ element: ElementType) {
    self.model = model
    self.element = element
    builder = GraphBuilder(Graph(name: model.name))
  }

  /// Makes the graph.
  ///
  /// Inputs are the data, the targets, the parameters and the initial states; outputs are those of the model, the loss,
  /// the accuracy if the loss is a cross-entropy, and the final states.
  func run() -> Graph {
    var inputs: [LoweredValue?] = model.inputs.map { $0.isTarget ? nil : add($0) }
    for (index, input) in model.inputs.enumerated() where input.isTarget { inputs[index] = add(input) }
    var parameters: [String: ValueID] = [:]
    addParameters(of: model, path: "", &parameters)
    addInitialStates()

    let environment = BodyLowering.Environment(
      parameters: parameters, inputs: inputs.compactMap { $0 }, states: [])
    var body = BodyLowering(model, builder, element, environment, model: self)
    body.run()

    for output in model.outputs {
      builder.graph.addOutput(output.name, role: .output, body.tensor(body[output.node]))
    }
    if let loss = model.loss {
      builder.site = model.nodes[loss.index].site.description
      addMean("loss", role: .loss, of: body.tensor(body[loss]))
      if let correct = body.correctness(of: loss), builder.graph.output(named: "accuracy") == nil {
        addMean("accuracy", role: .metric, of: correct)
      }
    }
    for state in finalStates { builder.graph.addOutput(state.name, role: .state, state.value) }
    return builder.graph
  }

  /// Adds the mean over all examples, and steps if there are some, as an output.
  private func addMean(_ name: String, role: OutputRole, of value: ValueID) {
    means[name] = builder.type(value).shape.compactMap(\.symbol)
    builder.graph.addOutput(name, role: role, builder.meanOverSymbols(value))
  }

  private func add(_ input: CheckedInput) -> LoweredValue {
    let lead = lead(input.type.extent)
    let shape = lead + input.type.shape.map(Dimension.fixed)
    var type = TensorType(element, shape)
    var idLimit: Int?
    if case .token(let size) = input.type.element {
      type = TensorType(.i32, shape)
      idLimit = size
    }
    let role: InputRole = input.isTarget ? .target : .data
    let value = builder.graph.addInput(input.name, role: role, type, idLimit: idLimit)
    return .tensor(value, lead: lead.count)
  }

  private func lead(_ extent: Extent) -> [Dimension] {
    switch extent {
    case .constant: []
    case .example: [.batch]
    case .steps(let length): [.symbol(Symbol(length)), .batch]
    }
  }

  private func addParameters(of cell: CheckedCell, path: String, _ values: inout [String: ValueID]) {
    for parameter in cell.parameters {
      let type = TensorType(element, parameter.shape.map(Dimension.fixed))
      let name = path + parameter.name
      values[name] = builder.graph.addInput(name, role: .parameter(parameter.initializer), type)
    }
    for instance in cell.instances {
      addParameters(of: instance.cell, path: "\(path)\(instance.name).", &values)
    }
  }

  // MARK: States

  /// The name of a state of an application: `rnn.h`, and `rnn@2.h` where `rnn` is applied again.
  private func name(_ state: CheckedState, of instance: CheckedInstance, _ application: Application) -> String
  {
    let suffix = application.ordinal == 1 ? "" : "@\(application.ordinal)"
    return "\(instance.name)\(suffix).\(state.name)"
  }

  private func addInitialStates() {
    for node in model.nodes {
      guard case .apply(let application) = node.operation, node.operands.count == application.inputCount
      else { continue }
      let instance = model.instances[application.instance]
      for state in instance.cell.states where state.initial == .given {
        let shape = [.batch] + state.shape.map(Dimension.fixed)
        _ = builder.graph.addInput(
          name(state, of: instance, application), role: .state, TensorType(element, shape))
      }
    }
  }

  /// The states of an application before its first step.
  func initialStates(
    of instance: CheckedInstance, _ application: Application, given: [LoweredValue],
    _ parameters: [String: ValueID]
  ) -> [LoweredValue] {
    instance.cell.states.enumerated().map { index, state in
      let axes = Axes(lead: [.batch], own: state.shape.map(Dimension.fixed))
      let value: LoweredValue
      if index < given.count {
        value = given[index]
      } else {
        switch state.initial {
        case .given:
          let name = name(state, of: instance, application)
          guard let input = builder.graph.input(named: name) else { preconditionFailure("no input \(name)") }
          value = .tensor(input.value, lead: 1)
        case .constant(let number): value = .literal(number)
        case .parameter(let path):
          guard let parameter = parameters[path] else { preconditionFailure("no parameter \(path)") }
          value = .tensor(parameter, lead: 0)
        }
      }
      return .tensor(builder.conform(value, to: axes, element), lead: 1)
    }
  }

  /// Notes the states of an application after its last step.
  func addFinalStates(_ values: [LoweredValue], of instance: CheckedInstance, _ application: Application) {
    for (state, value) in zip(instance.cell.states, values) {
      guard case .tensor(let id, _) = value else { continue }
      finalStates.append((name(state, of: instance, application), id))
    }
  }
}
