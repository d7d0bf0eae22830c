import Foundation
import Testing

@testable import RNNRuntime

/// Calls `body` with the path of a folder that exists only meanwhile.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url.path)
}

/// Writes bytes to a file, for reading back by what is tested.
func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// The path of a file that stands in the test's resources.
func fixture(_ name: String) throws -> String {
  try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures")).path
}

/// The description of the `InputError` that `body` throws; a test failure if it throws none.
func inputError(
  _ location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> String {
  do {
    try body()
    Issue.record("no error", sourceLocation: location)
  } catch let error as InputError {
    return error.description
  } catch {
    Issue.record("another error: \(error)", sourceLocation: location)
  }
  return ""
}
