import Foundation
import Testing

@Suite("Nothing is lost")
struct CheckpointTests {
  let command: Command
  let model = Command.example("char-gru")

  init() throws {
    command = try Command()
    try command.write(sampleText, to: "text.txt")
  }

  private func train(_ more: String...) -> [String] {
    ["train", model, "--text", "text.txt", "--set", "H=8", "--batch", "2", "--steps", "5"] + more
  }

  @Test func damagedAndMismatchedCheckpointsAreRefusedAndKept() throws {
    #expect(try command.run(train("--epochs", "1", "--checkpoint", "good.st")).status == 0)
    let good = try command.contents("good.st")

    var flipped = good
    flipped[20] ^= 0x55
    let damaged: [(String, Data)] = [
      ("cut", good.prefix(good.count / 2)), ("short", good.prefix(4)), ("empty", Data()),
      ("header", flipped), ("long", good + Data([0])),
    ]
    for (name, bytes) in damaged {
      try bytes.write(to: command.folder.appendingPathComponent(name))
      for arguments in [["generate", name, "--prefix", "it"], ["train", model, "--resume", name]] {
        let outcome = try command.run(arguments)
        #expect(outcome.status == 1, "\(arguments)")
        #expect(outcome.errors.contains("checkpoint '\(name)'"), "\(outcome.errors)")
      }
      #expect(try command.contents(name) == bytes)
    }

    let larger = try command.run("train", model, "--resume", "good.st", "--set", "H=16")
    #expect(larger.status == 1)
    for part in ["tensor 'rnn.W' of checkpoint 'good.st'", "[24, ", "[48, "] {
      #expect(larger.errors.contains(part), "\(larger.errors)")
    }
    let other = try command.run("train", Command.example("peephole"), "--resume", "good.st")
    #expect(other.status == 1 && other.errors.contains("tensor '"), "\(other.errors)")
    for (flag, value, known) in [
      ("--optimizer", "adam", "sgd"), ("--schedule", "cosine:9", "constant"), ("--accumulate", "2", "1"),
    ] {
      let outcome = try command.run("train", model, "--resume", "good.st", flag, value)
      #expect(outcome.status == 1 && outcome.errors.contains("\(flag) \(known);"), "\(outcome.errors)")
    }
    let batch = try command.run("train", model, "--resume", "good.st", "--batch", "4")
    #expect(batch.status == 1 && batch.errors.contains("--batch 2"), "\(batch.errors)")
    try command.write(sampleText + "And more.", to: "text.txt")
    let text = try command.run("train", model, "--resume", "good.st", "--epochs", "2")
    #expect(text.status == 1 && text.errors.contains("another text"), "\(text.errors)")
    #expect(try command.contents("good.st") == good)
  }

  @Test func aFullDiskKeepsTheOldCheckpoint() throws {
    let full = try command.run(train("--epochs", "1", "--checkpoint", "/dev/full"))
    #expect(full.status == 1 && full.errors.contains("no space left on device"), "\(full.errors)")

    #expect(try command.run(train("--epochs", "1", "--checkpoint", "c.st")).status == 0)
    let old = try command.contents("c.st")
    // A limit on the size of files stands for a disk that fills up while the file is written.
    let limited = try command.shell(
      "trap '' XFSZ; ulimit -f 1; exec \"$RNNC\" train '\(model)' --resume c.st --epochs 3")
    #expect(limited.status == 1 && limited.errors.contains("cannot write 'c.st'"), "\(limited.errors)")
    #expect(try command.contents("c.st") == old)
    let left = try FileManager.default.contentsOfDirectory(atPath: command.folder.path)
    #expect(!left.contains { $0.hasSuffix(".tmp") })

    let output = try command.shell("\"$RNNC\" show GRU > /dev/full")
    #expect(output.status == 1 && output.errors.lowercased().contains("no space left"), "\(output.errors)")
  }

  /// Ctrl-C leaves a whole checkpoint, and the resumed run ends as if it had never stopped.
  @Test func anInterruptedRunContinuesExactly() throws {
    let process = try command.start(
      train("--epochs", "1000000", "--checkpoint", "c.st", "--checkpoint-epochs", "1", "--threads", "2"))
    let deadline = Date().addingTimeInterval(60)
    while !FileManager.default.fileExists(atPath: command.path("c.st")), process.isRunning, Date() < deadline
    {
      usleep(20_000)
    }
    process.interrupt()
    let stopped = try command.finish(process)
    #expect(stopped.status == 130)
    #expect(stopped.errors.contains("interrupted in epoch"), "\(stopped.errors)")
    #expect(stopped.errors.contains("go on with: rnnc train --resume c.st"), "\(stopped.errors)")

    let place = try #require(stopped.errors.firstMatch(of: /epoch (\d+) of/))
    let epochs = String(try #require(Int(place.1)) + 2)
    let resumed = try command.run(
      "train", "--resume", "c.st", "--epochs", epochs, "--threads", "2", "--json")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let whole = try command.run(
      train("--epochs", epochs, "--checkpoint", "whole.st", "--threads", "2", "--json"))
    #expect(whole.status == 0)
    #expect(try command.contents("c.st") == command.contents("whole.st"))

    func perplexities(_ outcome: Outcome) -> [String] {
      outcome.output.matches(of: /"perplexity":([0-9.]+)/).suffix(2).map { String($0.1) }
    }
    #expect(perplexities(resumed) == perplexities(whole))
  }
}
