import Foundation
import RNNCompiler
import Testing

@Suite("Training on a data set")
struct DataTests {
  let command: Command

  /// Which token came first?
  static let model = """
    model First(V = 4, H = 12) {
        input  x: seq token(V)
        target first: token(V)

        rnn = GRU(V, H)
        out = Linear(H, V)

        y = out(last(rnn(onehot(x))))
        output softmax(y)
        loss   cross_entropy(y, first)
    }
    """

  init() throws {
    command = try Command()
    try command.write(Self.model, to: "model.rnn")
    try write(100, seed: 1, to: "train.st")
    try write(30, seed: 2, to: "validate.st")
  }

  /// Examples of three tokens, and what `change` makes of them.
  private func write(
    _ count: Int, seed: UInt64, to name: String, _ change: (inout [String: Tensor]) -> Void = { _ in }
  ) throws {
    var stream = RandomStream(seed: seed, name: "data")
    let x = (0..<(3 * count)).map { _ in Int64(stream.integer(below: 4)) }
    let first = (0..<count).map { Int32(x[3 * $0]) }
    var tensors = ["x": Tensor(x, shape: [count, 3]), "first": Tensor(first)]
    change(&tensors)
    try Safetensors(tensors: tensors).write(toFile: command.path(name))
  }

  private func train(_ more: String...) -> [String] {
    ["train", "model.rnn", "--data", "train.st", "--batch", "16"] + more
  }

  private func lines(_ outcome: Outcome) throws -> [[String: Any]] {
    try outcome.output.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test func aSmallProblemIsLearned() throws {
    let outcome = try command.run(
      train("--validate", "validate.st", "--epochs", "25", "--json", "--checkpoint", "c.st"))
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let objects = try lines(outcome)
    #expect(objects.count == 26)
    #expect((objects[0]["accuracy"] as? Double ?? 1) < 0.8 && (objects[0]["loss"] as? Double ?? 0) > 1)
    #expect(objects[24]["accuracy"] as? Double == 1 && objects[24]["validation_accuracy"] as? Double == 1)
    for key in ["examples_per_second", "validation_loss", "seconds"] {
      #expect((objects[24][key] as? Double ?? 0) > 0, "\(key)")
    }
    let best = try #require(objects.prefix(25).filter { $0["is_best"] as? Bool == true }.last)
    #expect(objects[25]["best_epoch"] as? Int == best["epoch"] as? Int)
    #expect(objects[25]["best_validation_loss"] as? Double == best["validation_loss"] as? Double)
    #expect(objects[25]["perplexity"] == nil && (objects[25]["compile_seconds"] as? Double ?? 0) > 0)

    // The file is at once what 'rnnc run' reads: the best parameters under their paths.
    let program = try Compiler().compile(contentsOfFile: command.path("model.rnn"), batch: 30)
    let parameters = try program.load(contentsOfFile: command.path("c.st"))
    let data = try Dataset(contentsOfFile: command.path("validate.st"))
    let loss = try program.evaluate(data, parameters: parameters).loss
    #expect(abs(loss - (try #require(best["validation_loss"] as? Double))) < 1e-6)

    let words = try command.run(train("--validate", "validate.st", "--epochs", "2", "--patience", "5"))
    #expect(
      words.output.contains(/epoch 1\/2  loss 1\.\d+  accuracy \d+\.00 %  validation loss/), "\(words.output)"
    )
    #expect(words.output.contains("best validation loss"))
  }

  @Test func aContinuedRunEndsWithTheSameBits() throws {
    let more = ["--validate", "validate.st", "--threads", "2"]
    #expect(try command.run(train("--epochs", "7", "--checkpoint", "whole.st") + more).status == 0)
    #expect(try command.run(train("--epochs", "3", "--checkpoint", "c.st") + more).status == 0)
    #expect(try command.contents("c.st") != command.contents("whole.st"))
    let resumed = try command.run("train", "model.rnn", "--resume", "c.st", "--epochs", "7", "--threads", "2")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try command.contents("c.st") == command.contents("whole.st"))
  }

  /// Processes that make the same code at once leave one file, and each trains as if it were alone.
  @Test func processesShareACache() throws {
    let arguments = train("--epochs", "2", "--json", "--threads", "1")
    func losses(_ outcome: Outcome) throws -> [Double] {
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
      return try lines(outcome).compactMap { $0["loss"] as? Double }
    }
    let processes = try (0..<4).map { _ in try command.start(arguments) }
    let found = try processes.map { try losses(command.finish($0)) }
    let files = try FileManager.default.contentsOfDirectory(atPath: command.path("cache"))
    let again = try command.run(arguments)
    #expect(found[0].count >= 2)
    #expect(try found == Array(repeating: losses(again), count: 4))
    #expect(!files.isEmpty && files.allSatisfy { !$0.contains("tmp") })
    #expect(try FileManager.default.contentsOfDirectory(atPath: command.path("cache")).count == files.count)
  }

  /// Code and interpreter agree on examples of different lengths, a smaller last batch and the validation.
  @Test func raggedDataTrainAlikeInTheInterpreter() throws {
    for (name, count) in [("ragged.st", 9), ("other.st", 5)] {
      try write(count, seed: 5, to: name) {
        $0["x.lengths"] = Tensor((0..<count).map { Int64(($0 + 2) % 4) })
      }
    }
    let results = try [[], ["--interpret"]].map { more in
      let outcome = try command.run(
        [
          "train", "model.rnn", "--data", "ragged.st", "--validate", "other.st", "--batch", "4", "--epochs",
          "2",
        ]
          + ["--set", "H=3", "--json"] + more)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let last = try #require(try lines(outcome).last)
      return try ["loss", "accuracy", "validation_loss"].map { try #require(last[$0] as? Double) }
    }
    for (code, interpreter) in zip(results[0], results[1]) { #expect(abs(code - interpreter) < 1e-5) }
  }

  @Test func patienceEndsARun() throws {
    // Nothing can be learned about labels that are drawn.
    try write(30, seed: 3, to: "random.st") { $0["first"] = Tensor((0..<30).map { Int32($0 * 7 % 4) }) }
    let outcome = try command.run(
      train("--validate", "random.st", "--epochs", "500", "--patience", "4", "--json"))
    let objects = try lines(outcome)
    let last = try #require(objects.last)
    #expect(last["stopped_early"] as? Bool == true && objects.count < 500)
    #expect(objects.count - 1 == (last["best_epoch"] as? Int ?? 0) + 4)
  }

  /// The loss is a number for some steps, then it is not: the file keeps the last epoch that was whole.
  @Test func divergenceStopsTheRunAndKeepsTheCheckpoint() throws {
    try command.write(
      """
      model Grow(H = 1) {
          input  x: [H]
          target y: [H]
          p = Linear(H, H)
          output p(x)
          loss   mse(p(x), y)
      }
      """, to: "grow.rnn")
    let tensors = [
      "x": Tensor([Float](repeating: 3, count: 4), shape: [4, 1]), "y": Tensor(.f32, shape: [4, 1]),
    ]
    try Safetensors(tensors: tensors).write(toFile: command.path("grow.st"))
    let arguments = [
      "train", "grow.rnn", "--data", "grow.st", "--clip", "0", "--lr", "30", "--epochs", "500",
    ]
    let outcome = try command.run(arguments + ["--checkpoint", "c.st"])
    #expect(outcome.status == 1)
    let step = try #require(
      outcome.errors.firstMatch(of: /error: the loss became (inf|nan) in step (\d+) \(epoch/))
    for part in ["--lr", "--clip", "'c.st' holds the run as it was after step"] {
      #expect(outcome.errors.contains(part), "\(outcome.errors)")
    }
    let checkpoint = try Checkpoint(contentsOfFile: command.path("c.st"))
    #expect(checkpoint.parameters.values.allSatisfy { $0.firstNonFinite == nil })
    let last = try #require(Int(step.2))
    #expect((1..<last).contains(checkpoint.metadata.position.step) && last < 100)
    let unkept = try command.run(arguments)
    #expect(unkept.status == 1 && unkept.errors.contains("diverged"))
  }

  @Test func wrongDataIsExplained() throws {
    func expect(
      _ arguments: [String], says parts: [String], at location: SourceLocation = #_sourceLocation
    ) throws {
      let outcome = try command.run(arguments)
      #expect(outcome.status == 1, "\(outcome.errors)", sourceLocation: location)
      for part in parts {
        #expect(outcome.errors.contains(part), "\(part) in: \(outcome.errors)", sourceLocation: location)
      }
    }
    func bad(_ parts: String..., change: (inout [String: Tensor]) -> Void) throws {
      try write(20, seed: 1, to: "bad.st", change)
      try expect(["train", "model.rnn", "--data", "bad.st"], says: parts)
      try expect(train("--validate", "bad.st"), says: parts)
    }
    try bad("'bad.st' has no tensor 'first'") { $0["first"] = nil }
    try bad("'bad.st' holds a tensor 'y' that the model does not take", "x, first") {
      $0["y"] = Tensor(.f32, shape: [20])
    }
    try bad("tensor 'x' of 'bad.st' has 20 examples, but 'first' has 19") {
      $0["first"] = Tensor(.i32, shape: [19])
    }
    try bad("tensor 'first' of 'bad.st' is i32[20, 1], but the model wants i32[20]") {
      $0["first"] = Tensor(.i32, shape: [20, 1])
    }
    try bad("tensor 'x' of 'bad.st' holds token 4 at [0, 1], which is outside the vocabulary", "0 to 3") {
      $0["x"] = Tensor((0..<60).map { Int64($0 == 1 ? 4 : 0) }, shape: [20, 3])
    }
    try bad("tensor 'rnn.h' of 'bad.st' holds nan at [3, 5]") { tensors in
      tensors["rnn.h"] = Tensor((0..<240).map { $0 == 41 ? .nan : Float(0) }, shape: [20, 12])
    }
    try bad("'bad.st' holds no examples") {
      $0 = ["x": Tensor(.i32, shape: [0, 3]), "first": Tensor(.i32, shape: [0])]
    }
    try bad("T must be 1 or more") { $0["x"] = Tensor(.i32, shape: [20, 0]) }

    try command.write("", to: "empty.st")
    try command.write("no tensors at all", to: "damaged.st")
    try expect(["train", "model.rnn", "--data", "none.st"], says: ["data file 'none.st'", "no such file"])
    try expect(["train", "model.rnn", "--data", "empty.st"], says: ["data file 'empty.st' is empty"])
    try expect(["train", "model.rnn", "--data", "damaged.st"], says: ["data file 'damaged.st' is damaged"])
    try expect(train("--text", "a.txt"), says: ["--text is about text, but --data about a data set"])
    try expect(train("--steps", "5"), says: ["--steps is about text"])
    try expect(train("--patience", "3"), says: ["patience needs data to validate with"])
    try expect(train("--patience", "0"), says: ["--patience 0"])
    #expect(try command.run(train("--epochs", "1", "--checkpoint", "c.st")).status == 0)
    try expect(
      ["train", "model.rnn", "--resume", "c.st", "--data", "validate.st"],
      says: ["'c.st' was made with other data"])
    try expect(
      ["train", "model.rnn", "--resume", "c.st", "--tokens", "word"], says: ["--tokens makes no sense here"])
    try expect(["generate", "c.st", "--prefix", "a"], says: ["not of a model that reads text"])
  }

  @Test func numbersThatAreNotFiniteAreFoundWhereverTheyAre() throws {
    try command.write(
      """
      model M(H = 3) {
          input x: seq [H]
          rnn = GRU(H, H)
          output rnn(x)
      }
      """, to: "run.rnn")
    let program = try Compiler().compile(contentsOfFile: command.path("run.rnn"), batch: 2)
    var good = try program.initialParameters(seed: 0)
    good["x"] = Tensor(.f32, shape: [2, 4, 3])
    good["rnn.h"] = Tensor(.f32, shape: [2, 3])
    for (name, place) in [("x", "[0, 2, 1]"), ("rnn.U", "[2, 1]"), ("rnn.h", "[0, 1]")] {
      var tensors = good
      let shape = try #require(good[name]).shape
      var numbers = [Float](repeating: 0, count: shape.reduce(1, *))
      numbers[7 % numbers.count] = name == "x" ? -.infinity : .nan
      tensors[name] = Tensor(numbers, shape: shape)
      try Safetensors(tensors: tensors).write(toFile: command.path("in.st"))
      let outcome = try command.run("run", "run.rnn", "--tensors", "in.st", "-o", "out.st")
      #expect(outcome.status == 1)
      #expect(
        outcome.errors.contains("tensor '\(name)' holds \(name == "x" ? "-inf" : "nan") at \(place)"),
        "\(outcome.errors)")
    }
  }

  @Test func aModelWithoutAValueAtThePointCannotBeChecked() throws {
    try command.write(
      "model M(H = 2) {\n  input x: [H]\n  y = log(x)\n  output y\n  loss sum(y * y)\n}\n", to: "log.rnn")
    let outcome = try command.run("gradcheck", "log.rnn")
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.contains("the gradient cannot be checked: 'y' holds nan at ["), "\(outcome.errors)")
    #expect(!outcome.errors.contains("kink"))
  }
}

@Suite("Vocabularies")
struct VocabularyTests {
  @Test func aVocabularyIsKeptUsedAndChecked() throws {
    let command = try Command()
    let model = Command.example("char-gru")
    try command.write(sampleText, to: "text.txt")
    try command.write(
      "It was the age of wisdom, it was the age of foolishness.\n" + sampleText, to: "other.txt")
    func train(_ text: String, _ more: String...) throws -> Outcome {
      try command.run(
        ["train", model, "--text", text, "--set", "H=8", "--batch", "2", "--steps", "5", "--epochs", "1"]
          + more)
    }
    let first = try train(
      "text.txt", "--vocabulary", "v.json", "--reserved", "<pad>,<bos>", "--min-freq", "60")
    #expect(first.status == 0, "\(first.errors)")
    let vocabulary = try Vocabulary(contentsOfFile: command.path("v.json"))
    #expect(vocabulary.tokens.prefix(4) == ["<unk>", "<pad>", "<bos>", " "] && vocabulary.id(of: "b") == 0)
    // Another text is read with the same ids, and validates a run.
    let second = try train(
      "other.txt", "--vocabulary", "v.json", "--validate-text", "text.txt", "--checkpoint", "c.st", "--json")
    #expect(second.status == 0 && second.output.contains("\"validation_perplexity\":"), "\(second.errors)")
    #expect(try Checkpoint(contentsOfFile: command.path("c.st")).metadata.vocabulary == vocabulary)
    #expect(try Vocabulary(contentsOfFile: command.path("v.json")) == vocabulary)

    func expect(_ outcome: Outcome, says part: String, at location: SourceLocation = #_sourceLocation) {
      #expect(
        outcome.status == 1 && outcome.errors.contains(part), "\(outcome.errors)", sourceLocation: location)
    }
    try command.write("[\"<unk>\", \"a\"", to: "cut.json")
    expect(try train("text.txt", "--vocabulary", "cut.json"), says: "vocabulary 'cut.json' is damaged")
    expect(try train("text.txt", "--reserved", "<pad>,<pad>"), says: "'<pad>' twice")
    expect(try train("text.txt", "--reserved", "<pad>,"), says: "without a letter")
    try command.write("[\"<unk>\", \"a\"]", to: "other.json")
    expect(
      try command.run("train", model, "--resume", "c.st", "--vocabulary", "other.json"),
      says: "another vocabulary")
    expect(try train("text.txt", "--vocabulary", "/no/such/v.json"), says: "cannot write")
  }
}
