import RNNGraph
import RNNInterpreter
import RNNPasses
import RNNTestSupport
import Testing

/// Expects that two graphs give the same results to 1e-12, relative to the greatest of each output.
func expectSameResults(
  _ a: Graph, _ b: Graph, inputs: [String: DenseArray], sizes: [Symbol: Int], _ comment: Comment? = nil,
  _ location: SourceLocation = #_sourceLocation
) throws {
  let expected = try Interpreter(a).run(inputs: inputs, sizes: a.sizes(sizes, segmentsOf: 2))
  let found = try Interpreter(b).run(inputs: inputs, sizes: b.sizes(sizes, segmentsOf: 2))
  for (name, value) in expected {
    let other = try #require(found[name], comment, sourceLocation: location)
    #expect(value.shape == other.shape, "\(comment?.rawValue ?? ""): \(name)", sourceLocation: location)
    let scale = max(1, value.numbers.reduce(0) { max($0, abs($1)) })
    let error = zip(value.numbers, other.numbers).reduce(0) { worst, pair in
      pair.0 == pair.1 || pair.0.isNaN && pair.1.isNaN ? worst : max(worst, abs(pair.0 - pair.1))
    }
    #expect(error <= 1e-12 * scale, "\(comment?.rawValue ?? ""): \(name)", sourceLocation: location)
  }
}

/// Applies a pipeline, verifies the graph after each pass, and expects the same results and a round trip as text.
@discardableResult
func expectPreserves(
  _ pipeline: Pipeline, _ graph: Graph, inputs: [String: DenseArray], sizes: [Symbol: Int]
) throws -> Graph {
  var changed = graph
  for (place, pass) in pipeline.passes.enumerated() {
    let before = changed
    guard pass.run(&changed) else { continue }
    do {
      try changed.verify()
    } catch {
      Issue.record("\(pass.name) at \(place): \(error)\n\(changed)")
      return before
    }
    try expectSameResults(before, changed, inputs: inputs, sizes: sizes, "\(pass.name) at \(place)")
    #expect(structurallyEqual(changed, try Graph(parsing: changed.description)), "\(pass.name)")
  }
  return changed
}

extension Graph {
  /// The same graph, which works in segments where it can.
  func inSegments() throws -> Graph {
    var graph = self
    for name in ["turn-loops", "order-sums", "segment-steps"] {
      _ = try #require(Pass.named(name)).run(&graph)
    }
    return graph
  }
}
