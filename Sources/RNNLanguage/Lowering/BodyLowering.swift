import RNNGraph
import RNNSupport

/// Lowers a checked body to operations at the builder's place.
///
/// The same nodes serve one step of a loop, where values lead with `[B]`, and a whole sequence, where they lead with
/// `[T, B]`: what an operation makes follows from its operands. Sequences that a cell takes whole lead with `[S, B]` in
/// each of its steps. In heads, the numbers of copies stand behind all of these: a value leads with `[B, n]`, and a
/// parameter with `[n]`. So all leading axes are the last ones of the longest.
struct BodyLowering {
  /// The values that a body starts from.
  struct Environment {
    var parameters: Parameters
    var inputs: [LoweredValue]
    /// Previous values of the states; empty in a model.
    var states: [LoweredValue]
    var surroundings: Surroundings
  }

  /// Values of parameters by their path from a cell.
  struct Parameters {
    /// The values by their path from the cell that the first of these was made for.
    private let values: [String: LoweredValue]
    /// Where the cell stands in that one: an instance's parameters are not copied.
    private let prefix: String

    init(_ values: [String: LoweredValue], prefix: String = "") {
      self.values = values
      self.prefix = prefix
    }

    subscript(path: String) -> LoweredValue {
      guard let value = values[prefix + path] else { preconditionFailure("no parameter \(prefix)\(path)") }
      return value
    }

    /// What is made of the parameters of a cell, which these are.
    func values(of cell: CheckedCell, _ make: (LoweredValue) -> LoweredValue) -> Parameters {
      Parameters(Dictionary(uniqueKeysWithValues: cell.tensorPaths().map { ($0, make(self[$0])) }))
    }

    /// The parameters of an instance.
    func of(_ instance: String) -> Parameters { Parameters(values, prefix: "\(prefix)\(instance).") }

    /// The same with another value for one of them.
    func replacing(_ path: String, by value: LoweredValue) -> Parameters {
      var values = values
      values[prefix + path] = value
      return Parameters(values, prefix: prefix)
    }

    /// Whether one of them, but for that of a path, is this tensor.
    func contains(_ value: ValueID, beside path: String?) -> Bool {
      values.contains { name, tensor in
        if case .tensor(value, _) = tensor { path.map { prefix + $0 } != name } else { false }
      }
    }
  }

  let context: LoweringContext
  let cell: CheckedCell
  var environment: Environment
  /// The leading axes of the values of one step: `[B]`, or `[T, B]` where all steps are computed at once, and the heads.
  let lead: [Dimension]
  /// The numbers of copies of the body that are computed side by side: the leading axes of its parameters.
  let heads: [Dimension]
  /// The number of steps that each length of the body's sequences stands for.
  let symbols: [String: Symbol]
  /// Where the states of an instance begin among the states of the body.
  let firstStates: [Int]
  /// Tells a model of the applications in it, and where their states start; nil in a cell.
  let model: ModelLowering?
  var values: [LoweredValue] = []
  /// For each node, the number of the first draw that it makes.
  private(set) var draws: [Int] = []
  /// Whether the nodes are made again, with another value for one of them.
  var isRepetition = false

  init(
    _ cell: CheckedCell, _ context: LoweringContext, _ environment: Environment, lead: [Dimension],
    heads: [Dimension] = [], symbols known: [String: Symbol] = [:], model: ModelLowering? = nil
  ) {
    self.cell = cell
    self.context = context
    self.environment = environment
    self.lead = lead
    self.heads = heads
    self.model = model
    var symbols = known
    for (input, value) in zip(cell.inputs, environment.inputs) {
      guard case .steps(let length) = input.type.extent else { continue }
      symbols[length] = value.axes(in: context.builder).lead.first?.symbol
    }
    self.symbols = symbols
    var next = cell.states.count - cell.instances.reduce(0) { $0 + $1.cell.states.count }
    firstStates = cell.instances.map { instance in
      defer { next += instance.cell.states.count }
      return next
    }
  }

  /// Makes the operations of all nodes.
  mutating func run() {
    values.reserveCapacity(cell.nodes.count)
    for node in cell.nodes {
      draws.append(context.streamCount)
      values.append(builder.at(node.places) { lower(node) })
    }
  }

  var outputs: [LoweredValue] { cell.outputs.map { self[$0.node] } }
  var nextStates: [LoweredValue] { cell.nextStates.map { self[$0] } }

  subscript(node: NodeID) -> LoweredValue { values[node.index] }

  var builder: GraphBuilder { context.builder }
  var element: ElementType { context.element }

  /// The number of steps that a length of the body's sequences stands for.
  func symbol(_ length: String) -> Symbol {
    guard let symbol = symbols[length] else { preconditionFailure("no sequence of \(length) steps") }
    return symbol
  }

  /// The leading axes of a value that repeats over `extent`.
  func lead(_ extent: Extent) -> [Dimension] {
    switch extent {
    case .constant: heads
    case .example: lead
    case .steps(let length): [.symbol(symbol(length)), .batch] + heads
    }
  }

  // MARK: Nodes

  func lower(_ node: CheckedNode) -> LoweredValue {
    let operands = node.operands.map { self[$0] }
    switch node.operation {
    case .literal(let value): return .literal(value)
    case .parameter(let path): return environment.parameters[path]
    case .input(let index): return environment.inputs[index]
    case .state(let index): return environment.states[index]
    case .unary(let function): return map(operands[0]) { builder.unary(function, $0) }
    case .binary(let function):
      return elementwise(operands[0], operands[1]) { builder.binary(function, $0, $1) }
    case .compare(let comparison):
      return elementwise(operands[0], operands[1]) { builder.compare(comparison, $0, $1) }
    case .surrogate(.straightThrough):
      return elementwise(operands[0], operands[1]) { builder.straightThrough($0, $1) }
    case .surrogate(.stop): return map(operands[0]) { builder.detach($0) }
    case .surrogate(.clip(let bound)):
      // Each example and step has its own derivative, also if the value is the same.
      let axes = Axes(lead: lead(node.type.extent), own: operands[0].axes(in: builder).own)
      let x = builder.conform(operands[0], to: axes, element)
      return .tensor(builder.clipGradient(x, bound: bound), lead: axes.lead.count)
    case .notEqual:
      return elementwise(operands[0], operands[1]) { a, b in
        let mask = builder.compare(.equal, a, b)
        return builder.compare(.equal, mask, builder.constant(0, like: mask))
      }
    case .select: return select(operands[0], operands[1], operands[2])
    case .product(let stack):
      return product(operands[0].leading(stack), operands[1].leading(stack)).leading(-stack)
    case .transpose:
      return map(operands[0]) { builder.swapLastAxes($0) }
    case .outer: return outer(operands[0], operands[1])
    case .tile(let axis): return tile(operands[0], axis, node.type.shape)
    case .reshape:
      let lead = operands[0].axes(in: builder).lead
      return map(operands[0]) { builder.reshape($0, lead + node.type.shape.map(Dimension.fixed)) }
    case .along(let axis, let function):
      return own(operands[0]) { builder.along($1[axis], function, $0) }
    case .slice(let start, let count):
      return own(operands[0]) { builder.slice($0, axis: $1[0], start: start, count: count) }
    case .element(let place): return part(operands[0], at: place)
    case .concat: return concat(operands)
    case .oneHot:
      guard case .tensor(let ids, let lead) = operands[0], let extent = node.type.shape.first else { break }
      return .tensor(builder.oneHot(ids, extent: extent, element), lead: lead)
    case .argmax: return argmax(operands[0])
    case .lookup: return lookup(operands[0], operands[1])
    case .crossEntropy(let smoothing): return crossEntropy(operands[0], operands[1], smoothing)
    case .squaredError:
      return mean(
        elementwise(operands[0], operands[1]) {
          let difference = builder.subtract($0, $1)
          return builder.multiply(difference, difference)
        })
    case .draw(let draw): return self.draw(draw, operands, node.type)
    case .training: return .literal(context.isTraining ? 1 : 0)
    case .gradient: return derivative(of: node.operands[0], by: node.operands[1])
    case .last: return last(operands[0])
    case .total: return total(operands[0])
    case .reverse: return reverse(operands[0])
    case .softmaxOverSteps: return softmaxOverSteps(operands[0])
    case .repeated(let steps):
      let axes = Axes(lead: lead(.steps(steps)), own: operands[0].axes(in: builder).own)
      return .tensor(builder.conform(operands[0], to: axes, element), lead: axes.lead.count)
    case .apply(let application): return apply(application, operands)
    case .result(let index):
      guard case .application(let outputs, _) = operands[0] else { break }
      return outputs[index]
    case .nextState(let index):
      guard case .application(_, let states) = operands[0] else { break }
      return states[index]
    case .each(let instance): return each(cell.instances[instance], operands, node.type)
    }
    preconditionFailure("\(node.operation) on \(operands)")
  }
}
