import Foundation
import RNNCodegen
import RNNLLVM
import RNNPlan

/// All that machine code or a schedule is made from, as text: the plan, the target and the compiler itself.
struct CodeKey: Sendable, Hashable {
  /// The text.
  let text: String

  /// What names of files end in: those of code, and those of schedules.
  static let codeExtension = ".code", scheduleExtension = ".schedule"

  /// The name of the file for it, but for what it ends in.
  var name: String { String(StableHash.of(text.utf8), radix: 16) }

  private init(text: String) { self.text = text }

  /// Describes what a schedule is for; nil if there is no telling one build of rnnc from another.
  init?(_ plan: Plan, threads: Int, target: Target) {
    guard let build = Self.build else { return nil }
    let symbols = plan.symbols.map(\.name).joined(separator: " ")
    text = """
      rnnc \(version) \(build)
      LLVM \(LLVMVersion.full)
      target \(target.triple) \(target.cpu) \(target.features) level \(target.optimizationLevel)
      machine \(target.machine), threads \(threads)
      symbols \(symbols)
      \(plan.text(withPlaces: false))
      """
  }

  /// Describes the code for the same.
  ///
  /// - Parameters:
  ///   - schedule: the text of the schedule; nil for the scheduler's, which follows from the plan.
  ///   - debugInfo: the plan whose lines the code carries; nil if it carries none.
  func code(schedule: String?, timesKernels: Bool, debugInfo: Plan?) -> CodeKey {
    CodeKey(
      text: """
        \(text)
        \(timesKernels ? "with clocks" : "without clocks")
        \(schedule ?? "")
        \(debugInfo.map(Self.lines) ?? "")
        """)
  }

  /// All that debug information is made from.
  private static func lines(of plan: Plan) -> String {
    let lines = plan.kernels.map { kernel in
      ([kernel.places.sum] + kernel.places.body).map { $0.first?.site ?? "" }.joined(separator: " ")
    }
    return "debug information in \(FileManager.default.currentDirectoryPath)\n"
      + lines.joined(separator: "\n")
  }

  /// Tells this build from others: the file in which the compiler is, by size, time and number.
  private static let build: String? = {
    var status = stat()
    guard let path = imagePath, stat(path, &status) == 0 else { return nil }
    let (seconds, nanoseconds) = status.modification
    return "\(status.st_size)-\(seconds).\(nanoseconds)-\(status.st_ino)"
  }()

  /// The program or library that has this code.
  private static var imagePath: String? {
    let address = UnsafeRawPointer(#dsohandle)
    #if canImport(Darwin)
      var image = Dl_info()
      return dladdr(address, &image) == 0 ? nil : image.dli_fname.map { String(cString: $0) }
    #else
      // Lines such as `7f00-7f80 r-xp 00000000 08:01 1234   /usr/lib/libexample.so`.
      guard let maps = try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8) else { return nil }
      for line in maps.split(separator: "\n") {
        guard let path = line.firstIndex(of: "/"), let dash = line.firstIndex(of: "-"),
          let low = UInt(line[..<dash], radix: 16),
          let high = UInt(line[dash...].dropFirst().prefix { $0.isHexDigit }, radix: 16)
        else { continue }
        if (low..<high).contains(UInt(bitPattern: address)) { return String(line[path...]) }
      }
      return nil
    #endif
  }
}

extension stat {
  /// The time at which the contents changed last.
  var modification: (seconds: Int, nanoseconds: Int) {
    #if canImport(Darwin)
      (st_mtimespec.tv_sec, st_mtimespec.tv_nsec)
    #else
      (st_mtim.tv_sec, st_mtim.tv_nsec)
    #endif
  }
}
