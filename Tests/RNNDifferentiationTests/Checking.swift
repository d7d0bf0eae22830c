import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// Builds a graph whose loss is a curved function of what `body` makes of its inputs.
func lossGraph(
  _ inputs: [(name: String, shape: [Dimension])], ids: [(name: String, shape: [Dimension], limit: Int)] = [],
  _ body: (GraphBuilder, [ValueID]) -> [ValueID]
) -> Graph {
  let builder = GraphBuilder(Graph(name: "test"))
  let values =
    inputs.map { builder.graph.addInput($0.name, role: .data, TensorType(.f64, $0.shape)) }
    + ids.map {
      builder.graph.addInput($0.name, role: .data, TensorType(.i32, $0.shape), idLimit: $0.limit)
    }
  var loss = builder.constant(0, TensorType(.f64, []))
  for value in body(builder, values) {
    let curved = builder.add(
      builder.unary(.sin, builder.scale(value, by: 1.3)),
      builder.scale(builder.multiply(value, value), by: 0.3))
    loss = builder.add(
      loss, builder.reduce(.sum, curved, axes: Array(builder.type(value).shape.indices)))
  }
  builder.graph.addOutput("loss", role: .loss, loss)
  return builder.graph
}

/// Differentiates a graph by all inputs, verifies the result and compares it with differences: those of the function in
/// which stopped values are constants. A derivative that passes an operation with another one belongs to no function, and
/// is left out.
@discardableResult
func expectRightGradients(
  _ graph: Graph, inputs: [String: DenseArray], sizes: [Symbol: Int], elementLimit: Int = 32,
  _ location: SourceLocation = #_sourceLocation
) throws -> Graph {
  try graph.verify()
  let differentiated = try gradient(of: graph) { _ in true }
  try differentiated.verify()
  let results = try Interpreter(differentiated).run(inputs: inputs, sizes: sizes)
  let loss = try Interpreter(graph).run(inputs: inputs, sizes: sizes)["loss"]?.numbers[0]
  #expect(results["loss"]?.numbers[0] == loss, sourceLocation: location)

  var gradients: [String: [Double]] = [:]
  for input in graph.inputs
  where graph.type(input.value).element.isFloat && graph.surrogate(behind: input.value) == nil {
    gradients[input.name] = try #require(results["grad.\(input.name)"]).numbers
  }
  let recorded = try Interpreter(graph.recordingHeldValues()).run(inputs: inputs, sizes: sizes)
    .filter { $0.key.hasPrefix(Graph.heldPrefix) }
  let held = graph.takingHeldValues()
  try held.verify()
  let original = Interpreter(held)
  let points = inputs.mapValues(\.numbers)
  var random = SplitMix64(seed: 1)
  var check = GradientCheck()
  check.elementLimit = elementLimit
  // Random graphs have many kinks, some of them near: the narrowest steps keep clear of nearly all.
  check.steps += [1e-6, 1e-7]
  let report = try check.check(
    at: points.filter { gradients[$0.key] != nil }, gradients: gradients, using: &random
  ) { moved in
    var arguments = inputs.merging(recorded) { $1 }
    for (name, numbers) in moved {
      arguments[name] = inputs[name].map { DenseArray(.f64, $0.shape, numbers) }
    }
    return try original.run(inputs: arguments, sizes: sizes)["loss"]?.numbers[0] ?? .nan
  }
  for result in report {
    #expect(
      result.relativeError <= check.tolerance, "\(graph.name): \(result)\n\(differentiated)",
      sourceLocation: location)
  }
  return differentiated
}

/// The same with random inputs.
@discardableResult
func expectRightGradients(
  _ graph: Graph, sizes: [Symbol: Int] = [.batch: 3, .steps: 4], seed: UInt64 = 7,
  _ location: SourceLocation = #_sourceLocation
) throws -> Graph {
  var random = SplitMix64(seed: seed)
  let inputs = randomInputs(for: graph, sizes: sizes, using: &random)
  return try expectRightGradients(graph, inputs: inputs, sizes: sizes, location)
}

extension Graph {
  /// The operations of a region, and of the bodies in it, that are scans.
  var scans: [(operation: Operation, scan: ScanAttributes)] {
    reachableRegions.flatMap { self[$0].operations }.compactMap { id in
      if case .scan(let scan) = self[id].kind { (self[id], scan) } else { nil }
    }
  }
}
