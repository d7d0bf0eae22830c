import RNNDifferentiation
import RNNGraph

// The derivative of a value by another one, of each example and step by itself.
extension BodyLowering {
  /// The derivative of a scalar by a value that it is computed from.
  ///
  /// Both stand in the graph already, and adjoints are added for what stands between them. That is not enough where the
  /// value is the same for all examples and the scalar is not, or where the tensor of the value is that of another one,
  /// too: then what lies between them is made again, with a tensor of its own for the value.
  func derivative(of node: NodeID, by source: NodeID) -> LoweredValue {
    let (y, x) = (self[node], self[source])
    let own = cell.nodes[source.index].type.shape.map(Dimension.fixed)
    let lead = x.axes(in: builder).lead
    if lead.count < y.axes(in: builder).lead.count {
      let axes = Axes(lead: y.axes(in: builder).lead, own: own)
      let copy = LoweredValue.tensor(builder.conform(x, to: axes, element), lead: axes.lead.count)
      return derivative(of: replacing(source, by: copy, upTo: node), by: copy)
    }
    let value = builder.conform(x, to: Axes(lead: lead, own: own), element)
    guard case .tensor(let id, _) = x, isAlone(id, source) else {
      let copy = LoweredValue.tensor(builder.add(.reshape(lead + own), [value])[0], lead: lead.count)
      return derivative(of: replacing(source, by: copy, upTo: node), by: copy)
    }
    return derivative(of: y, by: x)
  }

  private func derivative(of y: LoweredValue, by x: LoweredValue) -> LoweredValue {
    map(x) { x in
      do {
        return try builder.derivative(of: tensor(y), by: x)
      } catch {
        preconditionFailure("what a body computes has a derivative: \(error)")
      }
    }
  }

  /// A node's value, computed with another value for one that it is computed from.
  private func replacing(_ source: NodeID, by value: LoweredValue, upTo node: NodeID) -> LoweredValue {
    let dependence = cell.dependence
    var copy = self
    copy.isRepetition = true
    switch cell.nodes[source.index].operation {
    case .parameter(let path):
      copy.environment.parameters = environment.parameters.replacing(path, by: value)
    case .state(let index): copy.environment.states[index] = value
    default: break
    }
    for index in dependence.path(from: source, to: node, .derivatives) {
      let node = cell.nodes[index]
      copy.values[index] =
        dependence.isSame(index, source.index)
        ? value
        : context.repeatingDraws(from: draws[index]) { builder.at(node.places) { copy.lower(node) } }
    }
    return copy[node]
  }

  /// Whether a tensor is that of this node alone, and of what is made of it.
  private func isAlone(_ id: ValueID, _ source: NodeID) -> Bool {
    func isIt(_ value: LoweredValue) -> Bool { if case .tensor(id, _) = value { true } else { false } }
    let dependence = cell.dependence
    for index in values.indices where isIt(values[index]) {
      if dependence.isSame(index, source.index) { break }
      return false
    }
    var (input, state, parameter): (Int?, Int?, String?)
    switch cell.nodes[source.index].operation {
    case .input(let index): input = index
    case .state(let index): state = index
    case .parameter(let path): parameter = path
    default: break
    }
    return !environment.inputs.enumerated().contains { isIt($1) && $0 != input }
      && !environment.states.enumerated().contains { isIt($1) && $0 != state }
      && !environment.parameters.contains(id, beside: parameter)
  }
}
