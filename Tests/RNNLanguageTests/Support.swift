import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// The graph of a model's text in f64, verified.
func loweredGraph(of text: String, ragged: Set<String> = [], isTraining: Bool = false) throws -> Graph {
  let source = SourceFile(name: "a.rnn", text: text)
  let graph = try Frontend().lower(source, element: .f64, ragged: ragged, isTraining: isTraining).graph
  try graph.verify()
  #expect(try Graph(parsing: graph.description).description == graph.description)
  return graph
}

/// The outputs of a graph and its gradients by all floats.
func gradients(of graph: Graph, _ inputs: [String: DenseArray]) throws -> [String: DenseArray] {
  let differentiated = try gradient(of: graph) { _ in true }
  try differentiated.verify()
  return try Interpreter(differentiated).run(inputs: inputs)
}

/// The same; the gradients are compared with differences of the loss.
@discardableResult
func checkedGradients(
  of graph: Graph, _ inputs: [String: DenseArray], _ location: SourceLocation = #_sourceLocation
) throws -> [String: DenseArray] {
  let results = try gradients(of: graph, inputs)
  var found: [String: [Double]] = [:]
  for input in graph.inputs where graph.type(input.value).element.isFloat {
    found[input.name] = try #require(results["grad.\(input.name)"]).numbers
  }
  let point = inputs.mapValues(\.numbers).filter { found[$0.key] != nil }
  var random = SplitMix64(seed: 1)
  var check = GradientCheck()
  check.elementLimit = 6
  let report = try check.check(at: point, gradients: found, using: &random) { moved in
    var arguments = inputs
    for (name, numbers) in moved {
      arguments[name] = inputs[name].map { DenseArray(.f64, $0.shape, numbers) }
    }
    return try Interpreter(graph).run(inputs: arguments)["loss"]?.numbers[0] ?? .nan
  }
  for result in report {
    #expect(result.relativeError <= check.tolerance, "\(result)", sourceLocation: location)
  }
  return results
}

/// The largest difference of two arrays' elements; infinite if their shapes differ or one has a NaN.
func difference(_ a: DenseArray?, _ b: DenseArray?) -> Double {
  guard let a, let b, a.shape == b.shape else { return .infinity }
  return zip(a.numbers, b.numbers).map { $0 == $1 ? 0 : abs($0 - $1) }.reduce(0) {
    $1 <= $0 ? $0 : $1.isNaN ? .infinity : $1
  }
}
