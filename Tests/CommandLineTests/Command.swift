import Foundation
import Testing

/// What a run of `rnnc` left.
struct Outcome {
  let status: Int32
  let output: String
  let errors: String
}

/// Runs the `rnnc` that was built with the tests, in a folder of its own.
final class Command {
  /// The folder that commands run in; it goes with the object.
  let folder: URL

  static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The program stands beside the tests.
  static let rnnc: URL = {
    let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    var folder = tests.deletingLastPathComponent()
    // On macOS the tests are inside a bundle.
    while folder.path != "/", !FileManager.default.isExecutableFile(atPath: folder.path + "/rnnc") {
      folder = folder.deletingLastPathComponent()
    }
    return folder.appendingPathComponent("rnnc")
  }()

  /// The program of `Examples/TimeMachine`, which uses the library.
  static let timeMachine = rnnc.deletingLastPathComponent().appendingPathComponent("TimeMachine")

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// The path of a model of `Examples`.
  static func example(_ name: String) -> String {
    packageRoot.appendingPathComponent("Examples/\(name).rnn").path
  }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// Writes a file into the folder.
  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  /// Writes `model.rnn`, a small model of text, and `text.txt`, a text for it.
  func writeTextModel(cell: String, hidden: Int) throws {
    try write(
      """
      model M(V = 8, H = \(hidden)) {
          input  text: seq token(V)
          target next: seq token(V)
          rnn = \(cell)(V, H)
          out = Linear(H, V)
          y = out(rnn(onehot(text)))
          output softmax(y)
          loss   cross_entropy(y, next)
      }
      """, to: "model.rnn")
    try write(String(repeating: "abcdef", count: 20), to: "text.txt")
  }

  func contents(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }

  /// Runs `rnnc` with arguments and waits for it.
  func run(_ arguments: [String]) throws -> Outcome {
    let process = try start(arguments)
    return try finish(process)
  }

  func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

  /// Runs a line of the shell in which `"$RNNC"` is the program.
  func shell(_ line: String) throws -> Outcome {
    try finish(start(["-c", line], program: URL(fileURLWithPath: "/bin/sh")))
  }

  /// Starts `rnnc`.
  func start(_ arguments: [String], program: URL = Command.rnnc) throws -> Process {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging([
      "RNNC": Command.rnnc.path, "RNNC_CACHE_DIR": path("cache"),
    ]) { $1 }
    let number = UUID().uuidString
    for stream in ["out", "err"] { try write("", to: "\(stream)-\(number)") }
    process.standardOutput = try FileHandle(forWritingTo: folder.appendingPathComponent("out-\(number)"))
    process.standardError = try FileHandle(forWritingTo: folder.appendingPathComponent("err-\(number)"))
    process.standardInput = FileHandle.nullDevice
    names[ObjectIdentifier(process)] = number
    // Threads of tests block signals; a process begins as from a shell, with none blocked.
    var (none, blocked) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &blocked)
    defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
    try process.run()
    return process
  }

  private var names: [ObjectIdentifier: String] = [:]

  /// Waits for a process and reads what it wrote.
  func finish(_ process: Process) throws -> Outcome {
    // Foundation's own wait needs a run loop, which threads of tests do not have.
    while process.isRunning { usleep(5000) }
    let known = names.removeValue(forKey: ObjectIdentifier(process))
    let number = try #require(known)
    let outcome = Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: String(decoding: try contents("out-\(number)"), as: UTF8.self),
      errors: String(decoding: try contents("err-\(number)"), as: UTF8.self))
    #expect(!outcome.errors.contains("Fatal error"))
    return outcome
  }
}

/// A sentence often enough to fill batches.
let sampleText = String(repeating: "It was the best of times, it was the worst of times.\n", count: 40)
