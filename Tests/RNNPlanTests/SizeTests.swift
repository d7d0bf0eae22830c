import RNNGraph
import RNNSchedule
import RNNTestSupport
import Testing

@testable import RNNPlan

@Suite struct SizeTests {
  @Test func arithmeticIsThatOfPolynomials() {
    let t = Size(.steps)
    let s = Size(Symbol("S"))
    let size = (t + 1) * (t + s * 2) - t * t
    #expect(size.description == "2·S·T + T + 2·S")
    #expect(size.evaluate([.steps: 5, Symbol("S"): 3]) == 6 * 11 - 25)
    #expect((t - t).constant == 0)
    #expect((t * 0) == 0)
  }

  @Test func formsSubstitute() {
    let form = Affine(.axis(0), times: 12) + Affine(.axis(1), times: 4) + Affine(.loop(0)) + Affine(3)
    let swapped = form.substituting([Affine(.axis(1)), Affine(.axis(0)) + Affine(1)])
    #expect(
      swapped == Affine(.axis(1), times: 12) + Affine(.axis(0), times: 4) + Affine(.loop(0)) + Affine(7))
    #expect((form + form * Size(-1)) == Affine(0))
  }

  @Test func theArenaReusesMemory() throws {
    // A chain of products: each one's result is dead two steps later.
    let builder = GraphBuilder(Graph(name: "chain"))
    let weight = builder.graph.addInput("w", role: .parameter(.constant(0)), TensorType(.f32, [64, 64]))
    var x = builder.graph.addInput("x", role: .data, TensorType(.f32, [.batch, 64]))
    for _ in 0..<10 { x = builder.dot(x, weight, DotAxes(lhsContracting: [1], rhsContracting: [1])) }
    builder.graph.addOutput("y", role: .output, x)
    let plan = try Planner.plan(builder.graph, batch: 32).laidOut(
      by: ProcessorScheduler(Machine(vectorBytes: 32, vectorRegisters: 16)), threads: 1
    ).plan
    try plan.verify()
    let results = plan.buffers.filter { $0.place == .arena && $0.count == 32 * 64 }
    #expect(results.count == 9)
    #expect(Set(results.map(\.offset.description)).count == 2)
  }
}
