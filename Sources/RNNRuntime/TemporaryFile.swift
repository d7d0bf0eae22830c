import Foundation

/// A new file beside another one that it is to replace.
///
/// It is locked as long as it is open. So a file of such a name that nobody has locked was left behind by a process that
/// was killed, and the next one that writes there removes it.
package struct TemporaryFile {
  /// The name or path, relative to the folder that it was made in.
  package let name: String
  /// The open file.
  package let descriptor: Int32

  /// Where the name of every temporary file ends.
  package static let suffix = ".tmp"

  /// Makes a file that nobody else has.
  ///
  /// - Parameters:
  ///   - prefix: where the name begins; it ends with a dot.
  ///   - folder: the open folder that the name is relative to.
  /// - Returns: nil if there cannot be one; `errno` says why.
  package init?(_ prefix: String, in folder: Int32 = AT_FDCWD, permissions: mode_t) {
    while true {
      let name = "\(prefix)\(getpid())-\(UInt32.random(in: 0...UInt32.max))\(Self.suffix)"
      let descriptor = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
      guard descriptor >= 0 else { return nil }
      var status = stat()
      // Between the two calls another process may have taken it for a file that was left behind. Where there are no
      // locks, nobody can.
      let isOwn = Self.lock(descriptor) || errno != EWOULDBLOCK
      if isOwn, fstat(descriptor, &status) == 0, status.st_nlink > 0 {
        (self.name, self.descriptor) = (name, descriptor)
        return
      }
      close(descriptor)
    }
  }

  /// Whether a file is called like a temporary one whose name begins with `prefix`.
  package static func isNamed(_ name: String, prefix: String) -> Bool {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return false }
    return name.dropFirst(prefix.count).dropLast(suffix.count).wholeMatch(of: /[0-9]+-[0-9]+/) != nil
  }

  /// Removes a temporary file unless a process is writing it.
  package static func removeIfAbandoned(_ name: String, in folder: Int32 = AT_FDCWD) {
    let descriptor = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if lock(descriptor) { unlinkat(folder, name, 0) }
  }

  /// Locks an open file, and gives whether that went well.
  private static func lock(_ descriptor: Int32) -> Bool {
    flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }
}
