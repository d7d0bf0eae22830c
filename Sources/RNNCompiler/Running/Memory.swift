import Foundation
import RNNGraph
import RNNPlan

/// Limits that keep a wrong number from becoming a crash.
enum Limits {
  /// Examples in a batch, and steps of a sequence.
  static let extent = 1 << 24

  /// Checks that memory for `bytes` more is thinkable on this machine.
  ///
  /// - Throws: `InputError` if it is more than the machine has.
  static func require(bytes: Double, for purpose: String) throws {
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard bytes > available else { return }
    func gigabytes(_ bytes: Double) -> String { String(format: "%.1f GB", bytes / 1e9) }
    throw InputError(
      "\(purpose) need \(gigabytes(bytes)) of memory, and this machine has \(gigabytes(available))",
      note: "choose smaller sizes, a smaller batch or fewer steps")
  }
}

extension InputError {
  /// The error of a limit of memory within which sequences of so many steps cannot be computed.
  static func aboveLimit(bytes: Double, limit: Int, steps: Int) -> InputError {
    func text(_ bytes: Double) -> String {
      bytes < 1e6 ? "\(Int(bytes)) bytes" : String(format: "%.1f MB", bytes / 1e6)
    }
    return InputError(
      "sequences of \(steps) steps need \(text(bytes)) of working memory at least, and the limit is "
        + text(Double(limit)),
      note: "raise the memory limit, or choose a smaller batch, smaller sizes or fewer steps")
  }
}

extension Graph {
  /// The bytes of values of this graph for known sizes.
  func byteCount(of values: some Sequence<ValueID>, _ sizes: [Symbol: Int]) -> Double {
    values.reduce(0) { sum, value in
      sum + type(value).extents(sizes).reduce(Double(type(value).element.byteCount)) { $0 * Double($1) }
    }
  }
}

extension RNNPlan.Size {
  /// The number as a float, which does not overflow.
  func approximate(_ sizes: [Symbol: Int]) -> Double {
    terms.reduce(0) { sum, term in
      sum + term.key.reduce(Double(term.value)) { $0 * Double(sizes[$1] ?? 0) }
    }
  }
}
