import Foundation
import RNNCodegen

/// A folder of machine code that earlier compilations made, and of schedules that `Tuner` found.
///
/// A file holds all that its code was made from, and a checksum; code is taken only where both agree. Files are written
/// under another name and renamed, so that any number of processes can use a folder at once. Whatever goes wrong, from a
/// full disk to a damaged file, is no error: the code is then made anew.
///
/// Code from the folder is executed. So the folder and the file must belong to the user of the process, and nobody else
/// may write them.
public struct CodeCache: Sendable, Hashable {
  /// The folder; it is made when it is first needed.
  public let path: String
  /// Bytes of all files above which those that were not used for the longest time are removed.
  public var byteLimit = 256 << 20
  /// Whether code is taken from it and kept in it, and not schedules alone: who times a compilation wants no code that is
  /// there already.
  public var holdsCode = true

  /// Uses a folder.
  public init(path: String) { self.path = path }

  /// The folder of the environment's `RNNC_CACHE_DIR`, or else `rnnc` in the user's folder for caches; nil if there is
  /// no such thing.
  public static var standard: CodeCache? {
    let environment = ProcessInfo.processInfo.environment
    func folder(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let path = folder("RNNC_CACHE_DIR") { return CodeCache(path: path) }
    // A relative path is to be ignored, says the specification of base directories.
    if let caches = folder("XDG_CACHE_HOME"), caches.hasPrefix("/") {
      return CodeCache(path: "\(caches)/rnnc")
    }
    return folder("HOME").map { CodeCache(path: "\($0)/.cache/rnnc") }
  }

  /// The code of a key, if it is there and whole.
  func code(for key: CodeKey) -> NativeCode? {
    holdsCode ? read(key, CodeKey.codeExtension).map { NativeCode(objects: $0) } : nil
  }

  /// Keeps the code of a key, if that is possible.
  func store(_ code: NativeCode, for key: CodeKey) {
    if holdsCode { write(code.objects, key, CodeKey.codeExtension) }
  }

  /// Forgets the code of a key.
  func removeCode(_ key: CodeKey) { Folder(path)?.remove(key.name + CodeKey.codeExtension) }

  /// The text of the schedule that was kept for a key, if it is there and whole.
  func schedule(for key: CodeKey) -> String? {
    read(key, CodeKey.scheduleExtension)?.first.flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Keeps a schedule for a key; gives the file, or nil if that is not possible.
  func store(schedule: String, for key: CodeKey) -> String? {
    write([Array(schedule.utf8)], key, CodeKey.scheduleExtension)
    return self.schedule(for: key) == schedule ? "\(path)/\(key.name)\(CodeKey.scheduleExtension)" : nil
  }

  /// Forgets the schedule of a key.
  func removeSchedule(_ key: CodeKey) { Folder(path)?.remove(key.name + CodeKey.scheduleExtension) }

  private func read(_ key: CodeKey, _ fileExtension: String) -> [[UInt8]]? {
    let name = key.name + fileExtension
    guard let folder = Folder(path) else { return nil }
    guard let bytes = folder.read(name, limit: byteLimit) else { return nil }
    guard let entry = CodeCacheEntry(bytes) else {
      folder.remove(name)
      return nil
    }
    return entry.key == key.text ? entry.objects : nil
  }

  private func write(_ objects: [[UInt8]], _ key: CodeKey, _ fileExtension: String) {
    let attributes = [FileAttributeKey.posixPermissions: 0o700]
    try? FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: attributes)
    guard let folder = Folder(path) else { return }
    folder.write(CodeCacheEntry(key: key.text, objects: objects).bytes, to: key.name + fileExtension)
    folder.removeOldest(above: byteLimit)
  }
}

/// An open folder that belongs to the user alone.
private final class Folder {
  private let descriptor: Int32

  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    // A failing initialiser runs `deinit`, which closes the folder.
    guard fstat(descriptor, &status) == 0, status.isOwn else { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The bytes of a file, which then counts as used just now; nil if it has more than `limit`.
  func read(_ name: String, limit: Int) -> [UInt8]? {
    // Without waiting for somebody to write into a pipe.
    let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.isOwn, status.st_mode & S_IFMT == S_IFREG else { return nil }
    let size = Int(status.st_size)
    guard size <= limit else { return nil }
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let part = Foundation.read(file, buffer.baseAddress! + count, size - count)
        if part <= 0 { break }
        count += part
      }
    }
    futimens(file, nil)
    return bytes
  }

  /// Writes a file under another name, and renames it when it is complete.
  func write(_ bytes: [UInt8], to name: String) {
    guard let file = TemporaryFile("\(name).", in: descriptor, permissions: 0o600) else { return }
    defer { close(file.descriptor) }
    var done = 0
    while done < bytes.count {
      let part = bytes.withUnsafeBytes {
        Foundation.write(file.descriptor, $0.baseAddress! + done, bytes.count - done)
      }
      if part <= 0 { break }
      done += part
    }
    if done < bytes.count || renameat(descriptor, file.name, descriptor, name) != 0 { remove(file.name) }
  }

  func remove(_ name: String) { unlinkat(descriptor, name, 0) }

  /// Removes what was not used for the longest time, and what processes left behind that ended while they wrote.
  func removeOldest(above limit: Int) {
    var files: [(name: String, size: Int, used: Int)] = []
    for name in names {
      var status = stat()
      guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      let used = status.modification.seconds
      let isEntry = [CodeKey.codeExtension, CodeKey.scheduleExtension].contains { name.hasSuffix($0) }
      if isEntry { files.append((name, Int(status.st_size), used)) }
      if name.hasSuffix(TemporaryFile.suffix) { TemporaryFile.removeIfAbandoned(name, in: descriptor) }
    }
    var total = files.reduce(0) { $0 + $1.size }
    for file in files.sorted(by: { ($0.used, $0.name) < ($1.used, $1.name) }) where total > limit {
      remove(file.name)
      total -= file.size
    }
  }

  private var names: [String] {
    // The stream closes its descriptor, and has a position of its own.
    let own = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard own >= 0 else { return [] }
    guard let stream = fdopendir(own) else {
      close(own)
      return []
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { name in
          name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
            String(cString: $0)
          }
        })
    }
    return names
  }
}

extension stat {
  /// Whether it belongs to the user of the process, and nobody else may write it.
  fileprivate var isOwn: Bool { st_uid == geteuid() && st_mode & (S_IWGRP | S_IWOTH) == 0 }
}
