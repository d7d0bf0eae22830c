import Foundation
import RNNSupport
import Testing

@testable import RNNRuntime

@Suite struct InputFileTests {
  /// How a user's files are read, and the least size that is too large for each.
  static let readers: [(name: String, read: @Sendable (String) throws -> Void)] = [
    ("safetensors file", { _ = try Safetensors(contentsOfFile: $0) }),
    ("checkpoint", { _ = try Checkpoint(contentsOfFile: $0) }),
    ("data file", { _ = try Dataset(contentsOfFile: $0) }),
    ("vocabulary", { _ = try Vocabulary(contentsOfFile: $0) }),
    ("text file", { _ = try TextCorpus(contentsOfFiles: [$0]) }),
  ]

  @Test(arguments: readers.indices) func whatNeverEndsIsRefusedAtOnce(_ reader: Int) throws {
    let (name, read) = Self.readers[reader]
    try withTemporaryFolder { folder in
      let (pipe, large) = (folder + "/pipe", folder + "/large")
      #expect(mkfifo(pipe, 0o600) == 0)
      #expect(inputError { try read(pipe) } == "cannot read \(name) '\(pipe)': not a regular file")
      #expect(inputError { try read("/dev/zero") } == "cannot read \(name) '/dev/zero': not a regular file")
      // A hole takes no space.
      try write([], to: large)
      #expect(truncate(large, 1 << 42) == 0)
      #expect(
        inputError { try read(large) }.hasPrefix("\(name) '\(large)' is too large: it has 4398.0 GB, and"))
    }
  }

  /// Models and what they import.
  @Test func sourcesAreRefusedLikewise() throws {
    func error(_ path: String) -> String? {
      #expect(throws: DiagnosticError.self) { try SourceFile(contentsOf: path) }?.diagnostics.rendered()
    }
    try withTemporaryFolder { folder in
      let (pipe, large) = (folder + "/pipe", folder + "/large")
      #expect(mkfifo(pipe, 0o600) == 0)
      #expect(error(pipe)?.contains("cannot read '\(pipe)': it is not a regular file") == true)
      #expect(error("/dev/zero")?.contains("it is not a regular file") == true)
      try write([], to: large)
      #expect(truncate(large, 1 << 42) == 0)
      #expect(error(large)?.contains("it has 4398046511104 bytes, and a source has 67108864 at most") == true)
    }
  }
}
