import Foundation
import RNNCompiler
import Testing

@Suite("Going on")
struct ResumeTests {
  let command: Command

  private static let model = """
    cell Own(I, H) {
        param W: [H, I], U: [H, H] = uniform(0.3)
        input x: [I]
        state h: [H]
        h' = tanh(W @ x + U @ h)
        output h'
    }
    model M(I = 2, H = 3, P = 25) {
        input x: seq [I]
        target y: seq [H]
        own = Own(I, H)
        drop = Dropout(H, P)
        h = own(x)
        output h
        loss mse(drop(h), y)
    }
    """

  init() throws {
    command = try Command()
    try command.write(Self.model, to: "model.rnn")
    let numbers = (0..<36).map { Float($0) / 36 }
    try Safetensors(tensors: [
      "x": Tensor(Array(numbers.prefix(24)), shape: [4, 3, 2]), "y": Tensor(numbers, shape: [4, 3, 3]),
    ]).write(toFile: command.path("data.st"))
    let outcome = try command.run(
      "train", "model.rnn", "--data", "data.st", "--batch", "2", "--epochs", "2", "--interpret",
      "--checkpoint",
      "c.st")
    #expect(outcome.status == 0 && outcome.output.contains(" after 2 epochs: "), "\(outcome.errors)")
  }

  private func resume(_ more: String...) throws -> Outcome {
    try command.run(["train"] + more + ["--resume", "c.st", "--interpret"])
  }

  @Test func theCheckpointHoldsTheModel() throws {
    try FileManager.default.removeItem(atPath: command.path("model.rnn"))
    let outcome = try resume("--epochs", "4")
    #expect(outcome.status == 0 && outcome.output.contains("epoch 4/4"), "\(outcome.errors)")
    let other = try resume("--model", "N")
    #expect(other.status == 1 && other.errors.contains("started with model 'M'"), "\(other.errors)")
  }

  @Test func aRunThatIsCompleteSaysHowToGoOn() throws {
    let outcome = try resume("model.rnn")
    #expect(outcome.status == 0)
    #expect(
      outcome.errors
        == "nothing to do: all 2 epochs are done\nnote: to go on, ask for more, as in --epochs 12\n")
    #expect(outcome.output.firstMatch(of: /^loss 0\.\d+ after 2 epochs\n$/) != nil, "\(outcome.output)")
    let one = try command.run(
      "train", "model.rnn", "--data", "data.st", "--epochs", "1", "--interpret", "--checkpoint", "one.st")
    #expect(one.output.contains(" after 1 epoch: "), "\(one.output)")
    let patient = try command.run(
      "train", "model.rnn", "--data", "data.st", "--validate", "data.st", "--patience", "1", "--lr", "1e-30",
      "--epochs", "9", "--interpret", "--checkpoint", "c.st")
    #expect(patient.output.contains("stopped early"), "\(patient.output)")
    let early = try resume()
    #expect(early.errors.contains("stopped early, after 1 epochs") == false)
    #expect(early.errors.contains("note: to go on, raise --patience"), "\(early.errors)")
  }

  /// What is changed, and what the message says of it; nil where a run may go on.
  static let changes: [(from: String, to: String, message: String?)] = [
    (
      "tanh(W @ x + U @ h)", "sin(W @ x + U @ h)",
      "line 5 of 'model.rnn' is 'h' = sin(W @ x + U @ h)', and was 'h' = tanh"
    ),
    ("drop(h), y)", "h, y)", "line 15 of 'model.rnn'"),
    ("P = 25", "P = 30", nil),
    ("uniform(0.3)", "uniform(0.4)", "line 2"),
    ("    state h", "    // The memory.\n    state  h", nil),
    ("output h\n    loss", "output h, g = h * h\n    loss", nil),
    ("model M(", "model Other(", nil),
  ]

  @Test(arguments: changes.indices) func aModelThatComputesSomethingElseIsRefused(_ change: Int) throws {
    let (from, to, message) = Self.changes[change]
    let changed = Self.model.replacing(from, with: to)
    #expect(changed != Self.model)
    try command.write(changed, to: "model.rnn")
    let old = try command.contents("c.st")
    let outcome = try resume("model.rnn", "--epochs", "3")
    guard let message else {
      #expect(outcome.status == 0, "\(outcome.errors)")
      return
    }
    #expect(outcome.status == 1)
    for part in [
      "of 'model.rnn' is not the one that checkpoint 'c.st' was made with", message, "leave the file",
    ] {
      #expect(outcome.errors.contains(part), "\(part) in: \(outcome.errors)")
    }
    #expect(try command.contents("c.st") == old)
  }

  /// A size that changes no shape is part of the model, too.
  @Test func anotherSizeIsAnotherModel() throws {
    let outcome = try resume("model.rnn", "--set", "P=30")
    #expect(outcome.status == 1 && outcome.errors.contains("size 'P' is 30, and was 25"), "\(outcome.errors)")
  }
}
