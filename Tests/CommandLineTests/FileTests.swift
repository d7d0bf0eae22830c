import Foundation
import RNNCompiler
import Testing

/// What files of tensors hold, and what commands say of it.
@Suite("Files of tensors")
struct FileTests {
  let command: Command

  init() throws {
    command = try Command()
    try command.write(
      """
      model M(I = 2, H = 3) {
          input x: seq [I]
          target y: seq [H]
          l = Linear(I, H)
          drop = Dropout(H, 50)
          q = drop(l(x))
          output q
          loss mse(q, y)
      }
      """, to: "model.rnn")
  }

  /// Three examples of four steps, and perhaps parameters.
  private func write(
    _ name: String, parameters: Bool = true, layout: SequenceLayout? = nil,
    _ change: (inout [String: Tensor]) -> Void = { _ in }
  ) throws {
    var tensors = [
      "x": Tensor((0..<24).map { Float($0) / 24 }, shape: [3, 4, 2]),
      "y": Tensor((0..<36).map { Float($0) / 36 }, shape: [3, 4, 3]),
    ]
    if layout == .timeMajor { tensors = tensors.mapValues { $0.swappingFirstAxes() } }
    if parameters {
      tensors["l.W"] = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])
      tensors["l.b"] = Tensor([7, 8, 9] as [Float])
    }
    change(&tensors)
    var file = Safetensors(tensors: tensors)
    if let layout { file.declare(layout) }
    try file.write(toFile: command.path(name))
  }

  private func run(_ more: String...) throws -> Outcome {
    try command.run(["run", "model.rnn", "--interpret", "-o", "out.st"] + more)
  }

  private func expect(
    _ outcome: Outcome, says parts: String..., status: Int32 = 1,
    at location: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: location)
    for part in parts {
      #expect(outcome.errors.contains(part), "\(part) in: \(outcome.errors)", sourceLocation: location)
    }
  }

  // MARK: The order of axes

  /// Examples come first in all files, whatever command reads or writes them, unless an option says otherwise.
  @Test func runsAndTrainingReadTheSameFile() throws {
    func loss(_ file: String, _ more: String...) throws -> (run: Float, training: String) {
      let ran = try command.run(
        ["run", "model.rnn", "--interpret", "-o", "out.st", "--tensors", file] + more)
      #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran.errors)")
      let trained = try command.run(
        ["train", "model.rnn", "--interpret", "--epochs", "1", "--data", "data-\(file)"] + more)
      #expect(trained.status == 0, "\(trained.errors)")
      let words = try #require(trained.output.firstMatch(of: /loss ([0-9.e-]+)/))
      let results = try Safetensors(contentsOfFile: command.path("out.st")).tensors
      return (try #require(results["loss"]).values(as: Float.self)[0], String(words.1))
    }
    for (name, layout) in [
      ("plain.st", nil), ("rows.st", SequenceLayout.batchMajor), ("steps.st", .timeMajor),
    ] {
      try write(name, layout: layout)
      try write("data-\(name)", parameters: false, layout: layout)
    }
    let expected = try loss("plain.st")
    #expect(try loss("rows.st") == expected)
    #expect(try Safetensors(contentsOfFile: command.path("out.st")).metadata["rnnc.layout"] == "batch-major")
    #expect(try loss("steps.st", "--layout", "time-major") == expected)
    let results = try Safetensors(contentsOfFile: command.path("out.st"))
    #expect(results.metadata["rnnc.layout"] == "time-major" && results.tensors["q"]?.shape == [4, 3, 3])
    // Wrong is what fits neither way, and what the file itself denies.
    expect(
      try run("--tensors", "steps.st"), says: "'steps.st' says of itself that its sequences are [T, N, …]",
      "--layout time-major")
    expect(
      try run("--tensors", "rows.st", "--layout", "time-major"), says: "'rows.st'", "--layout batch-major")
    expect(
      try command.run("train", "model.rnn", "--data", "data-steps.st"),
      says: "'data-steps.st' says of itself",
      "--layout time-major")
    expect(
      try command.run("train", "model.rnn", "--data", "data-rows.st", "--layout", "time-major"),
      says: "'data-rows.st'")
    var odd = try Safetensors(contentsOfFile: command.path("plain.st"))
    odd.metadata = ["rnnc.layout": "sideways"]
    try odd.write(toFile: command.path("odd.st"))
    expect(try run("--tensors", "odd.st"), says: "is 'sideways', and not time-major or batch-major")
    try write("mixed.st") { $0["y"] = $0["y"]?.swappingFirstAxes() }
    expect(try run("--tensors", "mixed.st"), says: "tensor 'y' is f32[4, 3, 3]", "it would fit as [T, N, …]")
  }

  /// A checkpoint remembers the order of its files.
  @Test func aResumedRunReadsItsFilesAsBefore() throws {
    try write("steps.st", parameters: false, layout: .timeMajor)
    let train = [
      "train", "model.rnn", "--data", "steps.st", "--layout", "time-major", "--interpret", "--epochs", "1",
    ]
    #expect(try command.run(train + ["--checkpoint", "c.st"]).status == 0)
    let resumed = try command.run("train", "--resume", "c.st", "--epochs", "2", "--interpret")
    #expect(resumed.status == 0, "\(resumed.errors)")
    expect(
      try command.run("train", "model.rnn", "--text", "a.txt", "--layout", "time-major"),
      says: "--text is about text, but --layout about a data set")
  }

  // MARK: What else a file holds

  @Test func parametersUnderBothNamesAreTheSame() throws {
    try write("both.st") { $0["l.weight"] = $0["l.W"] }
    #expect(try run("--tensors", "both.st").status == 0)
    try write("both.st") { $0["l.weight"] = Tensor(.f32, shape: [3, 2]) }
    expect(
      try run("--tensors", "both.st"),
      says: "tensors 'l.W' and 'l.weight' of 'both.st' are different, but both are 'l.W' of the model")
  }

  @Test func whatIsNotUsedIsNamed() throws {
    try write("more.st") { tensors in
      tensors["seed"] = Tensor([3 as Int32], shape: [])
      tensors["x.lengths"] = Tensor([4, 2, 1] as [Int32])
      for name in ["coef.q", "xx", "optimizer.a"] { tensors[name] = Tensor([1 as Float]) }
    }
    let outcome = try run("--tensors", "more.st")
    expect(
      outcome, says: "warning: tensors 'coef.q', 'seed', 'xx' of 'more.st' are not used",
      "random draws are made with --seed", "--gradients", status: 0)
    try write("other.st") { $0["l.biass"] = Tensor(.f32, shape: [3]) }
    expect(
      try run("--tensors", "other.st"), says: "warning: tensor 'l.biass' of 'other.st' is not used", status: 0
    )
  }

  /// Half of the outputs are dropped, and which ones the number says.
  @Test func randomDrawsAreMadeWithASeed() throws {
    try write("in.st")
    func output(_ options: [String]) throws -> [Double] {
      let outcome = try command.run(
        ["run", "model.rnn", "--interpret", "--tensors", "in.st", "-o", "out.st"] + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let tensors = try Safetensors(contentsOfFile: command.path("out.st")).tensors
      return try #require(tensors["q"]).values(as: Float.self).map(Double.init)
    }
    let (plain, first) = (try output([]), try output(["--seed", "1"]))
    #expect(zip(first, plain).allSatisfy { $0 == 0 || $0 == 2 * $1 })
    #expect(first.contains(0) && first.contains { $0 != 0 })
    #expect(try output(["--seed", "1"]) == first)
    #expect(try output(["--seed=-2"]) != first)
    try command.write("model P { input x: seq [2]; output q = x }", to: "plain.rnn")
    expect(
      try command.run("run", "plain.rnn", "--tensors", "in.st", "-o", "out.st", "--seed", "1"),
      says: "model 'P' makes no random draws", "sample and gumbel_softmax draw")
  }

  @Test func aBatchOfNothingIsNamed() throws {
    try write("none.st") { $0["x"] = Tensor(.f32, shape: [0, 4, 2]) }
    expect(try run("--tensors", "none.st"), says: "tensor 'x' holds no examples: it is f32[0, 4, 2]")
  }

  /// Rows of parameters are no examples.
  @Test func parametersInADataSetAreNamed() throws {
    try write("all.st") { $0["x"] = Tensor(.f32, shape: [5, 4, 2]) }
    expect(
      try command.run("train", "model.rnn", "--data", "all.st"),
      says: "'all.st' holds 'l.W', which is a parameter of the model and no data", "a data set holds x, y")
  }

  // MARK: Numbers

  @Test func aLossOfNothingIsRefused() throws {
    try write("empty.st", parameters: false) { $0["x.lengths"] = Tensor([0, 0, 0] as [Int32]) }
    let outcome = try command.run("train", "model.rnn", "--data", "empty.st", "--interpret", "--json")
    expect(outcome, says: "'empty.st' has nothing to compute a loss of: every length of 'x.lengths' is 0")
    #expect(outcome.output.isEmpty)
  }

  /// The loss of a token that is given a probability of e to the power of -1000.
  @Test func aPerplexityThatIsTooLargeIsNull() throws {
    try command.write(
      """
      model M(V = 28) {
          input text: seq token(V)
          target next: seq token(V)
          e = Embedding(V, V)
          y = e(text)
          output softmax(y)
          loss cross_entropy(y - 1000 * onehot(next), next)
      }
      """, to: "text.rnn")
    try command.write(sampleText, to: "text.txt")
    let train = ["train", "text.rnn", "--text", "text.txt", "--epochs", "1", "--batch", "2", "--interpret"]
    let words = try command.run(train + ["--max-tokens", "200"])
    #expect(
      words.status == 0 && words.output.contains(/epoch 1\/1  loss 100\d, whose perplexity is above 1e308/),
      "\(words)")
    let json = try command.run(train + ["--max-tokens", "200", "--validate-text", "text.txt", "--json"])
    let lines = json.output.split(separator: "\n")
    #expect(lines.count == 2, "\(json.errors)")
    for line in lines {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(try #require(object["loss"] as? Double) > 900 && object["perplexity"] is NSNull, "\(line)")
      #expect(object["validation_perplexity"] is NSNull && object["accuracy"] is Double)
      #expect(!line.contains("nan") && !line.contains("inf"))
    }
  }
}
