import RNNCodegen
import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPasses
import RNNPlan
import RNNTestSupport
import RNNSchedule
import Testing

/// Code for narrower vectors than this machine's computes the same, and so does a plan for wider ones; code for those is
/// emitted.
@Suite struct TargetTests {
  @Test(arguments: ["x86-64-v2", "x86-64-v3"], TestGroup.graphs.seeds(10, core: 3))
  func narrowVectorsAgree(name: String, seed: UInt64) throws {
    let target = try Target(named: name)
    if target.runsHere { try check(seed, target, target.machine) }
  }

  /// LLVM cuts vectors that are wider than the registers.
  @Test(arguments: [64, 128], TestGroup.graphs.seeds(10, core: 3))
  func wideVectorsAgree(bytes: Int, seed: UInt64) throws {
    try check(seed, .host, Machine(vectorBytes: bytes, vectorRegisters: 32))
  }

  /// In the program's own memory, rows of some lengths lie further apart than they are long; here nearly all do.
  @Test(arguments: TestGroup.graphs.seeds(20, core: 4)) func rowsMayLieApart(seed: UInt64) throws {
    var machine = Target.host.machine
    machine.setPeriodBytes = 4
    try check(seed, .host, machine)
  }

  private func check(_ seed: UInt64, _ target: Target, _ machine: Machine) throws {
    let random = RandomGraph(seed: seed, .init(element: seed % 2 == 0 ? .f64 : .f32, hasLoss: true))
    func prepared(_ graph: Graph) throws -> Graph {
      try gradient(of: graph) { graph.type($0.value).element.isFloat }
    }
    var graph = try prepared(random.graph)
    let inputs = random.inputs()
    let expected = try Interpreter(graph).run(inputs: inputs, sizes: random.sizes)
    _ = try PassManager().run(.full, on: &graph)
    let found = try runNatively(
      graph, inputs: inputs, sizes: random.sizes, threads: 2, target: target, machine: machine)
    for (name, value) in expected {
      let difference = relativeDifference(value, found[name]!)
      if difference <= (seed % 2 == 0 ? 1e-12 : 1e-5) { continue }
      let rounding = try random.roundingErrors(of: prepared)[name] ?? 0
      // Code rounds each term of a sum and a few times in a function; the interpreter rounds once.
      #expect(difference <= 16 * rounding, "output \(name): \(difference)")
    }
  }

  @Test(arguments: [("x86-64-v2", "xmm"), ("x86-64-v3", "ymm"), ("x86-64-v4", "zmm")])
  func productsUseTheWidestVectors(name: String, register: String) throws {
    let target = try Target(named: name)
    let builder = GraphBuilder(Graph(name: "product"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [.batch, 64]))
    let w = builder.graph.addInput("w", role: .parameter(.constant(0)), TensorType(.f32, [64, 64]))
    builder.graph.addOutput(
      "y", role: .output, builder.dot(x, w, DotAxes(lhsContracting: [1], rhsContracting: [1])))
    let plan = try Planner.plan(builder.graph, batch: 32)
    let assembly = try NativeModule(
      try ScheduledPlan(plan, ProcessorScheduler(target.machine)), target: target
    ).assembly()
    let multiply = target.hasFMA ? "vfmadd231ps" : "mulps"
    let lines = assembly.split(separator: "\n").filter { $0.contains(multiply) }
    #expect(lines.count > 8 && lines.allSatisfy { $0.contains(register) })
  }
}
