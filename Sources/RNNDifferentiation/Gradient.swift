import RNNGraph

/// Why a graph has no gradient graph.
public enum DifferentiationError: Error, Equatable, CustomStringConvertible {
  /// The graph has this number of outputs with the role `loss`, not one.
  case lossCount(Int)
  /// The loss is of a type that is not a float scalar.
  case lossType(TensorType)
  /// An output has the name that a gradient would take.
  case nameTaken(String)
  /// A gather reads rows of a table whose number of rows is open.
  case openTable(TensorType, site: String?)

  public var description: String {
    switch self {
    case .lossCount(let count): "a gradient needs one loss, and the graph has \(count)"
    case .lossType(let type): "a loss is a number, and this one is \(type)"
    case .nameTaken(let name): "an output is named '\(name)', like a gradient"
    case .openTable(let type, let site):
      "\(site.map { "\($0): " } ?? "")rows gathered from \(type) have no gradient: its number of rows is open"
    }
  }
}

/// Adds to a graph the derivatives of its loss by selected inputs.
///
/// Each selected float input `x` gets an output `grad.x`: zero if the loss does not depend on it. The forward part
/// stays as it is, but for scans: they gain outputs that stack what their backward scans read.
///
/// - Parameters:
///   - graph: has one output with the role `loss`, a float scalar.
///   - isSelected: chooses inputs; one that holds no floats is never chosen.
/// - Throws: `DifferentiationError`.
public func gradient(of graph: Graph, withRespectTo isSelected: (Input) -> Bool) throws -> Graph {
  let losses = graph.outputs.filter { $0.role == .loss }
  guard losses.count == 1 else { throw DifferentiationError.lossCount(losses.count) }
  let loss = losses[0].value
  let lossType = graph.type(loss)
  guard lossType.isScalar, lossType.element.isFloat else { throw DifferentiationError.lossType(lossType) }
  let selected = graph.inputs.filter { graph.type($0.value).element.isFloat && isSelected($0) }

  let builder = GraphBuilder(graph)
  let activity = Activity(of: graph, from: selected.map(\.value), to: loss)
  let strongZeros = StrongZeros(of: graph, activity, loss: loss)
  let adjoints = AdjointBuilder(builder, activity: activity, strongZeros: strongZeros)
  let seed = builder.at(graph.places(of: loss).with(role: .adjoint)) { builder.constant(1, like: loss) }
  adjoints.accumulate(seed, into: loss)
  for operation in graph[.entry].operations.reversed() { try adjoints.reverse(operation) }
  func zero(_ input: Input) -> ValueID {
    builder.at(input.places.with(role: .adjoint)) { builder.constant(0, like: input.value) }
  }
  let taken = Set(graph.outputs.map(\.name))
  for input in selected {
    let name = "grad." + input.name
    guard !taken.contains(name) else { throw DifferentiationError.nameTaken(name) }
    let adjoint = adjoints.adjoint(of: input.value) ?? zero(input)
    builder.graph.addOutput(name, role: .gradient(of: input.name), adjoint)
  }
  return builder.graph
}
