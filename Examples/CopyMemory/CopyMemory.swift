import ArgumentParser
import Foundation
import RNNCompiler

// Learns to say 10 symbols of 8 kinds again after 50 steps: a recurrent net of 128 units with an orthogonal matrix and
// without a squash, Adam with learning rate 0.001, gradients clipped to a norm of 1, batches of 64.
//
//   swift run -c release CopyMemory

let length = 10

@main
struct CopyMemory: ParsableCommand {
  @Option(help: "The steps of silence between seeing and saying.") var delay = 50
  @Option(help: "How often the parameters change.") var updates = 1500
  @Option(help: "Decides every random number.") var seed: UInt64 = 0

  func validate() throws {
    guard (1...10_000).contains(delay) else { throw ValidationError("--delay is a number from 1 to 10000.") }
  }

  func run() throws {
    let start = ContinuousClock.now
    let model = URL(fileURLWithPath: "../copy.rnn", relativeTo: URL(fileURLWithPath: #filePath))
    let program = try Compiler().compile(contentsOf: model, batch: 64)
    let trainer = try Trainer(program, optimizer: .adam(learningRate: 0.001), clipNorm: 1, seed: seed)
    var random = RandomStream(seed: seed, name: "training")
    for update in stride(from: 1, through: updates, by: 1) {
      let step = try trainer.step(examples(64, delay, &random), startsAfresh: true)
      if update % 100 == 0 { print("update \(update): loss", String(format: "%.5f", step.loss)) }
    }
    let seconds = (ContinuousClock.now - start).seconds

    var others = RandomStream(seed: seed, name: "test")
    let data = examples(1000, delay, &others)
    let results = try program.with(batch: 1000).run(data.merging(trainer.parameters) { $1 })
    // The symbols are what counts: that nothing is said before is easy.
    let said = try results["output"]?.values(as: Int32.self).suffix(length * 1000) ?? []
    let right = try data["said"]?.values(as: Int32.self).suffix(length * 1000) ?? []
    let share = Double(zip(said, right).count { $0 == $1 }) / Double(right.count)
    print("right symbols of 1000 other sequences:", String(format: "%.2f %%", 100 * share))
    print("compiled and trained in", String(format: "%.1f s", seconds))
  }
}

/// Sequences `[T, B]`: symbols from 2, then silence, 0, with a 1 where they are to be said again.
func examples(_ count: Int, _ delay: Int, _ random: inout RandomStream) -> [String: Tensor] {
  let steps = delay + 2 * length
  let symbols = (0..<length * count).map { _ in Int32(2 + random.integer(below: 8)) }
  let wait = [Int32](repeating: 0, count: delay * count)
  let silence = [Int32](repeating: 0, count: length * count)
  let signal = [Int32](repeating: 1, count: count)
  let seen = symbols + wait.dropLast(count) + signal + silence
  return [
    "seen": Tensor(seen, shape: [steps, count]),
    "said": Tensor(silence + wait + symbols, shape: [steps, count]),
  ]
}
