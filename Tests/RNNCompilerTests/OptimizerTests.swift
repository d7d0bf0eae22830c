import Foundation
import Testing

@testable import RNNCompiler

/// A tensor file of `Tests/Fixtures/torch`.
func torchFixture(_ name: String) throws -> Safetensors {
  try Safetensors(
    contentsOfFile: packageRoot.appendingPathComponent("Tests/Fixtures/torch/\(name).safetensors").path)
}

/// Optimisers, schedules, clipping and accumulation in native code against PyTorch's.
///
/// `Tests/Fixtures/torch/optimizers.py` makes the numbers.
@Suite("Optimizers")
struct OptimizerTests {
  /// The settings of one run of the fixture.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var optimizer = Optimizer.sgd(learningRate: 0.1)
    var schedule = Schedule.constant
    var warmup = 0
    var clipNorm: Double?
    var clipValue: Double?
    var accumulation = 1
    /// The steps of an epoch.
    var epoch = 1

    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "sgd", optimizer: .sgd(learningRate: 0.1, weightDecay: 0.2)),
    Case(name: "momentum", optimizer: .momentum(momentum: 0.8, weightDecay: 0.05)),
    Case(name: "nesterov", optimizer: .nesterov(weightDecay: 0.01)),
    Case(
      name: "adam",
      optimizer: .adam(learningRate: 0.1, beta1: 0.8, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.1)),
    Case(name: "adam_defaults", optimizer: .adam()),
    Case(name: "adamw", optimizer: .adamW(learningRate: 0.1, weightDecay: 0.2)),
    Case(name: "adamw_defaults", optimizer: .adamW()),
    Case(
      name: "rmsprop", optimizer: .rmsprop(learningRate: 0.1, alpha: 0.9, epsilon: 1e-3, weightDecay: 0.1)),
    Case(name: "rmsprop_momentum", optimizer: .rmsprop(momentum: 0.5)),
    Case(
      name: "rmsprop_centered",
      optimizer: .rmsprop(learningRate: 0.1, alpha: 0.8, momentum: 0.3, isCentered: true)),
    Case(
      name: "adagrad",
      optimizer: .adagrad(
        learningRate: 0.1, learningRateDecay: 0.1, initialAccumulator: 0.5, epsilon: 1e-3, weightDecay: 0.1)),
    Case(name: "adagrad_defaults", optimizer: .adagrad()),
    Case(name: "clip_value", clipValue: 0.5),
    Case(name: "clip_both", clipNorm: 0.7, clipValue: 0.5),
    Case(name: "step_updates", schedule: .step(every: .updates(3), factor: 0.5)),
    Case(
      name: "step_epochs", optimizer: .adam(learningRate: 0.1),
      schedule: .step(every: .epochs(3), factor: 0.5), epoch: 2),
    Case(name: "cosine_updates", schedule: .cosine(over: .updates(8), minimum: 0.1)),
    Case(name: "warmup", optimizer: .adamW(learningRate: 0.1), warmup: 5),
    Case(name: "plateau", schedule: .plateau(factor: 0.5, patience: 1)),
    Case(
      name: "accumulate", optimizer: .adam(learningRate: 0.1),
      schedule: .step(every: .epochs(3), factor: 0.5), clipNorm: 0.7, clipValue: 0.5, accumulation: 3,
      epoch: 3),
  ]

  /// A vector `p` whose gradient is the input.
  private let model = """
    cell Vector(N) {
        param p: [N] = zeros
        input g: [N]
        output dot(p, g)
    }
    model M(N = 4) {
        input g: [N]
        vector = Vector(N)
        y = vector(g)
        output y
        loss y
    }
    """

  @Test(arguments: cases, [ElementType.f32, .f64])
  func theyAgreeWithPyTorch(_ test: Case, _ element: ElementType) throws {
    let fixture = try torchFixture("optimizers").tensors
    let gradients = try numbers(#require(fixture["gradients"]))
    let losses = try numbers(#require(fixture["losses"]))
    let expected = try numbers(#require(fixture[test.name], "no case \(test.name)"))
    let program = try Compiler(CompileOptions(elementType: element, threads: 1)).compile(
      source: model, batch: 1)
    let trainer = try Trainer(
      program, optimizer: test.optimizer, schedule: test.schedule, warmup: test.warmup,
      clipNorm: test.clipNorm, clipValue: test.clipValue, accumulation: test.accumulation)
    try trainer.setParameters(["vector.p": #require(fixture["start"]).converted(to: element)])
    for t in 0..<12 {
      let gradient = Tensor(Array(gradients[(4 * t)..<(4 * t + 4)]), shape: [1, 4])
      let step = try trainer.step(["g": gradient.converted(to: element)], startsAfresh: true)
      #expect(step.isUpdate == ((t + 1) % test.accumulation == 0))
      if (t + 1) % test.epoch == 0 { trainer.endEpoch(loss: losses[t]) }
      let p = try numbers(#require(trainer.parameters["vector.p"]))
      for (a, b) in zip(p, expected[(4 * t)...]) {
        #expect(abs(a - b) < (element == .f64 ? 1e-13 : 1e-6), "step \(t): \(a) and \(b)")
      }
    }
  }

  /// Every optimiser and every setting is in one of the cases.
  @Test func everyOptimizerIsCompared() {
    #expect(Set(Self.cases.map(\.optimizer.name)) == Set(Optimizer.names))
    for setting in OptimizerSetting.allCases {
      let numbers = Self.cases.compactMap { $0.optimizer.settings[setting] }
      #expect(Set(numbers).count > 1, "\(setting)")
    }
  }

  @Test func theLearningRateIsReported() throws {
    let program = try Compiler().compile(source: model, batch: 1)
    let trainer = try Trainer(
      program, optimizer: .sgd(learningRate: 2), schedule: .cosine(over: .epochs(2), minimum: 0), warmup: 2)
    var rates: [Double] = []
    for _ in 0..<4 {
      let step = try trainer.step(["g": Tensor(.f32, shape: [1, 4])], startsAfresh: true)
      rates.append(step.learningRate)
      trainer.endEpoch(loss: 1)
    }
    for (rate, expected) in zip(rates, [1.0, 1, 0, 0]) { #expect(abs(rate - expected) < 1e-15) }
  }

  @Test func schedulesAreReadAndWritten() {
    for schedule in [
      Schedule.constant, .step(every: .updates(30), factor: 0.1), .step(every: .epochs(1), factor: 1),
      .cosine(over: .epochs(50)), .cosine(over: .updates(5000), minimum: 0.01),
      .plateau(factor: 0.5, patience: 10),
    ] {
      #expect(Schedule("\(schedule)") == schedule)
    }
    #expect(Schedule("cosine:50") == .cosine(over: .epochs(50)))
    #expect(Schedule("step:5updates:0.1") == .step(every: .updates(5), factor: 0.1))
    for text in [
      "", "constant:1", "cosine", "cosine:0", "cosine:5:2", "cosine:5:nan", "step:3", "step:3:0",
      "step:-3:0.1",
      "step:3months:0.1", "plateau:0.5", "plateau:1:3", "plateau:0.5:-1", "exponential:0.9",
    ] {
      #expect(Schedule(text) == nil, "\(text)")
    }
  }

  @Test func wrongNumbersAreRefused() throws {
    let program = try Compiler().compile(source: model, batch: 1)
    #expect(throws: InputError.self) { try Trainer(program, optimizer: .adam(beta1: 1)) }
    #expect(throws: InputError.self) { try Trainer(program, optimizer: .sgd(learningRate: .nan)) }
    #expect(throws: InputError.self) { try Trainer(program, schedule: .cosine(over: .epochs(0))) }
    #expect(throws: InputError.self) { try Trainer(program, clipValue: 0) }
    #expect(throws: InputError.self) { try Trainer(program, accumulation: 0) }
    let other = #expect(throws: InputError.self) {
      try Optimizer(named: "sgd", settings: [.beta1: 0.5])
    }
    #expect(other?.message == "--betas does not concern the optimizer 'sgd'")
    #expect(other?.notes == ["it concerns adam, adamw"])
    let unknown = #expect(throws: InputError.self) { try Optimizer(named: "adan") }
    #expect(unknown?.notes.first?.hasPrefix("did you mean 'adam'? ") == true)
  }
}
