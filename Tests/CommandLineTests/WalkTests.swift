import Foundation
import Testing

/// What was added by following the docs, `Tests/Walks`, can be added still, and the docs list the files that it takes.
/// `make walks` builds it.
@Suite struct WalkTests {
  @Test func thePatchesApplyAndChangeTheFilesThatTheDocsList() throws {
    let process = Process()
    process.executableURL = Command.packageRoot.appendingPathComponent("Scripts/walks")
    process.arguments = ["--check"]
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let message = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(message)")
  }
}
