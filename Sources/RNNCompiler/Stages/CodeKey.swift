import Foundation
import RNNCodegen
import RNNLLVM
import RNNPlan

/// All that machine code is made from, as text: the plan, the target and the compiler itself.
struct CodeKey: Sendable, Hashable {
  /// The text.
  let text: String

  /// What names of files end in.
  static let fileExtension = ".code"

  /// The name of the file for it.
  var fileName: String { String(StableHash.of(text.utf8), radix: 16) + Self.fileExtension }

  /// Describes the code of a plan; nil if there is no telling one build of rnnc from another.
  ///
  /// Where the code comes from belongs to it only if the code carries that.
  init?(
    _ plan: Plan, threads: Int, schedule: String?, target: Target, timesKernels: Bool, debugInfo: Bool
  ) {
    guard let build = Self.build else { return nil }
    let symbols = plan.symbols.map(\.name).joined(separator: " ")
    text = """
      rnnc \(version) \(build)
      LLVM \(LLVMVersion.full)
      target \(target.triple) \(target.cpu) \(target.features) level \(target.optimizationLevel)
      machine \(target.machine), threads \(threads)
      \(timesKernels ? "with clocks" : "without clocks"), symbols \(symbols)
      \(plan.text(withPlaces: false))
      \(schedule ?? "")
      \(debugInfo ? Self.lines(of: plan) : "")
      """
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
