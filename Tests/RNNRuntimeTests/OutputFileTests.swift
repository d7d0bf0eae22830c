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
