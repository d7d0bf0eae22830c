import Foundation
import Testing

@Suite("Limits of the system are errors")
struct LimitTests {
  let command: Command
  let model = Command.example("char-gru")

  init() throws {
    command = try Command()
    try command.write(sampleText, to: "text.txt")
  }

  /// Where a file may not grow, a message says which.
  @Test func aLimitOnTheSizeOfFiles() throws {
    let train = "train '\(model)' --text text.txt --set H=8 --batch 2 --steps 5 --epochs 1"
    for (line, name) in [
      ("compile '\(model)' --set H=8 --emit obj -o net.o", "net.o"),
      ("compile '\(model)' --set H=8 --emit graph,plan -o net", "net.graph"),
      ("\(train) --checkpoint c.st", "c.st"),
      ("compile '\(model)' --set H=8 --emit graph > out", "standard output"),
    ] {
      let outcome = try command.shell("ulimit -f 1; exec \"$RNNC\" \(line)")
      #expect(outcome.status == 1, "\(line): \(outcome.errors)")
      #expect(outcome.errors.contains("cannot write") && outcome.errors.contains(name), "\(outcome.errors)")
      #expect(outcome.errors.lowercased().contains("file too large"), "\(outcome.errors)")
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: command.folder.path)
    #expect(!files.contains { $0.hasSuffix(".tmp") }, "\(files)")
    // What is kept for later may not fit, which is no error.
    #expect(try command.shell("ulimit -f 1; exec \"$RNNC\" compile '\(model)' --set H=8").status == 0)
  }

  #if os(Linux)
    /// A limit on addresses counts as memory.
    @Test func aLimitOnMemory() throws {
      let bench = "bench '\(model)' --set H=8 --seconds 0.01 --threads 1 --steps 10000000"
      let outcome = try command.shell("ulimit -v 1500000; exec \"$RNNC\" \(bench)")
      #expect(outcome.status == 1, "\(outcome.errors)")
      #expect(
        outcome.errors.contains(/need [0-9.]+ GB of memory, and [0-9.]+ [MG]B are available/),
        "\(outcome.errors)")
    }
  #endif

  /// A file that is larger than memory is refused before it is read.
  @Test func enormousFiles() throws {
    try command.write("", to: "huge")
    let handle = try FileHandle(forWritingTo: command.folder.appendingPathComponent("huge"))
    // A hole, which takes no place on disk.
    try handle.truncate(atOffset: 1 << 42)
    try handle.close()
    let text = try command.run("train", model, "--text", "huge")
    #expect(
      text.status == 1 && text.errors.contains("'huge' is too large: it has 4398.0 GB"), "\(text.errors)")
    let data = try command.run("run", model, "--tensors", "huge", "-o", "out.st")
    #expect(data.status == 1 && data.errors.contains("'huge'"), "\(data.errors)")
  }

  /// As few open files as the loader of programs itself needs.
  @Test func aLimitOnFiles() throws {
    for count in 4...6 {
      let outcome = try command.shell(
        "ulimit -n \(count); exec \"$RNNC\" compile '\(model)' --set H=8 --no-cache")
      #expect(outcome.status == 0, "\(count): \(outcome.errors)")
    }
  }
}
