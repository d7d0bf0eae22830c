import Foundation
import Testing

@Suite("Bad input gets a clear message and status 1")
struct BadInputTests {
  let command: Command
  let model = Command.example("char-gru")

  init() throws {
    command = try Command()
    try command.write(sampleText, to: "text.txt")
  }

  private func expect(
    _ arguments: [String], says parts: [String], status: Int32 = 1,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try command.run(arguments)
    #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: location)
    for part in parts {
      #expect(outcome.errors.contains(part), "\(part) in: \(outcome.errors)", sourceLocation: location)
    }
  }

  /// What stands in a model in place of a right line, and what rnnc says.
  struct Fault: Sendable {
    let line: String
    let messages: [String]
  }

  @Test(arguments: [
    Fault(line: "rnn = GRUU(V, H)", messages: ["model.rnn:5:9: error", "'GRUU'", "did you mean 'GRU'"]),
    Fault(line: "rnn = GRU(V)", messages: ["model.rnn:5:", "error"]),
    Fault(line: "rnn = GRU(H, H)", messages: ["model.rnn:", "error"]),
    Fault(line: "rnn = GRU(V, H", messages: ["model.rnn:", "error"]),
    Fault(line: "z = rnn(onehot(text))", messages: ["model.rnn:5:", "error", "rnn"]),
  ])
  func faultsOfTheModelHaveAPlace(_ fault: Fault) throws {
    let source = """
      model M(V = 28, H = 8) {
          input  text: seq token(V)
          target next: seq token(V)

          \(fault.line)
          out = Linear(H, V)
          y = out(rnn(onehot(text)))
          output softmax(y)
          loss   cross_entropy(y, next)
      }
      """
    try command.write(source.replacing("          ", with: "    "), to: "model.rnn")
    for subcommand in ["check", "compile"] {
      try expect([subcommand, "model.rnn"], says: fault.messages.map { $0.replacing(":5:9", with: ":5:11") })
    }
  }

  @Test func statesAreAssignedOnce() throws {
    let cell =
      "cell C(H) {\n  input x: [H]\n  state h: [H]\n  BODY\n  output x\n}\nmodel M(H = 2) {\n  input x: seq [H]\n  c = C(H)\n  output c(x)\n}\n"
    for (body, message) in [("", "h"), ("h' = x\n  h' = x", "h"), ("y = z\n  z = x\n  h' = y", "z")] {
      try command.write(cell.replacing("BODY", with: body), to: "model.rnn")
      try expect(["check", "model.rnn"], says: ["model.rnn:", "error", "'\(message)"])
    }
  }

  @Test func sizesAndOptions() throws {
    try expect(["compile", model, "--set", "H=0"], says: ["size 'H' must be positive, found 0"])
    try expect(["compile", model, "--set", "H=-3"], says: ["'H' must be positive"])
    try expect(["compile", model, "--set", "K=3"], says: ["no size 'K'", "V, H"])
    try expect(["compile", model, "--set", "H=99999999999"], says: ["too large"])
    try expect(["train", model, "--text", "text.txt", "--set", "H=300000"], says: ["GB of memory"])
    try expect(["compile", model, "--batch", "0"], says: ["a batch of 0"])
    try expect(["compile", model, "--threads", "0"], says: ["0 threads"])
    try expect(["compile", model, "--target", "zen9"], says: ["unknown target 'zen9'"])
    try expect(["compile", model, "--print-after", "nothing"], says: ["no pass 'nothing'", "simplify"])
    try expect(["compile", "none.rnn"], says: ["cannot read 'none.rnn'", "no such file"])
    try expect(["compile", model, "--model", "Other"], says: ["no model 'Other'", "CharLM"])
    try expect(["show", "GRUU"], says: ["no cell or function 'GRUU'", "did you mean 'GRU'"])
  }

  @Test func wrongUsageIs64() throws {
    for arguments in [
      ["compile"], ["compile", model, "--set", "H"], ["compile", model, "--emit", "poem"], ["fly"],
      ["train", model, "--epochs", "many"], ["compile", model, "--dtype", "f16"],
      ["train", model, "--betas", "0.9"], ["compile", model, "--memory-limit", "lots"],
      ["train", model, "--memory-limit", "-1M"], ["train"], ["train", "--text", "text.txt"],
    ] {
      try expect(arguments, says: ["Error:", "--help"], status: 64)
    }
  }

  /// None of two values is dropped without a word; lists and flags may be repeated.
  @Test func anOptionOfOneValueIsGivenOnce() throws {
    for (arguments, name) in [
      (["run", model, "--tensors", "a.st", "--tensors", "b.st", "-o", "o.st"], "--tensors"),
      (["run", model, "--tensors=a.st", "-o", "o.st", "-o", "p.st"], "-o"),
      (["compile", model, "-O", "none", "--optimize=full"], "--optimize and -O"),
      (["train", model, "--text", "text.txt", "--lr", "1", "--epochs", "1", "--lr", "2"], "--lr"),
    ] {
      try expect(arguments, says: ["Error: \(name): given 2 times", "one value"], status: 64)
    }
    try expect(
      ["compile", model, "--set", "H=8", "--set", "H=9"], says: ["--set H: given as 8 and as 9"], status: 64)
    let outcome = try command.run(
      "train", model, "--text", "text.txt", "--text", "text.txt", "--set", "H=4", "--set", "H=4", "--json",
      "--json",
      "--epochs", "1", "--interpret", "--batch", "1", "--steps", "2", "--max-tokens", "9")
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test func texts() throws {
    try command.write("", to: "empty.txt")
    try command.write("1234 5678\n", to: "digits.txt")
    try Data([0x61, 0xff, 0xfe]).write(to: command.folder.appendingPathComponent("latin.txt"))
    try expect(["train", model], says: ["nothing to train on", "--text", "--data"])
    try expect(["train", model, "--text", "none.txt"], says: ["'none.txt'", "no such file"])
    try expect(["train", model, "--text", "."], says: ["'.'", "directory"])
    try expect(["train", model, "--text", "empty.txt"], says: ["'empty.txt' is empty"])
    try expect(["train", model, "--text", "digits.txt"], says: ["'digits.txt' has no letters"])
    try expect(["train", model, "--text", "latin.txt"], says: ["not UTF-8", "offset 1"])
    try expect(
      ["train", model, "--text", "text.txt", "--max-tokens", "90"],
      says: ["the text has 90 tokens", "need at least"])
    try expect(
      ["train", model, "--text", "text.txt", "--set", "V=4"], says: ["char-gru.rnn:4:14", "V is set to 4"])
    try expect(
      ["train", Command.example("bidirectional"), "--text", "text.txt"], says: ["not one of text", "'x'"])
  }

  @Test func trainingOptions() throws {
    func train(_ flag: String, _ value: String, _ message: String) throws {
      try expect(["train", model, "--text", "text.txt", "\(flag)=\(value)"], says: [message])
    }
    try train("--optimizer", "sgdd", "did you mean 'sgd'")
    try train("--lr", "0", "the learning rate is 0")
    try train("--lr", "nan", "the learning rate is nan")
    func learning(_ optimizer: String, _ options: String..., says parts: String...) throws {
      try expect(["train", model, "--text", "text.txt", "--optimizer", optimizer] + options, says: parts)
    }
    try learning("momentum", "--momentum", "2", says: "momentum of the optimizer 'momentum' is 2", "below 1")
    try learning(
      "sgd", "--momentum", "0.9", says: "--momentum does not concern the optimizer 'sgd'",
      "it concerns momentum,")
    try learning("adagrad", "--betas", "0.9,0.99", says: "--betas does not concern", "adam, adamw")
    try learning("adam", "--centered", says: "--centered does not concern", "it concerns rmsprop")
    try train("--schedule", "cosine", "there is no schedule 'cosine'")
    try train("--schedule", "plateau:2:1", "plateau:FACTOR:PATIENCE")
    try train("--warmup", "-1", "--warmup -1")
    try train("--accumulate", "0", "--accumulate 0")
    try train("--clip-value", "-1", "--clip-value -1")
    try train("--clip", "-1", "--clip -1")
    try train("--epochs", "0", "--epochs 0")
    try train("--steps", "0", "--steps 0")
    try train("--memory-limit", "10K", "the limit is 10240 bytes")
    try train("--memory-limit", "1", "the limit is 1 byte\n")
    try train("--batch", "-2", "--batch -2")
    try train("--checkpoint", "/no/such/folder/a", "folder does not exist")
  }

  @Test func tensors() throws {
    let trained = ["train", model, "--text", "text.txt", "--set", "H=8", "--batch", "2", "--steps", "5"]
    #expect(try command.run(trained + ["--epochs", "1", "--checkpoint", "c.st"]).status == 0)
    try expect(["run", model, "--tensors", "none.st", "-o", "o.st"], says: ["'none.st'", "no such file"])
    try expect(["run", model, "--tensors", "text.txt", "-o", "o.st"], says: ["'text.txt'", "damaged"])
    // A checkpoint holds parameters of this model, but no data, and of other sizes than the defaults.
    try expect(["run", model, "--tensors", "c.st", "-o", "o.st"], says: ["no tensor 'text'", "i32[2, T]"])
  }

  @Test func prefixesOutsideTheVocabulary() throws {
    let trained = ["train", model, "--text", "text.txt", "--set", "H=8", "--batch", "2", "--steps", "5"]
    #expect(try command.run(trained + ["--epochs", "1", "--checkpoint", "c.st"]).status == 0)
    try expect(["generate", "c.st", "--prefix", "zoo"], says: ["'z'", "outside the vocabulary"])
    try expect(["generate", "c.st", "--prefix", "42"], says: ["no letters"])
    try expect(["generate", "none.st", "--prefix", "it"], says: ["'none.st'", "no such file"])
    try expect(["generate", "c.st", "--prefix", "it", "--draws"], says: ["makes no random draws"])
    let written = try command.run("generate", "c.st", "--prefix", "It was", "--count", "20")
    #expect(written.status == 0 && written.output.hasPrefix("it was") && written.output.count == 27)
    // Each part is written when it is there, so a reader that has seen enough ends a text that would never end.
    let head = try command.shell(
      "\"$RNNC\" generate c.st --prefix 'it was' --count 10000000 | head -c 20; echo")
    #expect(head.status == 0 && head.output.count == 21 && head.output.hasPrefix("it was"), "\(head.output)")
  }
}
