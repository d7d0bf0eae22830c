import Foundation
import RNNCompiler
import Testing

@Suite("Training on ragged data sets")
struct RaggedTrainingTests {
  /// Examples of 0 to 6 tokens, with tokens behind their ends that are to be ignored.
  private func data(_ count: Int, padding: Int32) throws -> Dataset {
    var stream = RandomStream(seed: 1, name: "data")
    let steps = 6
    var (text, next): ([Int32], [Int32]) = ([], [])
    let lengths = (0..<count).map { n in Int64(n == 0 ? 0 : stream.integer(below: steps + 1)) }
    for length in lengths {
      let tokens = (0...steps).map { _ in Int32(stream.integer(below: 5)) }
      text += (0..<steps).map { $0 < length ? tokens[$0] : padding }
      next += (0..<steps).map { $0 < length ? tokens[$0 + 1] : padding }
    }
    return try Dataset([
      "text": Tensor(text, shape: [count, steps]), "next": Tensor(next, shape: [count, steps]),
      "next.lengths": Tensor(lengths),
    ])
  }

  private func program(_ batch: Int) throws -> Program {
    try Compiler(CompileOptions(elementType: .f64, threads: 2)).compile(
      source: smallModel, sizes: ["V": 5], batch: batch)
  }

  /// The mean over valid steps is that of running each example alone, as long as it is.
  @Test func meansAreOverValidStepsExactly() throws {
    let data = try data(11, padding: 3)
    let trainer = try Trainer(program(4), seed: 2)
    let found = try trainer.evaluate(data)

    let single = try program(1)
    var sums = EvaluationSums()
    for n in 0..<11 {
      let batch = data[n..<(n + 1)].batches(batch: 1)[0]
      let length = Int(try #require(batch["next.lengths"]).values(as: Int32.self)[0])
      guard length > 0 else { continue }
      var tensors = trainer.parameters
      for name in ["text", "next"] { tensors[name] = batch.sequence(name, steps: length) }
      let outputs = try single.run(tensors)
      sums.add(loss: try numbers(#require(outputs["loss"]))[0], weight: Double(length))
      sums.add(accuracy: try numbers(#require(outputs["accuracy"]))[0], weight: Double(length))
    }
    let expected = try #require(sums.mean)
    #expect(abs(found.loss - expected.loss) < 1e-12)
    #expect(abs(try #require(found.accuracy) - (try #require(expected.accuracy))) < 1e-12)
  }

  /// Not even where it is no token of the model.
  @Test func whatIsBehindTheEndsDoesNotMatter() throws {
    func run(padding: Int32) throws -> TrainingRun {
      let data = try data(11, padding: padding)
      let options = TrainingOptions(
        epochs: 3, batchSize: 4, optimization: OptimizationOptions(optimizer: "sgd", learningRate: 1))
      let run = try TrainingRun(program(4), data: data, validation: data, options: options)
      try run.run()
      return run
    }
    let (a, b) = (try run(padding: 0), try run(padding: 4))
    #expect(a.trainer.parameters == b.trainer.parameters && a.position == b.position)
    for padding in [-100, Int32.max] {
      let other = try run(padding: padding)
      #expect(a.trainer.parameters == other.trainer.parameters && a.position == other.position)
    }
    #expect((a.position.last?.training.loss ?? 9) < log(5.0))
  }

  /// Numbers behind an end may be none, in runs and in training; in front of it they are refused with their place.
  @Test func numbersBehindTheEndsMayBeNone() throws {
    let source = """
      model M(H = 2) {
          input x: seq [H]
          target y: seq [H]
          rnn = GRU(H, H)
          h = rnn(x)
          output h
          loss mse(h, y)
      }
      """
    let program = try Compiler(CompileOptions(threads: 1)).compile(source: source, batch: 2)
    func tensors(_ padding: Float, _ place: Int? = nil) -> [String: Tensor] {
      // [3, 2, 2], with lengths 1 and 3.
      var numbers = (0..<12).map { [4, 5, 8, 9].contains($0) ? padding : Float($0) / 10 }
      if let place { numbers[place] = .nan }
      let sequence = Tensor(numbers, shape: [3, 2, 2])
      return ["x": sequence, "y": sequence, "y.lengths": Tensor([1, 3] as [Int32])]
    }
    let parameters = try program.initialParameters(seed: 1)
    func outputs(_ padding: Float) throws -> [String: Tensor] {
      try program.run(parameters.merging(tensors(padding)) { $1 }, gradients: true)
    }
    func trained(_ padding: Float) throws -> [String: Tensor] {
      let data = tensors(padding)
      let rows = try Dataset(data.mapValues { $0.shape.count > 1 ? $0.swappingFirstAxes() : $0 })
      let options = TrainingOptions(
        epochs: 2, batchSize: 2, optimization: OptimizationOptions(learningRate: 0.1))
      let run = try TrainingRun(program, data: rows, validation: rows, options: options)
      try run.run()
      try run.trainer.step(data, startsAfresh: true)
      return run.trainer.parameters
    }
    let (expected, parametersThen) = (try outputs(0), try trained(0))
    for padding in [Float.nan, -.infinity] {
      #expect(try outputs(padding) == expected)
      #expect(try trained(padding) == parametersThen)
    }
    let error = #expect(throws: InputError.self) {
      try program.run(parameters.merging(tensors(.nan, 7)) { $1 })
    }
    #expect(error?.message == "tensor 'x' holds nan at [1, 1, 1], which is not a finite number")
  }

  /// There is no mean over nothing: neither is the loss of such a data set a number, nor is it 0.
  @Test func dataWithoutAValidStepIsRefused() throws {
    let data = try data(3, padding: 0)
    let empty = try Dataset(
      data.tensors.merging(["next.lengths": Tensor([0, 0, 0] as [Int64])]) { $1 }, origin: "'e'")
    let options = TrainingOptions(
      epochs: 1, batchSize: 2, optimization: OptimizationOptions(learningRate: 1))
    for (training, validation) in [(empty, data), (data, empty)] {
      let error = #expect(throws: InputError.self) {
        try TrainingRun(program(2), data: training, validation: validation, options: options)
      }
      #expect(
        error?.message == "'e' has nothing to compute a loss of: every length of 'text.lengths' is 0",
        "\(error?.message ?? "")")
    }
    let trainer = try Trainer(program(2), seed: 1)
    #expect(throws: InputError.self) { try trainer.evaluate(empty) }
  }

  /// Batches with and without lengths may follow each other; full lengths are no lengths.
  @Test func lengthsChooseTheCode() throws {
    let trainer = try Trainer(program(2), seed: 2)
    let twin = try Trainer(program(2), seed: 2)
    var tensors = [
      "text": Tensor([1, 2, 3, 4, 0, 1] as [Int32], shape: [3, 2]),
      "next": Tensor([2, 3, 4, 0, 1, 2] as [Int32], shape: [3, 2]),
    ]
    let plain = tensors
    tensors["text.lengths"] = Tensor([3, 3] as [Int32])
    for ragged in [plain, tensors, tensors, plain] {
      let (found, expected) = (
        try trainer.step(ragged, startsAfresh: false), try twin.step(plain, startsAfresh: false)
      )
      #expect(abs(found.loss - expected.loss) < 1e-12)
    }
    tensors["text.lengths"] = Tensor([4, 3] as [Int32])
    let long = #expect(throws: InputError.self) { try trainer.step(tensors, startsAfresh: false) }
    #expect(long?.message.contains("holds the length 4 at [0], but the sequences have 3 steps") == true)
    tensors["text.lengths"] = Tensor([2, 3] as [Int32])
    tensors["next.lengths"] = Tensor([3, 3] as [Int32])
    let two = #expect(throws: InputError.self) { try trainer.step(tensors, startsAfresh: false) }
    #expect(
      two?.message.contains("are different, but both count the same steps T") == true, "\(two?.message ?? "")"
    )
  }
}
