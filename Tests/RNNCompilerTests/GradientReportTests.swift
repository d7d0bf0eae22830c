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

  /// Stopped values stay in all differences, in each step of a loop, too: the derivatives then agree with these.
  @Test(arguments: [CompileOptions.Backend.native, .interpreter])
  func stoppedValuesAreHeld(backend: CompileOptions.Backend) throws {
    let source = """
      cell C(H = 4) { param w: [H, H] = normal(1)
        input x: [H]
        state h: [H]
        h' = tanh(w @ stop_gradient(h * x) + h)
        output h' }
      model M { input x: seq [4]
        c = C()
        y = c(x)
        loss total(sum(y * stop_gradient(exp(y)))) + cross_entropy(last(y), argmax(last(y))) }
      """
    let stopped = try Compiler(
      CompileOptions(elementType: .f64, threads: 1, backend: backend, cache: nil)
    ).compile(source: source, batch: 2)
    let report = try GradientReport(stopped)
    #expect(report.agrees && report.unchecked.isEmpty, "\(report.table)")
    #expect(report.results.map(\.name) == ["c.h", "c.w", "x"])
    // They are not what differences of the whole loss would be.
    let free = try GradientReport(program(source.replacing("stop_gradient", with: "")))
    #expect(zip(report.results, free.results).contains { abs($0.derivative - $1.derivative) > 0.01 })
  }

  /// A derivative that is no function's is named, with the reason; all others are checked.
  @Test func derivativesOfOtherFunctionsAreListedAsUnchecked() throws {
    let mixed = try program(
      """
      cell C(H = 3) { param w: [H] = ones
        input x: [H]
        output straight_through(sign(x), tanh(w * x)) }
      model M { input x: seq [3], v: seq [3]
        param a: [3], b: [3] = ones
        c = C()
        hard = straight_through(square(b), stop_gradient(b))
        loss sum(c(x) * v * hard) + sum(clip_gradient(a, 0.1) * v) }
      """)
    let report = try GradientReport(mixed)
    #expect(report.results.map(\.name) == ["b", "v"] && report.agrees, "\(report.table)")
    #expect(report.unchecked.map(\.name) == ["a", "c.w", "x"])
    #expect(report.table.contains(/\na +unchecked: its derivative passes clip_gradient at .*:8\b/))
    #expect(report.table.contains(/\nc.w +unchecked: its derivative passes straight_through at .*:3\b/))
    #expect(report.table.contains(/\nthe gradients agree with differences: .*; 3 gradients unchecked\n$/))
  }

  @Test func aReportSaysThatNothingWasChecked() throws {
    let report = try GradientReport(program("model M { input x: [3]; loss sum(clip_gradient(x, 1)) }"))
    #expect(report.agrees && report.results.isEmpty)
    #expect(report.table.contains("no gradient was compared with differences: 1 gradient unchecked"))
  }

  @Test func thereMustBeSomethingToCheck() throws {
    let nothing = try program("model M { input t: token(3); loss 1.0 }")
    #expect { try GradientReport(nothing) } throws: { "\($0)".contains("there is nothing to check") }
  }
}
