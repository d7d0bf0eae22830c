import Foundation
import RNNSupport

/// A regular file that is open for reading.
final class InputFile {
  /// The path as the user gave it.
  let path: String

  /// The size in bytes when the file was opened.
  let byteCount: Int

  private let descriptor: Int32

  /// Opens a file.
  /// - Parameters:
  ///   - kind: what the file should be, for messages, as in `checkpoint`.
  ///   - limit: the most bytes that can be read; what the memory of the machine holds if not given.
  /// - Throws: `InputError` if it is missing, not readable, not a regular file or too large.
  init(path: String, kind: String, limit: Int = InputFile.memory) throws {
    self.path = path
    // Without waiting for somebody to write into a pipe.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw InputError("cannot open \(kind) '\(path)': \(systemMessage())")
    }
    var status = stat()
    let code = fstat(descriptor, &status) == 0 ? 0 : errno
    byteCount = code == 0 ? Int(status.st_size) : 0
    let mode = status.st_mode & S_IFMT
    // From here on, `deinit` closes the file when this fails.
    guard code == 0, mode == S_IFREG else {
      let reason =
        code != 0 ? systemMessage(code) : mode == S_IFDIR ? "is a directory" : "not a regular file"
      throw InputError("cannot read \(kind) '\(path)': \(reason)")
    }
    guard byteCount <= limit else {
      throw InputError(
        "\(kind) '\(path)' is too large: it has \(Self.describe(byteCount)), and at most \(Self.describe(limit)) "
          + "can be read")
    }
  }

  /// The bytes of memory that the machine has.
  static let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)

  private static func describe(_ bytes: Int) -> String {
    switch bytes {
    case ..<1_000_000: counted(bytes, "byte")
    case ..<1_000_000_000: String(format: "%.1f MB", Double(bytes) / 1e6)
    default: String(format: "%.1f GB", Double(bytes) / 1e9)
    }
  }

  deinit { close(descriptor) }

  /// Fills `buffer` with the bytes from `offset` on.
  /// - Throws: `InputError` if the file ends before or cannot be read.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < buffer.count {
      let count = retryingInterrupts {
        pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      }
      guard count >= 0 else { throw InputError("cannot read '\(path)': \(systemMessage())") }
      guard count > 0 else { throw InputError("'\(path)' became shorter while it was read") }
      done += count
    }
  }

  /// All bytes of the file.
  func contents() throws -> [UInt8] {
    try AvailableMemory.require(
      bytes: Double(byteCount), for: "the bytes of '\(path)'", note: "free memory, or choose a smaller file")
    var failure: (any Error)?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      do {
        try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        count = byteCount
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
