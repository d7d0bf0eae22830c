import Foundation
import Testing

/// Every number that the command line takes is checked: what `--help` lists is tried with numbers that are too small, too
/// large, or none.
@Suite("Every number of the command line is checked")
struct OptionTests {
  static let numbers = ["0", "-1", "2147483648", "9223372036854775807", "1e400", "nan", "inf"]

  /// What a number can never be.
  static let wrongNumbers: Set = ["-1", "1e400", "nan", "inf"]

  static let commands: [String] = {
    let help = (try? Command().run("--help").output) ?? ""
    let list = help.components(separatedBy: "SUBCOMMANDS:").last ?? ""
    return list.split(separator: "\n").compactMap { line in
      line.firstMatch(of: #/^  ([a-z]+) /#).map { String($0.1) }
    }
  }()

  let command: Command

  init() throws {
    command = try Command()
    try command.writeTextModel(cell: "RNN", hidden: 2)
  }

  /// A call of a command that is right, to which options are added; a checkpoint is made if it needs one.
  private func base(of name: String) throws -> [String] {
    let train = [
      "train", "model.rnn", "--text", "text.txt", "--batch", "2", "--steps", "3", "--epochs", "1",
      "--threads", "1",
    ]
    func trained() throws {
      let outcome = try command.run(train + ["--checkpoint", "c.st"])
      #expect(outcome.status == 0 && outcome.output.contains(" after 1 epoch: "), "\(outcome.errors)")
    }
    switch name {
    case "train": return train
    case "generate":
      try trained()
      return ["generate", "c.st", "--prefix", "ab", "--count", "2"]
    case "convert":
      try trained()
      return ["convert", "c.st", "--to", "pytorch", "-o", "out.st"]
    case "run":
      // A checkpoint has all parameters, and no text.
      try trained()
      return ["run", "model.rnn", "--tensors", "c.st", "-o", "out.st", "--threads", "1"]
    case "bench":
      return ["bench", "model.rnn", "--batch", "2", "--steps", "2", "--seconds", "0.001", "--threads", "1"]
    case "tune":
      return ["tune", "model.rnn", "--batch", "2", "--steps", "2", "--seconds", "0.001", "--threads", "1"]
    case "gradcheck": return ["gradcheck", "model.rnn", "--threads", "1"]
    case "compile": return ["compile", "model.rnn", "--threads", "1"]
    case "check": return ["check", "model.rnn"]
    case "show": return ["show"]
    case "passes": return ["passes"]
    case "opt":
      let outcome = try command.run("compile", "model.rnn", "--emit", "graph", "-o", "model.graph")
      #expect(outcome.status == 0, "\(outcome.errors)")
      return ["opt", "model.graph", "--passes", "dce", "--batch", "2", "--compare"]
    case "reduce": return ["reduce", "model.rnn", "--keep", "grep -q tanh {} || test -e {}", "-o", "out.rnn"]
    default:
      Issue.record("this test knows no right call of 'rnnc \(name)'")
      return [name]
    }
  }

  /// What an option takes, with a number at its place.
  private func values(_ option: String, _ kind: String, _ number: String) -> [String] {
    switch (option, kind) {
    case (_, "name=n"): ["H=\(number)"]
    case (_, "b1,b2"): ["\(number),\(number)"]
    case ("--memory-limit", _): [number, "\(number)T"]
    case ("--schedule", _):
      ["step:\(number):0.5", "step:1:\(number)", "cosine:\(number)updates", "cosine:3:\(number)"]
        + ["plateau:0.5:\(number)", "plateau:\(number):1"]
    default: [number]
    }
  }

  /// Runs within limits of memory and time, beyond which a process is killed.
  private func run(_ arguments: [String]) throws -> Outcome {
    let line = "ulimit -v 16000000 2>/dev/null; ulimit -t 60; ulimit -c 0; exec \"$RNNC\" \"$@\""
    let process = try command.start(
      ["-c", line, "sh"] + arguments, program: URL(fileURLWithPath: "/bin/sh"))
    return try command.finish(process)
  }

  private func expectAnswer(_ outcome: Outcome, _ arguments: [String]) {
    let call = arguments.joined(separator: " ")
    #expect([0, 1, 64].contains(outcome.status), "\(call): \(outcome.errors)")
    guard outcome.status != 0 else { return }
    #expect(outcome.errors.lowercased().contains("error: "), "\(call): \(outcome.errors)")
  }

  @Test(arguments: commands)
  func everyNumberIsInARangeOrRefused(_ name: String) throws {
    let help = try command.run(name, "--help").output
    let base = try base(of: name)
    let right = try run(base)
    #expect(right.status == (name == "run" ? 1 : 0), "\(right.errors)")
    for match in help.matches(of: /(?m)^  (?:-\w, )?(--?[a-zA-Z-]+) <([^>]+)>/) {
      let (option, kind) = (String(match.1), String(match.2))
      func arguments(_ value: String) -> [String] {
        base + (option.hasPrefix("--") ? ["\(option)=\(value)"] : [option, value])
      }
      // What takes any text takes no number.
      let isNumber = try values(option, kind, "none").contains { value in
        let outcome = try run(arguments(value))
        expectAnswer(outcome, arguments(value))
        return outcome.status == 64
      }
      guard isNumber || option == "--schedule" else { continue }
      // What refuses one number that is no whole one refuses all.
      var isWhole = false
      for number in Self.numbers where !isWhole || Int(number) != nil {
        for value in values(option, kind, number) {
          let outcome = try run(arguments(value))
          expectAnswer(outcome, arguments(value))
          if number == "1e400", outcome.status == 64 { isWhole = true }
          guard Self.wrongNumbers.contains(number) else { continue }
          #expect(outcome.status != 0, "\(arguments(value).joined(separator: " "))")
        }
      }
    }
  }

  @Test func allCommandsAreFound() {
    #expect(Self.commands.count >= 9 && Self.commands.contains("train"), "\(Self.commands)")
  }

  /// What would not fit says how much it needs and how much there is.
  @Test(arguments: [
    ["gradcheck", "--steps", "1000000000"], ["gradcheck", "--steps", "9223372036854775807"],
    ["gradcheck", "--set", "H=100000"], ["gradcheck", "--batch", "16777216", "--steps", "100000"],
    ["bench", "--steps", "1000000000"], ["bench", "--steps", "9223372036854775807", "--inference"],
    ["bench", "--set", "H=100000"],
  ])
  func whatDoesNotFitIsRefused(_ words: [String]) throws {
    let outcome = try run([words[0], "model.rnn"] + words.dropFirst())
    #expect(outcome.status == 1 && outcome.output.count < 1000, "\(outcome.errors)")
    #expect(
      outcome.errors.contains(/need [0-9.]+ [MG]B of memory, and [0-9.]+ [MG]B are available/),
      "\(outcome.errors)")
  }

  @Test func threadsAreCheckedBeforeTheyAreStarted() throws {
    for arguments in [["bench", "--filter", "h8"], ["bench", "model.rnn"], ["compile", "model.rnn"]] {
      let outcome = try run(arguments + ["--threads", "0"])
      #expect(outcome.status == 1 && outcome.errors.contains("0 threads cannot compute"), "\(outcome.errors)")
      #expect(outcome.errors.contains("from 1 to 1024"))
    }
  }

  /// The bytes of a plan do not overflow either.
  @Test func aPlanThatNoMachineCanRunIsRefused() throws {
    try command.write("model W(N = 4) { input x: seq [N]; output tanh(x) }", to: "wide.rnn")
    for kind in ["plan", "obj"] {
      let outcome = try run([
        "compile", "wide.rnn", "--set", "N=1000000000000", "--batch", "16777216", "--emit", kind, "-o", "w",
      ])
      #expect(outcome.status == 1 && outcome.errors.contains("GB of memory"), "\(outcome.errors)")
    }
  }
}
