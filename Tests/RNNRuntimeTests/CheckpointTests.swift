import Foundation
import Testing

@testable import RNNRuntime

@Suite struct CheckpointTests {
  static func checkpoint() throws -> Checkpoint {
    let corpus = try TextCorpus(text: "the time traveller")
    var sums = EvaluationSums()
    sums.add(loss: 0.1, weight: 7840)
    sums.add(accuracy: 0.7, weight: 7)
    return Checkpoint(
      metadata: CheckpointMetadata(
        model: ModelSource(
          name: "CharLM", path: "a/b.rnn", text: "model \"x\" {\n\tstate h'\n} // é\n",
          imports: ["c.rnn": "fn f(x) = x"]),
        sizes: ["H": 256, "V": corpus.vocabulary.count], vocabulary: corpus.vocabulary, tokenization: .char,
        options: TrainingOptions(
          epochs: 500, batchSize: 32, steps: 35, order: .random,
          optimization: OptimizationOptions(
            optimizer: "momentum", learningRate: 0.1, settings: ["momentum": 0.9],
            schedule: "cosine:500epochs:0.0",
            warmup: 10, clipNorm: 1, clipValue: 0.5, accumulation: 4),
          seed: .max, files: ["t.txt"], maxTokens: 10_000, dataFingerprint: corpus.fingerprint),
        position: TrainingPosition(
          epoch: 3, batch: 7, step: 31, sums: sums,
          last: EpochResult(
            epoch: 3, training: Evaluation(loss: .infinity, accuracy: 0.1 + 0.2),
            validation: Evaluation(loss: 1 / 3)),
          best: EpochResult(epoch: 2, training: Evaluation(loss: 2), validation: Evaluation(loss: 0.25)))),
      parameters: [
        "rnn.W": Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]), "out.b": Tensor([0.5] as [Float]),
      ],
      latestParameters: [
        "rnn.W": Tensor([1, 2, 3, 5] as [Float], shape: [2, 2]), "out.b": Tensor([0.25] as [Float]),
      ],
      optimizerState: ["momentum.rnn.W": Tensor([0, 0, 0, 1] as [Float], shape: [2, 2])],
      recurrentState: ["rnn.h": Tensor([Float.pi], shape: [1, 1])])
  }

  @Test func aCheckpointComesBackExactly() throws {
    try withTemporaryFolder { folder in
      let checkpoint = try Self.checkpoint()
      try checkpoint.write(toFile: folder + "/c")
      #expect(try Checkpoint(contentsOfFile: folder + "/c") == checkpoint)
      let file = try Safetensors(contentsOfFile: folder + "/c")
      #expect(
        Set(file.tensors.keys) == [
          "rnn.W", "out.b", "latest.rnn.W", "latest.out.b", "rnn.h", "optimizer.momentum.rnn.W",
        ])
      var other = checkpoint
      other.latestParameters = nil
      try other.write(toFile: folder + "/c")
      #expect(try Checkpoint(contentsOfFile: folder + "/c") == other)
    }
  }

  @Test func filesThatAreNoCheckpointsAreExplained() throws {
    func error(_ change: (inout Safetensors) -> Void) throws -> String {
      var file = try Self.checkpoint().encoded()
      change(&file)
      return inputError { _ = try Checkpoint(file, origin: "checkpoint 'c'") }
    }
    #expect(try error { $0.metadata = [:] }.hasPrefix("checkpoint 'c' is not a checkpoint of rnnc\nnote: "))
    #expect(
      try error { $0.metadata["rnnc.checkpoint.version"] = "1" }
        .hasPrefix("checkpoint 'c' was written by an older rnnc: its format is 1, and this rnnc reads"))
    #expect(
      try error { $0.metadata["rnnc.checkpoint"] = "{" }
        == "checkpoint 'c' is damaged: its metadata cannot be read\nnote: the metadata is not JSON")
    #expect(
      try error { $0.metadata["rnnc.checkpoint"]!.replace("\"<unk>\"", with: "\"x\"") }
        == """
        checkpoint 'c' is damaged: its metadata cannot be read
        note: the fault is at 'metadata.vocabulary'
        """)
    #expect(try error { $0.tensors["rnn.h"] = nil } == "checkpoint 'c' is damaged: tensor 'rnn.h' is missing")
    #expect(
      try error { $0.tensors["more"] = Tensor([1]) }
        == "checkpoint 'c' is damaged: tensor 'more' belongs to nothing")
    #expect(
      inputError { _ = try Checkpoint(contentsOfFile: "/no/c") }
        == "cannot open checkpoint '/no/c': no such file or directory")
    #expect(
      inputError { _ = try Checkpoint(contentsOfFile: fixture("train_sgd.safetensors")) }
        .contains("is not a checkpoint of rnnc"))
  }

  @Test func namesThatMeetAreRefused() throws {
    var checkpoint = try Self.checkpoint()
    checkpoint.recurrentState["rnn.W"] = Tensor([1])
    #expect(inputError { _ = try checkpoint.encoded() }.contains("the same name"))
  }
}
