import Testing

@testable import RNNCompiler

/// What `rnnc gradcheck` says.
@Suite struct GradientReportTests {
  private func program(_ source: String) throws -> Program {
    try Compiler(CompileOptions(elementType: .f64, threads: 1, cache: nil)).compile(source: source, batch: 2)
  }

  /// The logarithm of a drawn 0 is no number; that of the mean of all draws would be one.
  @Test func drawsAreMade() throws {
    let drawn = try program(
      "model M { input x: seq [3]; param w: [3] = uniform(1); loss sum(w * x * log(bernoulli(0.5, like: x))) }"
    )
    #expect { try GradientReport(drawn) } throws: { "\($0)".contains("the gradient cannot be checked") }
  }

  /// A masked gradient is 0 or not, and agrees with differences under the same mask.
  @Test func maskedGradientsAgree() throws {
    let masked = try program(
      """
      cell C(H = 4) { input x: [H]; state h: [H]; param U: [H, H] = uniform(1)
        h' = tanh(U @ dropout(h, 0.3) + x) * bernoulli(0.5, like: x); output h' }
      model M { input x: seq [4]; c = C(); y = c(x); loss sum(y * y) }
      """)
    let report = try GradientReport(masked)
    #expect(report.agrees && report.results.count == 3, "\(report.table)")
    #expect(report.table.contains("the gradients agree with differences"))
    let tensors = try masked.randomTensors(steps: 4, seed: 0, isDrawing: true)
    #expect(tensors["seed"] != nil)
    let gradient = try #require(masked.run(tensors, for: .drawing(.gradients))["grad.x"]).numbers
    #expect(gradient.contains(0) && gradient.contains { $0 != 0 })
    #expect(try GradientReport(masked).results.map(\.difference) == report.results.map(\.difference))
  }

  @Test func whatDoesNotAgreeIsSaid() throws {
    // So steep that no difference shows the slope.
    let steep = try program("model M { input x: [1]; loss sum(sin(1000000000 * x)) }")
    let report = try GradientReport(steep)
    #expect(!report.agrees)
    #expect(report.table.split(separator: "\n").last?.contains("do not agree with differences") == true)
  }

  @Test func thereMustBeSomethingToCheck() throws {
    let nothing = try program("model M { input t: token(3); loss 1.0 }")
    #expect { try GradientReport(nothing) } throws: { "\($0)".contains("there is nothing to check") }
  }
}
