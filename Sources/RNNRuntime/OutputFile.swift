import Foundation

/// A file that is being written and takes the place of an older one only when it is complete.
///
/// The bytes go to a temporary file in the same folder, which is synced and renamed at the end: whatever fails
/// on the way, the older file stays whole. What a process that was killed left of an earlier attempt is removed. A path
/// that is no regular file (a pipe, `/dev/stdout`) is written directly.
public struct OutputFile {
  private let path: String
  private let target: String
  private let temporary: String?
  private let descriptor: Int32

  /// Writes the file at `path` with the bytes that `body` appends.
  /// - Throws: `InputError` if the file cannot be written, and whatever `body` throws.
  public static func replace(_ path: String, _ body: (OutputFile) throws -> Void) throws {
    let file = try OutputFile(path: path)
    do {
      try body(file)
      try file.commit()
    } catch {
      file.abandon()
      throw error
    }
  }

  /// Makes a folder and those around it, as far as they are not there.
  /// - Throws: `InputError` if that is not possible.
  public static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      // What the system said is lost in Foundation's error.
      guard mkdir(path, 0o777) != 0 else { return }
      throw InputError("cannot make folder '\(path)': \(systemMessage())")
    }
  }

  private init(path: String) throws {
    self.path = path
    target = Self.resolvingLinks(path)
    var status = stat()
    let exists = stat(target, &status) == 0
    let type = exists ? status.st_mode & S_IFMT : S_IFREG
    guard type != S_IFDIR else { throw Self.failure(path, "is a directory") }
    if type != S_IFREG {
      temporary = nil
      // A pipe that nobody reads is an error, and not waited for.
      descriptor = open(target, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
      if descriptor < 0, errno == ENXIO { throw Self.failure(path, "nobody reads this pipe") }
      if descriptor >= 0 { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK) }
    } else {
      if exists, access(target, W_OK) != 0 { throw Self.failure(path, systemMessage()) }
      let url = URL(fileURLWithPath: target)
      let folder = url.deletingLastPathComponent().path
      let prefix = ".\(url.lastPathComponent.prefix(100))."
      for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      where TemporaryFile.isNamed(name, prefix: prefix) {
        TemporaryFile.removeIfAbandoned("\(folder)/\(name)")
      }
      let file = TemporaryFile("\(folder)/\(prefix)", permissions: 0o666)
      temporary = file?.name
      descriptor = file?.descriptor ?? -1
    }
    guard descriptor >= 0 else { throw Self.failure(path, systemMessage()) }
    if temporary != nil, exists { fchmod(descriptor, status.st_mode & 0o7777) }
  }

  /// The file that `path` means, so that a link is not replaced but what it points to.
  private static func resolvingLinks(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Appends bytes.
  /// - Throws: `InputError`, on a full disk for instance.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = retryingInterrupts { write(descriptor, bytes.baseAddress! + done, bytes.count - done) }
      guard count >= 0 else { throw failure() }
      done += count
    }
  }

  /// Appends text as UTF-8.
  public func append(_ text: String) throws {
    try Array(text.utf8).withUnsafeBytes { try append($0) }
  }

  private func commit() throws {
    if let temporary {
      guard fsync(descriptor) == 0 else { throw failure() }
      guard rename(temporary, target) == 0 else { throw failure() }
      // The rename itself lasts only once the folder is on disk; a file system that cannot do it is no error.
      let folder = open(URL(fileURLWithPath: target).deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
      if folder >= 0 {
        fsync(folder)
        close(folder)
      }
    }
    close(descriptor)
  }

  private func abandon() {
    if let temporary { unlink(temporary) }
    close(descriptor)
  }

  private func failure() -> InputError { Self.failure(path, systemMessage()) }

  private static func failure(_ path: String, _ reason: String) -> InputError {
    InputError(
      "cannot write '\(path)': \(reason)",
      note: "a file that was there before is unchanged; make room or choose another place")
  }
}
