import Foundation
import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

/// What training cannot learn, said before it starts, is true of the gradients and of the loss.
struct TrainingFaultTests {
  @Test(arguments: 0..<200)
  func ofRandomGraphs(seed: UInt64) throws {
    let random = RandomGraph(seed: seed, .init(hasLoss: true, hasSurrogates: false))
    try expectTrue(random.graph, random.inputs(), random.sizes)
  }

  @Test func allKindsOccurInRandomGraphs() {
    var found: Set<String> = []
    for seed in UInt64(0)..<200 {
      for fault in RandomGraph(seed: seed, .init(hasLoss: true, hasSurrogates: false)).graph
        .trainingFaults().values
      {
        found.insert("\(fault)".prefix { $0 != "(" }.description)
      }
    }
    #expect(found == ["unused", "blocked", "scaling"])
  }

  /// Compares with gradients, and with losses where the parameter is larger.
  private func expectTrue(_ graph: Graph, _ inputs: [String: DenseArray], _ sizes: [Symbol: Int]) throws {
    let faults = graph.trainingFaults()
    if faults.isEmpty { return }
    let gradients = try Interpreter(try gradient(of: graph) { _ in true }).run(inputs: inputs, sizes: sizes)
    for (name, fault) in faults {
      switch fault {
      case .unused, .blocked:
        #expect(gradients["grad.\(name)"]?.numbers.allSatisfy { $0 == 0 } == true, "\(name)")
      case .scaling(let power):
        let losses = try [1.0, 2, 4].map { factor in
          var scaled = inputs
          scaled[name] = inputs[name].map { DenseArray($0.element, $0.shape, $0.numbers.map { $0 * factor }) }
          return try Interpreter(graph).run(inputs: scaled, sizes: sizes)["loss"]?.numbers[0] ?? .nan
        }
        let (first, second) = (losses[1] - losses[0], losses[2] - losses[1])
        let scale = losses.map(abs).max() ?? 1
        #expect(abs(second - pow(2, power) * first) <= 1e-9 * max(1, scale), "\(name) \(power) \(losses)")
      }
    }
  }

  private func faults(_ operations: String) throws -> [String: TrainingFault] {
    let graph = try Graph(
      parsing: """
        graph "g" {
          %0 = parameter "p" constant(1) : f64[2]
          %1 = parameter "q" constant(1) : f64[2]
          %2 = data "x" : f64[2]
          \(operations)
        }
        """)
    try graph.verify()
    let x = ["p": [0.75, -1.5], "q": [0.5, 2], "x": [1.5, -0.25]].mapValues { DenseArray(.f64, [2], $0) }
    try expectTrue(graph, x, [.steps: 3])
    return graph.trainingFaults()
  }

  @Test func aFactorOfTheLoss() throws {
    let found = try faults(
      """
      %3 = tanh %1 : f64[2]
      %4 = multiply %3, %0 : f64[2]
      %5 = multiply %4, %0 : f64[2]
      %6 = abs %5 : f64[2]
      %7 = add %6, %2 : f64[2]
      %8 = reduce_sum %7 axes(0) : f64[]
      loss "loss" = %8
      """)
    #expect(found == ["p": .scaling(power: 2)])
  }

  @Test func aDivisorAndARoot() throws {
    let found = try faults(
      """
      %3 = multiply %0, %0 : f64[2]
      %4 = sqrt %3 : f64[2]
      %5 = divide %2, %4 : f64[2]
      %6 = subtract %1, %2 : f64[2]
      %7 = multiply %6, %6 : f64[2]
      %8 = multiply %5, %7 : f64[2]
      %9 = reduce_sum %8 axes(0) : f64[]
      loss "loss" = %9
      """)
    #expect(found == ["p": .scaling(power: -1)])
  }

  @Test func aFactorInALoop() throws {
    let found = try faults(
      """
      %3 = constant 0 : f64[2]
      %4 = scan T : f64[2] {
        invariant %5 = %0 : f64[2]
        invariant %6 = %1 : f64[2]
        carry %7 = %3 : f64[2]
        %8 = multiply %7, %6 : f64[2]
        %9 = maximum %8, %5 : f64[2]
        yield %9
      }
      %10 = reduce_sum %4 axes(0) : f64[]
      loss "loss" = %10
      """)
    #expect(found == ["p": .scaling(power: 1)])
  }

  @Test func whatIsLearnedIsNoFault() throws {
    let found = try faults(
      """
      %3 = multiply %0, %2 : f64[2]
      %4 = subtract %3, %1 : f64[2]
      %5 = multiply %4, %4 : f64[2]
      %6 = reduce_sum %5 axes(0) : f64[]
      loss "loss" = %6
      """)
    #expect(found == [:])
  }

  @Test func aComparisonInTheWay() throws {
    let found = try faults(
      """
      %3 = less %0, %2 : bool[2]
      %4 = select %3, %1, %2 : f64[2]
      %5 = exp %4 : f64[2]
      %6 = reduce_sum %5 axes(0) : f64[]
      loss "loss" = %6
      """)
    #expect(found == ["p": .blocked])
  }

  /// Only `hard` reads `p`, so nothing is derived by it; what is clipped is no power of anything.
  @Test func aSurrogateInTheWay() throws {
    let found = try faults(
      """
      %3 = straight_through %0, %2 : f64[2]
      %4 = clip_gradient %1 bound(0.5) : f64[2]
      %5 = detach %0 : f64[2]
      %6 = multiply %3, %4 : f64[2]
      %7 = multiply %6, %5 : f64[2]
      %8 = reduce_sum %7 axes(0) : f64[]
      loss "loss" = %8
      """)
    #expect(found == ["p": .blocked])
  }
}
