import ArgumentParser
import Foundation
import RNNCompiler

// Learns to spell strings of 1 to 12 letters backwards: an encoder and a decoder with attention, gated recurrent units
// of 128 units, Adam with learning rate 0.005 that falls along a cosine, gradients clipped to a norm of 1, batches of 64.
// It is trained with the right letter before each, and then writes alone, on strings that it has not seen.
//
//   swift run -c release ReverseStrings

@main
struct ReverseStrings: ParsableCommand {
  @Option(help: "The letters of the longest strings.") var longest = 12
  @Option(help: "How often the parameters change.") var updates = 1500
  @Option(help: "Decides every random number.") var seed: UInt64 = 0

  func validate() throws {
    // There must be enough short strings for some to stay unseen.
    guard (4...100).contains(longest) else { throw ValidationError("--longest is a number from 4 to 100.") }
  }

  func run() throws {
    let start = ContinuousClock.now
    let model = URL(fileURLWithPath: "../reverse.rnn", relativeTo: URL(fileURLWithPath: #filePath))
    let program = try Compiler().compile(contentsOf: model, model: "Teach", batch: 64, ragged: ["S", "T"])
    let trainer = try Trainer(
      program, optimizer: .adam(learningRate: 0.005), schedule: .cosine(over: .updates(max(1, updates))),
      clipNorm: 1, seed: seed)
    var random = RandomStream(seed: seed, name: "training")
    var seen: Set<[Int32]> = []
    for update in stride(from: 1, through: updates, by: 1) {
      let words = (0..<64).map { _ in word(longest, &random) }
      seen.formUnion(words)
      let step = try trainer.step(examples(words), startsAfresh: true)
      if update % 200 == 0 { print("update \(update): loss", String(format: "%.5f", step.loss)) }
    }
    let seconds = (ContinuousClock.now - start).seconds

    var others = RandomStream(seed: seed, name: "test")
    var words: [[Int32]] = []
    while words.count < 1000 {
      let word = word(longest, &others)
      if !seen.contains(word) { words.append(word) }
    }
    let reversed = try reverse(words, with: trainer.parameters, model)
    for (word, result) in zip(words, reversed).prefix(3) { print(text(word), "→", text(result)) }
    let share = Double(zip(words, reversed).count { $0.reversed() == $1 }) / Double(words.count)
    print("exact on 1000 strings that it has not seen:", String(format: "%.1f %%", 100 * share))
    print("compiled and trained in", String(format: "%.1f s", seconds))
  }
}

/// What the decoder writes by itself, up to its first 0.
func reverse(
  _ words: [[Int32]], with parameters: [String: Tensor], _ model: URL
) throws -> [[Int32]] {
  let program = try Compiler().compile(
    contentsOf: model, model: "Reverse", batch: words.count, ragged: ["S"])
  var inputs = parameters.merging(sequences("word", words)) { $1 }
  inputs["clock"] = Tensor(.f32, shape: [1 + (words.map(\.count).max() ?? 0), words.count])
  let letters = try program.run(inputs)["output"]?.values(as: Int32.self) ?? []
  return words.indices.map { word in
    let column = stride(from: word, to: letters.count, by: words.count).map { letters[$0] }
    return Array(column.prefix { $0 != 0 })
  }
}

/// The words, their letters backwards behind a 0, and the same in front of one.
func examples(_ words: [[Int32]]) -> [String: Tensor] {
  let reversed = words.map { Array($0.reversed()) }
  return sequences("word", words)
    .merging(sequences("given", reversed.map { [0] + $0 })) { $1 }
    .merging(sequences("next", reversed.map { $0 + [0] })) { $1 }
}

/// Sequences as a tensor `[T, B]`, with their lengths.
func sequences(_ name: String, _ rows: [[Int32]]) -> [String: Tensor] {
  let steps = rows.map(\.count).max() ?? 0
  let ids = (0..<steps).flatMap { step in rows.map { step < $0.count ? $0[step] : 0 } }
  return [
    name: Tensor(ids, shape: [steps, rows.count]),
    "\(name).lengths": Tensor(rows.map { Int32($0.count) }),
  ]
}

func word(_ longest: Int, _ random: inout RandomStream) -> [Int32] {
  (0...random.integer(below: longest)).map { _ in Int32(1 + random.integer(below: 26)) }
}

func text(_ word: [Int32]) -> String {
  String(decoding: word.map { UInt8(96 + $0) }, as: UTF8.self)
}
