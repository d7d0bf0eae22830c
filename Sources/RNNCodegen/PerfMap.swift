import Foundation
import RNNLLVM

/// The file in which `perf` looks up the functions of code that a process has made itself.
enum PerfMap {
  /// Adds the functions of linked code to this process's file. Whatever goes wrong is no error: then `perf` shows
  /// addresses.
  static func add(_ code: NativeCode, _ jit: JIT) {
    #if os(Linux)
      var lines = ""
      for function in code.objects.flatMap(ELFSymbols.functions) {
        guard let address = try? jit.address(of: function.name) else { continue }
        let start = String(UInt(bitPattern: address), radix: 16)
        lines += "\(start) \(String(function.size, radix: 16)) \(function.name)\n"
      }
      let path = "/tmp/perf-\(getpid()).map"
      let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o644)
      guard file >= 0 else { return }
      defer { close(file) }
      var bytes = Array(lines.utf8)[...]
      while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if count <= 0 { return }
        bytes = bytes.dropFirst(count)
      }
    #endif
  }
}

/// The symbols of an object file in the format of Linux, for 64-bit machines with the least significant byte first.
enum ELFSymbols {
  /// The global functions of an object file; none if it is in another format, or damaged.
  static func functions(_ object: [UInt8]) -> [(name: String, size: Int)] {
    func number(_ offset: Int, _ bytes: Int) -> Int {
      guard offset >= 0, offset + bytes <= object.count else { return 0 }
      let value = (0..<bytes).reduce(UInt64(0)) { $0 | UInt64(object[offset + $1]) << (8 * UInt64($1)) }
      return Int(truncatingIfNeeded: value)
    }
    guard object.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return [] }
    let (table, entry, count) = (number(0x28, 8), number(0x3A, 2), number(0x3C, 2))
    func section(_ index: Int) -> (kind: Int, start: Int, size: Int, link: Int) {
      let start = table + index * entry
      return (number(start + 4, 4), number(start + 24, 8), number(start + 32, 8), number(start + 40, 4))
    }
    var found: [(String, Int)] = []
    for symbols in (0..<count).map(section) where symbols.kind == 2 {
      let names = section(symbols.link).start
      for place in stride(from: symbols.start, to: min(symbols.start + symbols.size, object.count), by: 24) {
        // A function that is global and defined here.
        guard number(place + 4, 1) == 0x12, number(place + 6, 2) != 0 else { continue }
        let start = names + number(place, 4)
        guard object.indices.contains(start) else { continue }
        let name = String(decoding: object[start...].prefix { $0 != 0 }, as: UTF8.self)
        found.append((name, number(place + 16, 8)))
      }
    }
    return found
  }
}
