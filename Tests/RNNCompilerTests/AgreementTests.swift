import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("Code, interpreter and every level of optimisation agree")
struct AgreementTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let example: Example
    let element: ElementType
    var testDescription: String { "\(example.testDescription) in \(element)" }
  }

  static let cases = examples.flatMap { example in
    [Case(example: example, element: .f32), Case(example: example, element: .f64)]
  }

  @Test(arguments: cases)
  func outputsAndGradients(_ test: Case) throws {
    let small = try Compiler().compileForGradientCheck(
      contentsOfFile: test.example.path, model: test.example.model)
    let hasLoss = small.graph.contains("\n  loss ")
    func results(_ optimization: CompileOptions.Optimization, _ backend: CompileOptions.Backend) throws
      -> [String: Tensor]
    {
      let options = CompileOptions(
        elementType: test.element, threads: 2, optimization: optimization, backend: backend,
        verifiesEachPass: true)
      let program = try Compiler(options).compile(
        contentsOfFile: test.example.path, model: test.example.model, sizes: small.sizes, batch: 5)
      return try program.run(program.randomTensors(steps: 7, seed: 3), gradients: hasLoss)
    }
    let expected = try results(.none, .interpreter)
    let tolerance = test.element == .f64 ? 1e-12 : 1e-5
    #expect((expected["loss"] != nil) == hasLoss)
    #expect(expected.keys.contains { $0.hasPrefix("grad.") } == hasLoss)
    // Every level is compared in the exact type, and the one that users run in the other, too.
    let levels = test.element == .f64 ? CompileOptions.Optimization.allCases : [.full]
    for optimization in levels {
      for backend in CompileOptions.Backend.allCases {
        let found = try results(optimization, backend)
        #expect(found.keys.sorted() == expected.keys.sorted())
        for (name, tensor) in expected {
          let difference = try difference(try #require(found[name]), tensor)
          #expect(difference <= tolerance, "\(name), \(optimization), \(backend)")
        }
      }
    }
  }

  @Test(arguments: examples)
  func gradientsAreDerivatives(_ example: Example) throws {
    let compiler = Compiler(CompileOptions(threads: 2))
    let program = try compiler.compileForGradientCheck(contentsOfFile: example.path, model: example.model)
    guard program.graph.contains("\n  loss ") else { return }
    let report = try GradientReport(program)
    #expect(report.worst <= 1e-6, "\(report.table)")
    #expect(!report.results.isEmpty)
  }

  /// Code, plan and graph do not grow with the number of steps: nothing depends on it before a call.
  @Test func oneProgramRunsAnyNumberOfSteps() throws {
    let program = try Compiler(CompileOptions(threads: 2)).compile(source: smallModel, batch: 2)
    let count = try program.compilation(for: .gradients).module.instructionCount
    for steps in [1, 8, 512, 3] {
      let tensors = try program.randomTensors(steps: steps, seed: 1)
      let output = try #require(try program.run(tensors, gradients: true)["output"])
      #expect(output.shape == [steps, 2, 28])
    }
    #expect(try program.compilation(for: .gradients).module.instructionCount == count)
  }

  /// The largest difference, relative to the largest number of the tensor.
  private func difference(_ found: Tensor, _ expected: Tensor) throws -> Double {
    guard found.shape == expected.shape else { return .infinity }
    let (a, b) = (try numbers(found), try numbers(expected))
    let scale = b.map(abs).max() ?? 0
    let worst = zip(a, b).map { abs($0 - $1) }.reduce(0) { $1.isNaN ? .infinity : max($0, $1) }
    return worst == 0 ? 0 : worst / max(scale, 1e-30)
  }
}
