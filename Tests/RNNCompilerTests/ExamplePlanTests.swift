import RNNGraph
import RNNLLVM
import RNNPlan
import RNNRuntime
import RNNSchedule
import RNNTestSupport
import Testing

@testable import RNNCompiler

/// Each example's graph, plan and code compute the same, and its plan reads back from its text.
@Suite struct ExamplePlanTests {
  @Test(arguments: examples) func layersAgree(_ example: Example) throws {
    let small = try Compiler().compileForGradientCheck(contentsOfFile: example.path, model: example.model)
    let target = try Target(named: "native", optimizationLevel: 0)
    // What is trained, exactly, and what is used, in the type that users run.
    for element in [RNNRuntime.ElementType.f32, .f64] {
      let options = CompileOptions(elementType: element, threads: element == .f32 ? 1 : 2)
      let program = try Compiler(options).compile(
        contentsOfFile: example.path, model: example.model, sizes: small.sizes, batch: 3)
      let purpose = element == .f32 ? Purpose.inference : program.mainPurpose
      let compilation = try program.compilation(for: purpose)
      let graph = try compilation.optimizedGraph
      let scheduled = try compilation.scheduledPlan
      for text in [scheduled.source.description, scheduled.plan.description] {
        #expect(try Plan(parsing: text).description == text)
      }
      var sizes: [Symbol: Int] = [.batch: 3]
      for (i, symbol) in graph.symbols.subtracting([.batch]).sorted().enumerated() { sizes[symbol] = 4 + i }
      var random = SplitMix64(seed: 7)
      let problems = try LayerComparison(graph, scheduled, target: target).problems(
        inputs: randomInputs(for: graph, sizes: sizes, using: &random), sizes: sizes
      ) { _ in element == .f64 ? 1e-12 : 1e-5 }
      #expect(problems == [], "\(purpose.name) in \(element)")
    }
  }

  @Test(arguments: examples) func plansOfFullSizeReadBack(_ example: Example) throws {
    let program = try Compiler(CompileOptions(threads: 2, memoryLimit: 1)).compile(
      contentsOfFile: example.path, model: example.model, batch: 5)
    let compilation = try program.compilation(for: program.mainPurpose)
    for plan in [try compilation.plan, try compilation.layout] {
      let read = try Plan(parsing: plan.description)
      #expect(read.description == plan.description && read.kernels == plan.kernels)
      try read.verify()
    }
  }
}
