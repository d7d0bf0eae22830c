import RNNGraph
import RNNSupport

/// Lowers a checked body to operations at the builder's place.
///
/// The same nodes serve one step of a loop, where values lead with `[B]`, and a whole sequence, where they lead with
/// `[T, B]`: what an operation makes follows from its operands.
struct BodyLowering {
  /// The values that a body starts from.
  struct Environment {
    /// Values of parameters by their path from the cell.
    var parameters: [String: ValueID]
    var inputs: [LoweredValue]
    /// Previous values of the states; empty in a model.
    var states: [LoweredValue]

    /// The parameters of an instance, by their path from its cell.
    func parameters(of instance: String) -> [String: ValueID] {
      let prefix = instance + "."
      return Dictionary(
        uniqueKeysWithValues: parameters.compactMap { path, value in
          path.hasPrefix(prefix) ? (String(path.dropFirst(prefix.count)), value) : nil
        })
    }
  }

  let builder: GraphBuilder
  let cell: CheckedCell
  let element: ElementType
  let environment: Environment
  /// Where the states of an instance begin among the states of the body.
  private let firstStates: [Int]
  /// Tells a model of the applications in it, and where their states start; nil in a cell.
  let model: ModelLowering?
  private(set) var values: [LoweredValue] = []

  init(
    _ cell: CheckedCell, _ builder: GraphBuilder, _ element: ElementType, _ environment: Environment,
    model: ModelLowering? = nil
  ) {
    self.cell = cell
    self.builder = builder
    self.element = element
    self.environment = environment
    self.model = model
    var next = cell.states.count - cell.instances.reduce(0) { $0 + $1.cell.states.count }
    firstStates = cell.instances.map { instance in
      defer { next += instance.cell.states.count }
      return next
    }
  }

  /// Makes the operations of all nodes.
  mutating func run() {
    values.reserveCapacity(cell.nodes.count)
    let outside = builder.site
    for node in cell.nodes {
      builder.site = node.site.description
      values.append(lower(node))
    }
    builder.site = outside
  }

  var outputs: [LoweredValue] { cell.outputs.map { self[$0.node] } }
  var nextStates: [LoweredValue] { cell.nextStates.map { self[$0] } }

  subscript(node: NodeID) -> LoweredValue { values[node.index] }

  // MARK: Nodes

  private mutating func lower(_ node: CheckedNode) -> LoweredValue {
    let operands = node.operands.map { self[$0] }
    switch node.operation {
    case .literal(let value): return .literal(value)
    case .parameter(let path):
      guard let value = environment.parameters[path] else { preconditionFailure("no parameter \(path)") }
      return .tensor(value, lead: 0)
    case .input(let index): return environment.inputs[index]
    case .state(let index): return environment.states[index]
    case .unary(let function): return map(operands[0]) { builder.unary(function, $0) }
    case .binary(let function):
      return elementwise(operands[0], operands[1]) { builder.binary(function, $0, $1) }
    case .compare(let comparison):
      return elementwise(operands[0], operands[1]) { builder.compare(comparison, $0, $1) }
    case .select: return select(operands[0], operands[1], operands[2])
    case .product: return product(operands[0], operands[1])
    case .transpose:
      return map(operands[0]) { builder.swapLastAxes($0) }
    case .reduce(let reduction):
      return own(operands[0]) { builder.reduce(reduction, $0, axes: $1) }
    case .mean: return mean(operands[0])
    case .softmax(let isLogarithmic):
      return map(operands[0]) { isLogarithmic ? builder.logSoftmax($0) : builder.softmax($0) }
    case .slice(let start, let count):
      return own(operands[0]) { builder.slice($0, axis: $1[0], start: start, count: count) }
    case .element(let place): return part(operands[0], at: place)
    case .concat: return concat(operands)
    case .oneHot:
      guard case .tensor(let ids, let lead) = operands[0], let extent = node.type.shape.first else { break }
      return .tensor(builder.oneHot(ids, extent: extent, element), lead: lead)
    case .lookup:
      guard case .tensor(let table, _) = operands[0], case .tensor(let ids, let lead) = operands[1] else {
        break
      }
      return .tensor(builder.gather(table, ids), lead: lead)
    case .crossEntropy: return crossEntropy(operands[0], operands[1])
    case .squaredError:
      return mean(
        elementwise(operands[0], operands[1]) {
          let difference = builder.subtract($0, $1)
          return builder.multiply(difference, difference)
        })
    case .last: return last(operands[0])
    case .total:
      guard case .tensor(let x, let lead) = operands[0] else { break }
      return .tensor(builder.reduce(.sum, x, axes: [0]), lead: lead - 1)
    case .reverse: return map(operands[0]) { builder.reverse($0, axis: 0) }
    case .repeated(let steps):
      let lead: [Dimension] = [.symbol(Symbol(steps)), .batch]
      let axes = Axes(lead: lead, own: operands[0].axes(in: builder).own)
      return .tensor(builder.conform(operands[0], to: axes, element), lead: 2)
    case .apply(let application): return apply(application, operands)
    case .result(let index):
      guard case .application(let outputs, _) = operands[0] else { break }
      return outputs[index]
    case .nextState(let index):
      guard case .application(_, let states) = operands[0] else { break }
      return states[index]
    }
    preconditionFailure("\(node.operation) on \(operands)")
  }

  // MARK: Applications

  private func apply(_ application: Application, _ operands: [LoweredValue]) -> LoweredValue {
    let instance = cell.instances[application.instance]
    let inputs = Array(operands.prefix(application.inputCount))
    let given = Array(operands.dropFirst(application.inputCount))
    let parameters = environment.parameters(of: instance.name)
    var states: [LoweredValue] = []
    if let model, !instance.cell.states.isEmpty {
      states = model.initialStates(of: instance, application, given: given, parameters)
    } else if !instance.cell.states.isEmpty {
      let first = firstStates[application.instance]
      states = Array(environment.states[first..<(first + instance.cell.states.count)])
    }
    let environment = Environment(parameters: parameters, inputs: inputs, states: states)
    let result: LoweredValue
    if let steps = application.steps, !states.isEmpty {
      result = scan(instance.cell, over: Symbol(steps), environment)
    } else {
      let lead: [Dimension] = application.steps.map { [.symbol(Symbol($0)), .batch] } ?? [.batch]
      result = step(instance.cell, environment, lead: lead)
    }
    if let model, case .application(_, let final) = result {
      model.addFinalStates(final, of: instance, application)
    }
    return result
  }

  /// Computes a cell where the values stand: one step, or all steps of a cell without state at once.
  private func step(_ cell: CheckedCell, _ environment: Environment, lead: [Dimension]) -> LoweredValue {
    var body = BodyLowering(cell, builder, element, environment)
    body.run()
    return .application(
      outputs: body.outputs.map { led($0, by: lead) }, states: body.nextStates.map { led($0, by: lead) })
  }

  /// Repeats a value along leading axes that it lacks.
  private func led(_ value: LoweredValue, by lead: [Dimension]) -> LoweredValue {
    let axes = Axes(lead: lead, own: value.axes(in: builder).own)
    return .tensor(builder.conform(value, to: axes, element), lead: lead.count)
  }

  /// Where a step of a loop finds an input.
  private enum InputSource {
    case invariant(Int)
    case sequence(Int)
    case itself(LoweredValue)
  }

  /// Runs a cell along a sequence: parameters are the same in every step, states go from step to step.
  private func scan(_ cell: CheckedCell, over steps: Symbol, _ environment: Environment) -> LoweredValue {
    let paths = environment.parameters.keys.sorted()
    var invariants = paths.compactMap { environment.parameters[$0] }
    var sequences: [ValueID] = []
    // An input that is a parameter is the same in every step too; a number stays one.
    let sources = environment.inputs.map { input -> InputSource in
      switch input {
      case .tensor(let id, lead: 0):
        invariants.append(id)
        return .invariant(invariants.count - 1)
      case .tensor(let id, _):
        sequences.append(id)
        return .sequence(sequences.count - 1)
      case .literal, .application: return .itself(input)
      }
    }
    let carries = environment.states.map { state in
      let axes = state.axes(in: builder)
      return builder.conform(state, to: Axes(lead: [.batch], own: axes.own), element)
    }
    let results = builder.scan(steps: steps, invariants: invariants, carries: carries, sequences: sequences) {
      invariants, carries, elements in
      let inputs = sources.map { source -> LoweredValue in
        switch source {
        case .invariant(let index): .tensor(invariants[index], lead: 0)
        case .sequence(let index): .tensor(elements[index], lead: 1)
        case .itself(let value): value
        }
      }
      let inner = Environment(
        parameters: Dictionary(uniqueKeysWithValues: zip(paths, invariants)), inputs: inputs,
        states: carries.map { .tensor($0, lead: 1) })
      guard case .application(let outputs, let states) = step(cell, inner, lead: [.batch]) else {
        preconditionFailure("a step is an application")
      }
      return (states.map(tensor), outputs.map(tensor))
    }
    return .application(
      outputs: results.outputs.map { .tensor($0, lead: 2) },
      states: results.carries.map { .tensor($0, lead: 1) })
  }
}
