import Foundation
import Testing

@testable import RNNRuntime

@Suite struct OutputFileTests {
  struct Stop: Error {}

  @Test func aFailedWriteLeavesTheOldFileAndNothingElse() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      try write("old".utf8, to: path)
      #expect(throws: Stop.self) {
        try OutputFile.replace(path) { file in
          try file.append("new")
          throw Stop()
        }
      }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])

      try OutputFile.replace(path) { try $0.append("new") }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
    }
  }

  /// What a killed process left goes with the next write; what is being written, or is called otherwise, stays.
  @Test func leftoversOfKilledProcessesGo() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      let others = [".file.backup.tmp", ".file.1-2", ".files.1-2.tmp", "file.1-2.tmp"]
      for name in others + [".file.1-2.tmp", ".file.99999-4000000000.tmp"] {
        try write("part".utf8, to: "\(folder)/\(name)")
      }
      let open = try #require(TemporaryFile("\(folder)/.file.", permissions: 0o600))
      defer { close(open.descriptor) }
      try OutputFile.replace(path) { file in
        try file.append("outer")
        try OutputFile.replace(path) { try $0.append("inner") }
      }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "outer")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(Set(left) == Set(others + ["file", String(open.name.split(separator: "/").last ?? "")]))
    }
  }

  @Test(.timeLimit(.minutes(1))) func aPipeIsWrittenIfSomebodyReadsIt() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/pipe"
      #expect(mkfifo(path, 0o600) == 0)
      #expect(
        inputError { try OutputFile.replace(path) { try $0.append("new") } }
          .hasPrefix("cannot write '\(path)': nobody reads this pipe"))
      let reader = open(path, O_RDONLY | O_NONBLOCK)
      defer { close(reader) }
      try OutputFile.replace(path) { try $0.append("new") }
      var bytes = [UInt8](repeating: 0, count: 8)
      #expect(read(reader, &bytes, 8) == 3 && bytes.starts(with: Array("new".utf8)))
    }
  }

  @Test func linksAndPermissionsStay() throws {
    try withTemporaryFolder { folder in
      let (path, link) = (folder + "/file", folder + "/link")
      try write("old".utf8, to: path)
      #expect(chmod(path, 0o640) == 0 && symlink("file", link) == 0)
      try OutputFile.replace(link) { try $0.append("new") }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "file")
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
    }
  }

  @Test func impossiblePlacesAreExplained() throws {
    try withTemporaryFolder { folder in
      #expect(
        inputError { try OutputFile.replace(folder) { _ in } }
          .hasPrefix("cannot write '\(folder)': is a directory\nnote: "))
      #expect(
        inputError { try OutputFile.replace(folder + "/no/file") { _ in } }
          .hasPrefix("cannot write '\(folder)/no/file': no such file or directory"))
    }
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0, "needs /dev/full")) func aFullDiskIsExplained() {
    let file = Safetensors(tensors: ["a": Tensor([1, 2, 3])])
    #expect(
      inputError { try file.write(toFile: "/dev/full") }
        .hasPrefix("cannot write '/dev/full': no space left on device\nnote: "))
  }
}
