import ArgumentParser
import Foundation
import RNNCompiler

// Trains the gated recurrent unit on The Time Machine, as `rnnc train Examples/time-machine-gru.rnn` does.
//
//   swift run -c release TimeMachine timemachine.txt [EPOCHS]

@main
struct TimeMachine: ParsableCommand {
  @Argument(help: "A text file, such as the novel.") var text: String
  @Argument(help: "How often the text is read.") var epochs = 500

  func run() throws {
    let model = URL(fileURLWithPath: "../time-machine-gru.rnn", relativeTo: URL(fileURLWithPath: #filePath))
    let corpus = try Corpus(contentsOfFiles: [text], maxTokens: 10_000)
    let program = try Compiler().compile(
      contentsOf: model, sizes: ["H": 256], batch: 32, vocabulary: corpus.vocabulary)
    let trainer = try Trainer(program, optimizer: .sgd(learningRate: 1), clipNorm: 1, seed: 0)

    for epoch in stride(from: 0, to: epochs, by: 1) {
      var (loss, batches) = (0.0, 0.0)
      for batch in try corpus.sequentialBatches(batch: 32, steps: 35, epoch: epoch) {
        loss += try trainer.step(batch).loss
        batches += 1
      }
      if (epoch + 1) % max(1, epochs / 10) == 0 {
        print("epoch \(epoch + 1): perplexity \(String(format: "%.3f", exp(loss / batches)))")
      }
    }
    print(try trainer.generate(prefix: "time traveller", count: 50))
  }
}
