import Testing

@testable import RNNCompiler

/// Models that lack something: each stage of each purpose is made, or a message says what is missing.
@Suite struct NothingToComputeTests {
  static let models = [
    // Nothing to put out.
    "model M(V = 3) { input x: seq [2]; target t: seq token(V); o = Linear(2, V); loss cross_entropy(o(x), t) }",
    // Nor anything to train.
    "model M { input x: []; target t: []; loss t }",
    "model M { input x: [3]; loss sum(x) }",
    // Nothing to compute for what is put out.
    "model M { input x: [3]; output x }",
    "model M { input x: [3]; param W: [3] = ones; output W }",
    "model M { input x: token(3); output x }",
    // A parameter that the loss does not need, or nothing but one.
    "model M { input x: []; target t: []; param W: [2] = ones; loss t }",
    "model M { input x: []; param W: [2] = uniform(1); loss sum(W * W) }",
    // A state alone.
    "cell C { input x: []; state h: []; h' = x; output h' } model M { input x: seq []; c = C(); y = c(x); loss 1.0 }",
  ]

  private static let purposes: [Purpose] = [
    .inference, .evaluation, .measurement, .gradients, .seededGradients(["output"]), .drawing(.gradients),
    .training(TrainingStepOptions(clipsNorm: true, carriesState: true)),
  ]

  @Test(arguments: models)
  func everyStageIsMadeOrRefused(_ source: String) throws {
    let program = try Compiler(CompileOptions(threads: 1, cache: nil)).compile(source: source, batch: 2)
    var made = 0
    for purpose in Self.purposes {
      // Any other error is a bug of rnnc.
      do {
        _ = try program.compilation(for: purpose).native
        made += 1
      } catch is InputError {}
      for kind in Artifact.allCases {
        do {
          let bytes = try program.artifact(kind, for: purpose)
          #expect(!bytes.isEmpty, "\(purpose) \(kind)")
        } catch is InputError {}
      }
    }
    #expect(made > 0)
  }

  @Test func aMessageSaysWhatIsMissing() throws {
    let program = try Compiler().compile(source: Self.models[0], batch: 2)
    for run in [
      { _ = try program.artifact(.object, for: .inference) },
      {
        _ = try program.run(
          program.initialParameters(seed: 0).merging(["x": Tensor(.f32, shape: [1, 2, 2])]) { $1 })
      },
    ] as [() throws -> Void] {
      #expect { try run() } throws: { "\($0)".contains("model 'M' has no output and no state") }
    }
  }

  /// A model without a parameter has a loss that can be computed.
  @Test func aLossWithoutParametersIsComputed() throws {
    let program = try Compiler().compile(source: Self.models[1], batch: 3)
    #expect(program.mainPurpose == .evaluation)
    let results = try program.run(["x": Tensor([0, 0, 0] as [Float]), "t": Tensor([1, 2, 6] as [Float])])
    #expect(try #require(results["loss"]).values(as: Float.self) == [3])
  }
}
