import Foundation
import RNNCompiler
import Testing

@Suite("Signals")
struct SignalTests {
  let command: Command

  init() throws {
    command = try Command()
    try command.write(sampleText, to: "text.txt")
  }

  private static let endless = [
    "--text", "text.txt", "--set", "H=4", "--batch", "2", "--steps", "5", "--threads", "1", "--epochs",
    "1000000",
    "--json", "--checkpoint", "c.st",
  ]

  /// Starts a training that would not end, by a line of the shell, and waits for its first epoch.
  private func start(_ line: String = "exec") throws -> Process {
    let words = [Command.example("char-gru")] + Self.endless
    let process = try command.start(
      ["-c", "\(line) \"$RNNC\" train '\(words.joined(separator: "' '"))'"],
      program: URL(fileURLWithPath: "/bin/sh"))
    let deadline = Date().addingTimeInterval(60)
    func hasReported() throws -> Bool {
      try FileManager.default.contentsOfDirectory(atPath: command.folder.path).contains { name in
        try name.hasPrefix("out-") && !command.contents(name).isEmpty
      }
    }
    while try !hasReported(), process.isRunning, Date() < deadline { usleep(10_000) }
    #expect(!FileManager.default.fileExists(atPath: command.path("c.st")))
    return process
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aRunThatIsAskedToEndLeavesItsCheckpoint(_ signal: Int32)
    throws
  {
    let process = try start()
    kill(process.processIdentifier, signal)
    let stopped = try command.finish(process)
    #expect(stopped.status == 128 + signal)
    #expect(
      stopped.errors.contains("saved in 'c.st'\nnote: go on with: rnnc train --resume c.st"),
      "\(stopped.errors)")
    #expect(try Checkpoint(contentsOfFile: command.path("c.st")).metadata.position.step > 0)
  }

  /// Also where whoever started it, as a shell does in the background, ignores the signal.
  @Test func quitEndsARunAtOnce() throws {
    let process = try start("trap '' QUIT; ulimit -c 0; exec")
    kill(process.processIdentifier, SIGQUIT)
    #expect(try command.finish(process).status == -SIGQUIT)
    #expect(!FileManager.default.fileExists(atPath: command.path("c.st")))
  }

  @Test func nohupOutlivesTheTerminal() throws {
    let process = try start("trap '' HUP; exec")
    kill(process.processIdentifier, SIGHUP)
    usleep(100_000)
    #expect(process.isRunning)
    kill(process.processIdentifier, SIGTERM)
    #expect(try command.finish(process).status == 143)
  }

  /// A reader that has seen enough ends a training, too, and nothing is lost.
  @Test func aReaderThatGoesAwayLosesNothing() throws {
    let words = [Command.example("char-gru")] + Self.endless
    let outcome = try command.shell(
      "{ \"$RNNC\" train '\(words.joined(separator: "' '"))'; echo $? > status; } | head -n 1")
    #expect(
      outcome.output.contains("\"epoch\":1") && outcome.errors.contains("'c.st' holds the run"),
      "\(outcome.errors)")
    #expect(try String(decoding: command.contents("status"), as: UTF8.self) == "1\n")
    #expect(try Checkpoint(contentsOfFile: command.path("c.st")).metadata.position.step > 0)
  }
}
