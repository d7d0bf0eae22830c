import RNNCompiler
import Testing

/// Weighted losses, several losses and measures in training: however an epoch is divided, its means are those of all tokens.
@Suite("Losses with weights and names")
struct LossTests {
  private static let source = """
    model M(V = 5, H = 4) {
        const rare: [V] = (0, 1, 0.5, 2, 0.25)
        input  text: seq token(V)
        target next: seq token(V)
        rnn = GRU(V, H)
        out = Linear(H, V)
        h = rnn(onehot(text))
        y = out(h)
        output softmax(y)
        loss words  = cross_entropy(y, next, smoothing: 0.1), weights: rare[next]
        loss smooth = 0.1 * mean(square(h))
        measure right = argmax(y) == next, weights: next != 0
        measure size  = norm(last(h))
    }
    """

  private static let weighted = source.replacing("    loss smooth = 0.1 * mean(square(h))\n", with: "")
    .replacing("loss words  =", with: "loss")

  /// Examples of up to 6 tokens; those of the second half have the token 0 alone, which counts for nothing.
  private func data(_ count: Int, isRagged: Bool) throws -> Dataset {
    var stream = RandomStream(seed: 1, name: "data")
    let steps = 6
    let lengths = (0..<count).map { _ in Int64(1 + stream.integer(below: steps)) }
    let text = (0..<count * steps).map { _ in Int32(stream.integer(below: 5)) }
    let next = text.indices.map { $0 / steps < count / 2 ? text[($0 + 1) % text.count] : 0 }
    var tensors = [
      "text": Tensor(text, shape: [count, steps]), "next": Tensor(next, shape: [count, steps]),
    ]
    if isRagged { tensors["next.lengths"] = Tensor(lengths) }
    return try Dataset(tensors)
  }

  private func program(_ batch: Int, _ source: String = source, memoryLimit: Int? = nil) throws -> Program {
    var options = CompileOptions(elementType: .f64, threads: 2)
    options.memoryLimit = memoryLimit
    return try Compiler(options).compile(source: source, batch: batch)
  }

  private func options(accumulation: Int = 1, epochs: Int = 1, batch: Int) -> TrainingOptions {
    TrainingOptions(
      epochs: epochs, batchSize: batch,
      optimization: OptimizationOptions(
        optimizer: "sgd", learningRate: 0.5, clipNorm: nil, accumulation: accumulation), seed: 5)
  }

  @Test(arguments: [false, true]) func anEpochIsOneBatchHoweverItIsDivided(isRagged: Bool) throws {
    let data = try data(10, isRagged: isRagged)
    let parameters = try Trainer(program(3), seed: 1).parameters
    let whole = try program(10).evaluate(data, parameters: parameters)
    #expect(
      whole.terms.keys.sorted() == ["smooth", "words"] && whole.measures.keys.sorted() == ["right", "size"])
    #expect(abs(whole.loss - (whole.terms["words"] ?? 0) - (whole.terms["smooth"] ?? 0)) < 1e-14)
    for batch in [1, 3, 4] {
      let found = try program(batch).evaluate(data, parameters: parameters)
      #expect(abs(found.loss - whole.loss) < 1e-12)
      for (name, value) in whole.terms.merging(whole.measures, uniquingKeysWith: { $1 }) {
        #expect(abs((found.terms[name] ?? found.measures[name] ?? .nan) - value) < 1e-12, "\(name)")
      }
      #expect(abs((found.accuracy ?? .nan) - (whole.accuracy ?? .nan)) < 1e-12)
    }
    let only = try program(3, Self.weighted).evaluate(data, parameters: parameters)
    #expect(abs(only.loss - (whole.terms["words"] ?? 0)) < 1e-12 && only.terms.isEmpty)
  }

  /// A batch without any weight has the loss 0, changes nothing, and is no part of the epoch's mean.
  @Test func aBatchThatIsIgnoredCountsForNothing() throws {
    let data = try data(8, isRagged: false)
    let program = try program(4, Self.weighted)
    let trainer = try Trainer(program, optimizer: .sgd(learningRate: 1), seed: 1)
    let before = trainer.parameters
    let step = try trainer.step(data.batches(batch: 4)[1])
    #expect(step.loss == 0 && step.accuracy == 0 && step.measures["right"] == 0)
    #expect(trainer.parameters == before)
    let (all, half) = (
      try program.evaluate(data, parameters: before), try program.evaluate(data[0..<4], parameters: before)
    )
    #expect(all.loss == half.loss && all.loss > 0)
    let error = #expect(throws: InputError.self) { try program.evaluate(data[4..<8], parameters: before) }
    #expect(
      error?.message == "there is nothing to measure: no example has a valid step, or one with a weight")
  }

  /// Gradients that are accumulated over small batches are those of one large batch, weight by weight.
  @Test(arguments: [false, true]) func accumulatedGradientsAreThoseOfOneBatch(isRagged: Bool) throws {
    let data = try data(12, isRagged: isRagged)
    let large = try Trainer(program(12, Self.weighted), optimizer: .sgd(learningRate: 0.5), seed: 1)
    let small = try Trainer(
      program(3, Self.weighted), optimizer: .sgd(learningRate: 0.5), accumulation: 4, seed: 1)
    let first = large.parameters
    try large.step(data.batches(batch: 12)[0])
    for batch in data.batches(batch: 3) { try small.step(batch) }
    #expect(large.parameters != first)
    for (name, tensor) in large.parameters {
      for (a, b) in zip(try numbers(tensor), try numbers(#require(small.parameters[name]))) {
        #expect(abs(a - b) < 1e-12, "\(name)")
      }
    }
  }

  /// Interrupted in the middle of an epoch, and gone on with from the checkpoint's bytes.
  @Test func aResumedEpochReportsTheSame() throws {
    let (training, validation) = (try data(11, isRagged: true), try data(5, isRagged: true))
    func makeRun() throws -> TrainingRun {
      try TrainingRun(
        program(3), data: training, validation: validation, options: options(epochs: 2, batch: 3))
    }
    let straight = try makeRun()
    try straight.run()
    let second = try resumedRun(afterSteps: 2, makeRun)
    #expect(try second.run())
    #expect(second.checkpoint() == straight.checkpoint())
    let last = try #require(straight.position.last)
    #expect(last.training.terms.count == 2 && last.validation?.measures.count == 2)
  }

  /// Under a limit of memory the same bits, in segments.
  @Test func aLimitOfMemoryChangesNoBit() throws {
    func train(_ limit: Int?) throws -> (TrainingStep, [String: Tensor]) {
      let program = try program(2, memoryLimit: limit)
      let trainer = try Trainer(program, optimizer: .sgd(learningRate: 0.5), seed: 1)
      var stream = RandomStream(seed: 2, name: "text")
      func tokens() -> Tensor {
        Tensor((0..<400).map { _ in Int32(stream.integer(below: 5)) }, shape: [200, 2])
      }
      let step = try trainer.step(["text": tokens(), "next": tokens()], startsAfresh: true)
      return (step, trainer.parameters)
    }
    let (free, limited) = (try train(nil), try train(120_000))
    #expect(free.0 == limited.0 && free.1 == limited.1)
  }
}
