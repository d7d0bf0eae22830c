import Foundation
import RNNCompiler

/// Another computation of the programs: Python with numpy, which goes through examples and steps one by one.
enum Judge {
  /// A Python that has numpy, and perhaps PyTorch.
  private static let interpreters: [String] = {
    let own = packageRoot.appendingPathComponent(".build/python/bin/python3").path
    let given = ProcessInfo.processInfo.environment["RNNC_PYTHON"]
    return given.map { [$0] } ?? ["python3", "/usr/bin/python3", own]
  }()

  /// How to call a Python that can import a module; nil if there is none.
  private static func python(with module: String) -> String? {
    interpreters.first { (try? run("'\($0)' -c 'import \(module)'"))?.status == 0 }
  }

  static let numpy = python(with: "numpy")
  static let torch = python(with: "numpy, torch")

  /// Computes the programs of a folder.
  ///
  /// - Throws: `Fault` if Python cannot run one of them.
  static func judge(_ folder: URL, isTorch: Bool = false) throws {
    guard let python = isTorch ? torch : numpy else { throw Fault(text: "there is no Python with numpy") }
    let script = packageRoot.appendingPathComponent("Tests/RNNProgramTests/Judge/judge.py").path
    let result = try run("'\(python)' -B '\(script)' '\(folder.path)' \(isTorch ? "torch_tape" : "tape")")
    guard result.status == 0 else { throw Fault(text: result.output) }
  }

  struct Fault: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
  }

  private static func run(_ command: String) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}

/// The folder of the package.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
