import Foundation
import RNNCompiler

// Trains the gated recurrent unit on The Time Machine, as `rnnc train Examples/time-machine-gru.rnn` does.
//
//   swift run -c release TimeMachine timemachine.txt [EPOCHS]

@main
enum TimeMachine {
  static func main() {
    do {
      try train()
    } catch {
      let failure = Failure(error)
      FileHandle.standardError.write(Data(failure.text.utf8))
      exit(failure.exitStatus)
    }
  }

  static func train() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let file = arguments.first, let epochs = Int(arguments.dropFirst().first ?? "500"), epochs > 0
    else {
      throw InputError("usage: TimeMachine TEXT [EPOCHS]", note: "TEXT is a text file, such as the novel")
    }
    let corpus = try Corpus(contentsOfFiles: [file], maxTokens: 10_000)
    let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("time-machine-gru.rnn")
    let program = try Compiler().compile(
      contentsOf: model, sizes: ["H": 256], batch: 32, vocabulary: corpus.vocabulary)
    let trainer = try Trainer(program, optimizer: .sgd(learningRate: 1), clipNorm: 1, seed: 0)

    for epoch in 0..<epochs {
      var (loss, batches) = (0.0, 0.0)
      for batch in try corpus.sequentialBatches(batch: 32, steps: 35, epoch: epoch) {
        if batch.startsAfresh { trainer.resetState() }
        let step = try trainer.step(["text": batch.inputs, "next": batch.targets])
        loss += step.loss
        batches += 1
      }
      if (epoch + 1) % max(1, epochs / 10) == 0 {
        print("epoch \(epoch + 1): perplexity \(String(format: "%.3f", exp(loss / batches)))")
      }
    }
    print(try trainer.generate(prefix: "time traveller", count: 50))
  }
}
