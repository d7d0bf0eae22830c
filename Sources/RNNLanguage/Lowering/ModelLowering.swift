import RNNGraph

/// Lowers a checked model to a graph: names and roles of inputs and outputs, and the body between them.
final class ModelLowering {
  let model: CheckedCell
  private let context: LoweringContext
  /// The numbers of steps whose sequences are ragged.
  private let ragged: Set<String>
  private let isDrawing: Bool
  private(set) var surroundings = Surroundings()
  private var givenStates: [String: ValueID] = [:]
  private var finalStates: [(name: String, value: ValueID)] = []

  var builder: GraphBuilder { context.builder }
  var element: ElementType { context.element }

  init(_ model: CheckedCell, _ element: ElementType, ragged: Set<String>, isTraining: Bool, isDrawing: Bool) {
    self.model = model
    self.ragged = ragged
    self.isDrawing = isDrawing
    context = LoweringContext(GraphBuilder(Graph(name: model.name)), element, isTraining: isTraining)
  }

  /// Makes the graph.
  ///
  /// Inputs are the data, the targets, the lengths of ragged sequences, the seed, the parameters and the initial states;
  /// outputs are those of the model, the loss and its parts, what else is reported, and the final states.
  func run() -> Graph {
    var inputs: [LoweredValue?] = model.inputs.map { $0.isTarget ? nil : add($0) }
    for (index, input) in model.inputs.enumerated() where input.isTarget { inputs[index] = add(input) }
    addLengths()
    if isDrawing, model.isRandom {
      surroundings.seed = builder.graph.addInput("seed", role: .seed, TensorType(.i32, []))
    }
    var parameters: [String: LoweredValue] = [:]
    addParameters(of: model, path: "", heads: [], &parameters)
    addInitialStates()

    let environment = BodyLowering.Environment(
      parameters: BodyLowering.Parameters(parameters),
      inputs: zip(model.inputs, inputs).compactMap { mask($0, $1) }, states: [],
      surroundings: surroundings)
    var body = BodyLowering(model, context, environment, lead: [.batch], model: self)
    body.run()

    for output in model.outputs {
      let value = builder.at(model.nodes[output.node.index].places) {
        let value = body.tensor(body[output.node])
        let lengths = lengths(of: model.type(output.node).extent)
        return lengths.map { builder.masked(value, lengths: $0) } ?? value
      }
      builder.graph.addOutput(output.name, role: .output, value)
    }
    addMeans(body)
    for state in finalStates { builder.graph.addOutput(state.name, role: .state, state.value) }
    return builder.graph
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
    let places = SourcePlaces([SourcePlace(input.site, name: input.name)])
    let value = builder.graph.addInput(input.name, role: role, type, idLimit: idLimit, places: places)
    return .tensor(value, lead: lead.count)
  }

  private func lead(_ extent: Extent) -> [Dimension] {
    switch extent {
    case .constant: []
    case .example: [.batch]
    case .steps(let length): [.symbol(Symbol(length)), .batch]
    }
  }

  // MARK: Ragged sequences

  /// Adds an input with the numbers of valid steps for each ragged number of steps, called by the first input with it.
  private func addLengths() {
    for steps in ragged.sorted() {
      let inputs = model.inputs.filter { $0.type.extent == .steps(steps) }
      guard let first = inputs.first(where: { !$0.isTarget }) ?? inputs.first else { continue }
      surroundings.lengths[Symbol(steps)] = builder.graph.addInput(
        "\(first.name).lengths", role: .lengths(of: Symbol(steps)), TensorType(.i32, [.batch]))
    }
  }

  /// The numbers of valid steps of values that repeat over `extent`, if these are ragged.
  private func lengths(of extent: Extent) -> ValueID? {
    if case .steps(let steps) = extent { surroundings.lengths[Symbol(steps)] } else { nil }
  }

  /// An input without what stands behind its valid steps: a NaN there would show in gradients, as 0 · NaN.
  private func mask(_ input: CheckedInput, _ value: LoweredValue?) -> LoweredValue? {
    guard case .tensor(let id, let lead) = value, input.type.element == .number,
      let lengths = lengths(of: input.type.extent)
    else { return value }
    let places = SourcePlaces([SourcePlace(input.site, name: input.name)])
    return .tensor(builder.at(places) { builder.masked(id, lengths: lengths) }, lead: lead)
  }

  /// Adds the parameters of a cell and of all inside, and their constants.
  ///
  /// - Parameter heads: how many copies of the cell there are side by side.
  private func addParameters(
    of cell: CheckedCell, path: String, heads: [Int], _ values: inout [String: LoweredValue]
  ) {
    for parameter in cell.parameters {
      let type = TensorType(element, (heads + parameter.shape).map(Dimension.fixed))
      let name = path + parameter.name
      let input = builder.graph.addInput(
        name, role: .parameter(parameter.initializer), type,
        places: SourcePlaces([SourcePlace(parameter.site, name: parameter.name)]))
      values[name] = .tensor(input, lead: 0)
    }
    for constant in cell.constants {
      let type = TensorType(element, constant.shape.map(Dimension.fixed))
      values[path + constant.name] = builder.at(
        SourcePlaces([SourcePlace(constant.site, name: constant.name)])
      ) {
        let table = builder.table(constant.table, type)
        return .tensor(builder.broadcast(table, leading: heads.map(Dimension.fixed)), lead: 0)
      }
    }
    for instance in cell.instances {
      addParameters(
        of: instance.cell, path: "\(path)\(instance.name).", heads: heads + instance.heads, &values)
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
      for state in instance.states where state.initial == .given {
        let shape = [.batch] + state.shape.map(Dimension.fixed)
        let name = name(state, of: instance, application)
        let own = state.name.split(separator: ".").last.map(String.init) ?? state.name
        givenStates[name] = builder.graph.addInput(
          name, role: .state, TensorType(element, shape),
          places: SourcePlaces([SourcePlace(state.site, name: own)]))
      }
    }
  }

  /// The states of an application before its first step.
  func initialStates(
    of instance: CheckedInstance, _ application: Application, given: [LoweredValue],
    _ parameters: BodyLowering.Parameters
  ) -> [LoweredValue] {
    instance.states.enumerated().map { index, state in
      let axes = Axes(lead: [.batch], own: state.shape.map(Dimension.fixed))
      let value: LoweredValue
      if index < given.count {
        value = given[index]
      } else {
        switch state.initial {
        case .given:
          let name = name(state, of: instance, application)
          guard let input = givenStates[name] else { preconditionFailure("no input \(name)") }
          value = .tensor(input, lead: 1)
        case .constant(let number): value = .literal(number)
        case .parameter(let path):
          value = parameters[path]
        }
      }
      return .tensor(builder.conform(value, to: axes, element), lead: 1)
    }
  }

  /// Notes the states of an application after its last step.
  func addFinalStates(_ values: [LoweredValue], of instance: CheckedInstance, _ application: Application) {
    for (state, value) in zip(instance.states, values) {
      guard case .tensor(let id, _) = value else { continue }
      finalStates.append((name(state, of: instance, application), id))
    }
  }
}
