import ArgumentParser
import Foundation
import RNNCompiler

// The names of the ten digits, which differ in length, in four patterns: a label for each letter, a digit for a name, a
// name for a digit, and an Italian name for an English one. Each net learns all ten by heart.
//
//   swift run -c release Patterns

let english = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
let italian = ["zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"]
let names = sequences("word", english.map(ids))
let digits = ["digit": Tensor((0..<10).map(Int32.init))]

@main
struct Patterns: ParsableCommand {
  func run() throws {
    // Letters that a name holds twice become capitals.
    let twice = english.map { name in name.map { letter in name.count { $0 == letter } > 1 ? Int32(1) : 0 } }
    let labelled = zip(english, try label(twice)).map { name, labels in
      zip(name, labels).map { $1 == 1 ? $0.uppercased() : String($0) }.joined()
    }
    print("N → N:", labelled.joined(separator: " "))
    print("N → 1:", try read().map(String.init).joined(separator: " "))
    print("1 → N:", try write("Spell", english, from: digits).joined(separator: " "))
    print("N → M:", try write("Translate", italian, from: names, ragged: ["S"]).joined(separator: " "))
  }
}

func label(_ labels: [[Int32]]) throws -> [[Int32]] {
  let (program, parameters) = try learn("Label", ["T"], names.merging(sequences("label", labels)) { $1 })
  return columns(try program.run(names.merging(parameters) { $1 })["output"])
}

func read() throws -> [Int32] {
  let (program, parameters) = try learn("Read", ["T"], names.merging(digits) { $1 })
  return try program.run(names.merging(parameters) { $1 })["output"]?.values() ?? []
}

/// Learns to write words with the right letter before each, and then writes them with its own.
func write(
  _ model: String, _ words: [String], from input: [String: Tensor], ragged: Set<String> = []
) throws -> [String] {
  let letters = sequences("given", words.map { [0] + ids($0) })
    .merging(sequences("next", words.map { ids($0) + [0] })) { $1 }
  let (_, parameters) = try learn(model, ragged.union(["T"]), input.merging(letters) { $1 })

  let stream = try Stream(compile(model, ragged), parameters: parameters)
  var state = stream.start
  var inputs = input
  inputs["given"] = Tensor([Int32](repeating: 0, count: 10))
  var written = [String](repeating: "", count: 10)
  var isDone = [Bool](repeating: false, count: 10)
  while isDone.contains(false), written[0].count < 20 {
    let output = try stream.step(inputs, &state)["output"]
    for (word, letter) in try (output?.values(as: Int32.self) ?? []).enumerated() {
      isDone[word] = isDone[word] || letter == 0
      if !isDone[word] { written[word] += text([letter]) }
    }
    inputs["given"] = output
  }
  return written
}

/// Trains a model on ten examples until it knows them.
func learn(_ model: String, _ ragged: Set<String>, _ examples: [String: Tensor]) throws -> (
  Program, [String: Tensor]
) {
  let program = try compile(model, ragged)
  let trainer = try Trainer(program, optimizer: .adam(learningRate: 0.02), clipNorm: 1, seed: 0)
  for _ in 0..<150 { try trainer.step(examples, startsAfresh: true) }
  return (program, trainer.parameters)
}

func compile(_ model: String, _ ragged: Set<String>) throws -> Program {
  let file = URL(fileURLWithPath: "../patterns.rnn", relativeTo: URL(fileURLWithPath: #filePath))
  return try Compiler().compile(contentsOf: file, model: model, batch: 10, ragged: ragged)
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

/// The sequences of a tensor `[T, B]`, up to the longest length.
func columns(_ tensor: Tensor?) -> [[Int32]] {
  guard let tensor, let ids = try? tensor.values(as: Int32.self) else { return [] }
  let batch = tensor.shape[1]
  return (0..<batch).map { row in stride(from: row, to: ids.count, by: batch).map { ids[$0] } }
}

/// Letters from 1.
func ids(_ word: String) -> [Int32] { word.utf8.map { Int32($0) - 96 } }

func text(_ ids: [Int32]) -> String { String(decoding: ids.map { UInt8(96 + $0) }, as: UTF8.self) }
