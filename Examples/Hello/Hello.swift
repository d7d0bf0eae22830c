import ArgumentParser
import Foundation
import RNNCompiler

// Teaches a net to answer "hello" with "ohlol", letter by letter, in 15 epochs of Adam.
//
//   swift run -c release Hello Embedded

let letters = Array("ehlo")

@main
struct Hello: ParsableCommand {
  @Argument(help: "The model of hello.rnn: Equations, Concise or Embedded.") var model: String
  @Option(help: "Decides the first weights.") var seed: UInt64 = 1

  func run() throws {
    let file = URL(fileURLWithPath: "../hello.rnn", relativeTo: URL(fileURLWithPath: #filePath))
    let program = try Compiler().compile(contentsOf: file, model: model, batch: 1)
    let rate = model == "Equations" ? 0.1 : 0.05
    let trainer = try Trainer(program, optimizer: .adam(learningRate: rate), seed: seed)
    for epoch in 1...15 {
      let step = try trainer.step(["text": ids("hello"), "next": ids("ohlol")], startsAfresh: true)
      let answer = try program.run(trainer.parameters.merging(["text": ids("hello")]) { $1 })
      let word = try answer["output"]?.values(as: Int32.self).map { letters[Int($0)] } ?? []
      print("epoch \(epoch):", String(word) + ", loss", String(format: "%.3f", step.loss))
    }
  }
}

/// A word as ids, `[T, 1]`.
func ids(_ word: String) -> Tensor {
  let ids = word.compactMap { letters.firstIndex(of: $0) }.map(Int32.init)
  return Tensor(ids, shape: [ids.count, 1])
}
