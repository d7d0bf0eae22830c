import RNNGraph

/// Which values of a checked body are computed from one of them.
struct Dependence {
  /// What flows from operands to results.
  enum Flow {
    /// Values, in whatever way.
    case values
    /// Derivatives: what a comparison or an argmax gives does not vary.
    case derivatives
  }

  /// An instance of the body, and the number of its first state among those of the body.
  typealias Instance = (name: String, cell: CheckedCell, firstState: Int)

  let nodes: [CheckedNode]
  let instances: [Instance]

  /// Whether two nodes stand for the same value: a state or a parameter is a node wherever it is named.
  func isSame(_ a: Int, _ b: Int) -> Bool {
    if a == b { return true }
    switch nodes[a].operation {
    case .parameter, .input, .state, .nextState, .result:
      return nodes[a].operation == nodes[b].operation && nodes[a].operands == nodes[b].operands
    default: return false
    }
  }

  /// For each node up to `end`, whether it is the value of `source`, or is computed from it.
  func dependents(on source: NodeID, upTo end: NodeID, _ flow: Flow) -> [Bool] {
    var seeds = Seeds()
    switch nodes[source.index].operation {
    case .parameter(let path): seeds.parameter = path
    case .state(let index): seeds.states = [index]
    default: break
    }
    return marks(seeds, source: source.index, upTo: end.index, flow)
  }

  /// The nodes between two, themselves included: those that depend on `source` and that `end` is computed from.
  func path(from source: NodeID, to end: NodeID, _ flow: Flow) -> [Int] {
    let isDependent = dependents(on: source, upTo: end, flow)
    guard isDependent[end.index] else { return [] }
    var isNeeded = Array(repeating: false, count: end.index + 1)
    isNeeded[end.index] = true
    for index in isNeeded.indices.reversed() where isNeeded[index] && isDependent[index] {
      if isSame(index, source.index) { continue }
      for operand in nodes[index].operation.flowing(nodes[index].operands, flow) {
        isNeeded[operand.index] = true
      }
    }
    return isNeeded.indices.filter { isNeeded[$0] && isDependent[$0] }
  }

  /// What is marked from the start.
  private struct Seeds {
    var inputs: Set<Int> = []
    var states: Set<Int> = []
    /// The path of a parameter.
    var parameter: String?
  }

  private func marks(_ seeds: Seeds, source: Int? = nil, upTo end: Int, _ flow: Flow) -> [Bool] {
    var marks = Array(repeating: false, count: end + 1)
    var results: [Int: (outputs: [Bool], states: [Bool])] = [:]
    for (index, node) in nodes.prefix(end + 1).enumerated() {
      switch node.operation {
      case .input(let number): marks[index] = seeds.inputs.contains(number)
      case .state(let number): marks[index] = seeds.states.contains(number)
      case .parameter(let path): marks[index] = path == seeds.parameter
      case .apply(let application):
        let result = apply(application, node.operands.map { marks[$0.index] }, seeds, flow)
        marks[index] = (result.outputs + result.states).contains(true)
        results[index] = result
      case .result(let number):
        marks[index] = results[node.operands[0].index]?.outputs[number] ?? false
      case .nextState(let number):
        marks[index] = results[node.operands[0].index]?.states[number] ?? false
      default:
        marks[index] = node.operation.flowing(node.operands, flow).contains { marks[$0.index] }
      }
      if let source, isSame(index, source) { marks[index] = true }
    }
    return marks
  }

  private func apply(
    _ application: Application, _ operands: [Bool], _ seeds: Seeds, _ flow: Flow
  ) -> (outputs: [Bool], states: [Bool]) {
    let (name, cell, firstState) = instances[application.instance]
    var inner = Seeds()
    inner.inputs = Set(operands.indices.prefix(application.inputCount).filter { operands[$0] })
    let given = operands.dropFirst(application.inputCount)
    for number in cell.states.indices {
      let isMarked =
        number < given.count
        ? given[given.startIndex + number] : seeds.states.contains(firstState + number)
      if isMarked { inner.states.insert(number) }
    }
    if let path = seeds.parameter, path.hasPrefix("\(name).") {
      inner.parameter = String(path.dropFirst(name.count + 1))
      for (number, state) in cell.states.enumerated() where given.isEmpty {
        if state.initial.path == inner.parameter { inner.states.insert(number) }
      }
    }
    let body = cell.dependence
    while true {
      let marks = body.marks(inner, upTo: cell.nodes.count - 1, flow)
      let outputs = cell.outputs.map { marks[$0.node.index] }
      let states = cell.nextStates.map { marks[$0.index] }
      guard application.steps != nil else { return (outputs, states) }
      // Along a sequence, a step sees what the one before has made of the states.
      let later = inner.states.union(states.indices.filter { states[$0] })
      if later == inner.states { return (outputs, states.indices.map { later.contains($0) }) }
      inner.states = later
    }
  }
}

extension CheckedCell {
  /// The dependences in the cell.
  var dependence: Dependence {
    var next = states.count - instances.reduce(0) { $0 + $1.cell.states.count }
    return Dependence(
      nodes: nodes,
      instances: instances.map { instance in
        defer { next += instance.cell.states.count }
        return (instance.name, instance.cell, next)
      })
  }
}

extension InitialState {
  /// The path of the parameter that a state starts from.
  fileprivate var path: String? { if case .parameter(let path) = self { path } else { nil } }
}

extension CheckedOperation {
  /// The operands through which something flows to the result.
  fileprivate func flowing(_ operands: [NodeID], _ flow: Dependence.Flow) -> ArraySlice<NodeID> {
    // A draw is like another value, and is not computed from it.
    if case .draw = self { return operands.dropFirst() }
    if flow == .values { return operands[...] }
    switch self {
    case .compare, .notEqual, .oneHot, .argmax, .surrogate(.stop): return []
    case .unary(let function) where function.traits.contains(.flat): return []
    case .lookup, .crossEntropy: return operands[..<1]
    case .select, .surrogate(.straightThrough): return operands[1...]
    case .literal, .parameter, .input, .state, .draw, .training, .unary, .binary, .surrogate(.clip), .product,
      .transpose,
      .outer, .tile, .reshape, .along, .slice, .element, .concat, .squaredError, .gradient, .last, .total,
      .reverse, .softmaxOverSteps, .repeated, .each, .apply, .result, .nextState:
      return operands[...]
    }
  }
}
