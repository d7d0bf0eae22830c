import Foundation
import RNNBuilder
import Testing

@Suite("Training of a model in Swift")
struct TrainingTests {
  private static let text = String(repeating: "the quick brown fox jumps over the lazy dog ", count: 3)

  /// The losses of a run, and what it would leave on disk.
  private func train(_ compile: (Corpus) throws -> Program) throws -> (
    losses: [Double], checkpoint: Checkpoint
  ) {
    let corpus = try Corpus(text: Self.text)
    let options = TrainingOptions(
      epochs: 2, batchSize: 4, steps: 7, optimization: OptimizationOptions(learningRate: 0.5, clipNorm: 1),
      seed: 5)
    let run = try TrainingRun(compile(corpus), corpus: corpus, options: options)
    var losses: [Double] = []
    var hooks = TrainingRun.Hooks()
    hooks.epochDone = { losses.append($0.loss) }
    try run.run(hooks)
    return (losses, run.checkpoint())
  }

  @Test func itIsThatOfTheFileBitForBitAndItsCheckpointWrites() throws {
    let sizes = ["H": 8]
    let swift = try train { corpus in
      try Compiler().compile(
        #require(Twins.all["custom-cell.rnn"]?.first), sizes: sizes, batch: 4, vocabulary: corpus.vocabulary)
    }
    let file = try train { corpus in
      try Compiler().compile(
        contentsOf: TwinTests.folder.appendingPathComponent("custom-cell.rnn"), sizes: sizes, batch: 4,
        vocabulary: corpus.vocabulary)
    }
    #expect(swift.losses == file.losses && swift.losses.count == 2)
    #expect(swift.checkpoint.parameters == file.checkpoint.parameters)

    let path = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func written(_ checkpoint: Checkpoint) throws -> String {
      try checkpoint.write(toFile: path)
      return try TextGenerator(checkpointAt: path).generate(prefix: "the q", count: 20)
    }
    #expect(try written(swift.checkpoint) == written(file.checkpoint))
  }
}
