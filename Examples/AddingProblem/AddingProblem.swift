import ArgumentParser
import Foundation
import RNNCompiler

// Learns to add the two marked numbers of a sequence of 100: a gated recurrent unit of 64 units, Adam with learning rate
// 0.003, gradients clipped to a norm of 1, batches of 64.
//
//   swift run -c release AddingProblem

@main
struct AddingProblem: ParsableCommand {
  @Option(help: "The length of the sequences.") var steps = 100
  @Option(help: "How often the parameters change.") var updates = 1000
  @Option(help: "Decides every random number.") var seed: UInt64 = 0

  func validate() throws {
    guard (2...10_000).contains(steps) else { throw ValidationError("--steps is a number from 2 to 10000.") }
  }

  func run() throws {
    let start = ContinuousClock.now
    let model = URL(fileURLWithPath: "../adding.rnn", relativeTo: URL(fileURLWithPath: #filePath))
    let program = try Compiler().compile(contentsOf: model, batch: 64)
    let trainer = try Trainer(program, optimizer: .adam(learningRate: 0.003), clipNorm: 1, seed: seed)
    var random = RandomStream(seed: seed, name: "training")
    for update in stride(from: 1, through: updates, by: 1) {
      let step = try trainer.step(examples(64, steps, &random), startsAfresh: true)
      if update % 100 == 0 { print("update \(update): squared error", String(format: "%.4f", step.loss)) }
    }
    let seconds = (ContinuousClock.now - start).seconds

    var others = RandomStream(seed: seed, name: "test")
    let data = examples(1000, steps, &others).merging(trainer.parameters) { $1 }
    let loss = try program.with(batch: 1000).run(data)["loss"]?.values(as: Float.self).first ?? .nan
    print("squared error on 1000 other sequences:", String(format: "%.5f", loss))
    print("compiled and trained in", String(format: "%.1f s", seconds))
  }
}

/// Sequences of a number and a mark, `[T, B, 2]`, each half of which has a mark, and the sums of the marked numbers.
func examples(_ count: Int, _ steps: Int, _ random: inout RandomStream) -> [String: Tensor] {
  var x = [Float](repeating: 0, count: 2 * steps * count)
  var answers = [Float](repeating: 0, count: count)
  for place in stride(from: 0, to: x.count, by: 2) { x[place] = Float(random.uniform()) }
  for example in 0..<count {
    for half in [0, steps / 2] {
      let place = 2 * ((half + random.integer(below: steps / 2)) * count + example)
      x[place + 1] = 1
      answers[example] += x[place]
    }
  }
  return ["x": Tensor(x, shape: [steps, count, 2]), "answer": Tensor(answers)]
}
