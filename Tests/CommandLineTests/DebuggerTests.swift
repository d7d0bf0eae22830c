import Foundation
import Testing

/// What other programs see of machine code that carries the lines of the source.
@Suite("Debuggers and profilers") struct DebuggerTests {
  static let gdb = ["/usr/bin/gdb", "/usr/local/bin/gdb"].first(where: FileManager.default.isExecutableFile)

  private func command() throws -> Command {
    let command = try Command()
    try command.write(
      """
      cell Gated(I, H) {
          param W: [H, I], U: [H, H] = uniform(0.5)
          input x: [I]
          state h: [H]
          z = sigmoid(W @ x + U @ h)
          h' = z * tanh(h) + (1 - z) * h
          output h'
      }
      model M(V = 8, H = 16) {
          input  text: seq token(V)
          target next: seq token(V)
          rnn = Gated(V, H)
          out = Linear(H, V)
          y = out(rnn(onehot(text)))
          output softmax(y)
          loss   cross_entropy(y, next)
      }
      """, to: "model.rnn")
    try command.write(String(repeating: "abcdef", count: 20), to: "text.txt")
    return command
  }

  private let training = [
    "train", "model.rnn", "--text", "text.txt", "--epochs", "1", "--batch", "2", "--steps", "4", "--threads",
    "1",
    "--debug-info",
  ]

  @Test(.enabled(if: gdb != nil, "gdb is not installed"))
  func gdbStopsAtAnEquation() throws {
    let command = try command()
    let gdb = try #require(Self.gdb)
    let steps = [
      "set debuginfod enabled off", "set complaints 0", "set confirm off", "set breakpoint pending on",
      "break model.rnn:6", "run", "backtrace 1", "info breakpoints", "kill",
    ]
    let arguments =
      ["-nx", "-batch"] + steps.flatMap { ["-ex", $0] } + ["--args", Command.rnnc.path] + training
    let outcome = try command.finish(command.start(arguments, program: URL(fileURLWithPath: gdb)))
    let text = "\(outcome.output)\n\(outcome.errors)"
    #expect(text.contains(/Breakpoint 1(\.\d+)?, kernel\w+ \(\) at model\.rnn:6\n/), "\(text)")
    // The line is shown from the file.
    #expect(outcome.output.contains("h' = z * tanh(h) + (1 - z) * h"), "\(outcome.output)")
  }

  /// Code from the cache carries lines as well, and its functions are known to `perf`.
  @Test(arguments: [1, 2]) func perfFindsTheNamesOfFunctions(run: Int) throws {
    #if os(Linux)
      let command = try command()
      for _ in 1...run {
        let process = try command.start(training)
        let outcome = try command.finish(process)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let path = "/tmp/perf-\(process.processIdentifier).map"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        try FileManager.default.removeItem(atPath: path)
        #expect(lines.count > 5)
        #expect(lines.allSatisfy { $0.wholeMatch(of: /[0-9a-f]+ [1-9a-f][0-9a-f]* \w+/) != nil })
        #expect(lines.contains { $0.contains(" kernel") })
      }
    #endif
  }

  @Test func objectFilesCarryLinesOnlyIfAsked() throws {
    let command = try command()
    for debugs in [false, true] {
      let flags = debugs ? ["--debug-info"] : []
      let outcome = try command.run(
        [
          "compile", "model.rnn", "--emit", "obj", "--inference", "--target", "x86_64-linux-gnu", "-o",
          "net.o",
        ] + flags)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let object = try command.contents("net.o")
      #expect((object.range(of: Data("model.rnn".utf8)) != nil) == debugs)
      #expect((object.range(of: Data(".debug_line".utf8)) != nil) == debugs)
    }
  }
}
