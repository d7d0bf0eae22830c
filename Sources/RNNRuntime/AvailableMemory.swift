import Foundation
import RNNSupport

/// How much memory this process can still get.
public enum AvailableMemory {
  /// Bytes that are allocated without a look at how many there are.
  private static let smallBytes = 1e6

  /// Checks that the process can get memory for `bytes` more.
  ///
  /// - Parameter purpose: what needs them, in the plural.
  /// - Throws: `InputError` if it cannot.
  public static func require(
    bytes: Double, for purpose: @autoclosure () -> String,
    note: String = "choose smaller sizes, a smaller batch or fewer steps"
  ) throws {
    guard bytes > smallBytes else { return }
    let available = self.bytes
    // A little is left for all that is not counted.
    guard bytes > available * 15 / 16 else { return }
    throw InputError(
      "\(purpose()) need \(text(bytes)) of memory, and \(text(available)) are available", note: note)
  }

  /// A number of bytes for messages.
  public static func text(_ bytes: Double) -> String {
    if bytes < 1e6 { return counted(Int(bytes), "byte") }
    return bytes < 1e9 ? String(format: "%.1f MB", bytes / 1e6) : String(format: "%.1f GB", bytes / 1e9)
  }

  /// The bytes, as far as the system tells: what is free or soon can be, within the limits of the process (`ulimit -v`)
  /// and of the groups of processes that it belongs to.
  static var bytes: Double {
    #if os(Linux)
      let inGroups = groups.compactMap(left(in:)).min() ?? .infinity
      return min(inMachine, inAddressSpace, inGroups)
    #else
      return Double(ProcessInfo.processInfo.physicalMemory)
    #endif
  }

  #if os(Linux)
    private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private static func number(_ path: String) -> Double? {
      text(path).flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// The number behind a word of a file, such as `MemAvailable:   123 kB`.
    private static func number(_ word: String, of text: String) -> Double? {
      for line in text.split(separator: "\n") {
        let parts = line.split(separator: " ")
        if parts.count > 1, parts[0] == word { return Double(parts[1]) }
      }
      return nil
    }

    private static var inMachine: Double {
      guard let text = text("/proc/meminfo"), let available = number("MemAvailable:", of: text) else {
        return Double(ProcessInfo.processInfo.physicalMemory)
      }
      return 1024 * (available + (number("SwapFree:", of: text) ?? 0))
    }

    /// Addresses that the process may still use.
    private static var inAddressSpace: Double {
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < UInt64(Int.max),
        let pages = text("/proc/self/statm")?.split(separator: " ").first.flatMap({ Double($0) })
      else { return .infinity }
      return max(0, Double(limit.rlim_cur) - pages * Double(sysconf(Int32(_SC_PAGESIZE))))
    }

    /// The folders of the groups around this process, of both kinds that Linux has.
    private static var groups: [String] {
      var folders: [String] = []
      for line in (text("/proc/self/cgroup") ?? "").split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { continue }
        let isMemory = parts[1].split(separator: ",").contains("memory")
        guard isMemory || parts[1].isEmpty else { continue }
        let root = isMemory ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
        var names = parts[2].split(separator: "/")
        folders.append(root)
        while !names.isEmpty {
          folders.append("\(root)/\(names.joined(separator: "/"))")
          names.removeLast()
        }
      }
      return folders
    }

    /// What a group may still take; files that it has read can make room.
    private static func left(in folder: String) -> Double? {
      let limit = number("\(folder)/memory.max") ?? number("\(folder)/memory.limit_in_bytes")
      let used = number("\(folder)/memory.current") ?? number("\(folder)/memory.usage_in_bytes")
      guard let limit, let used else { return nil }
      let files = text("\(folder)/memory.stat").flatMap { number("inactive_file", of: $0) } ?? 0
      return max(0, limit - used + files)
    }
  #endif
}
