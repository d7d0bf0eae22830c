import Foundation
import RNNCompiler

/// What the user reads beside the results.
enum StandardError {
  /// Writes text; a stream that is gone is no reason to stop.
  static func write(_ text: String) { try? Streams.write(Array(text.utf8), to: STDERR_FILENO) }
}

/// Results.
enum StandardOutput {
  /// Writes text, at once.
  static func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// Writes bytes, at once.
  static func write(_ bytes: [UInt8]) throws {
    do {
      try Streams.write(bytes, to: STDOUT_FILENO)
    } catch let error as POSIXError {
      throw InputError("cannot write to standard output: \(String(cString: strerror(error.code.rawValue)))")
    }
  }
}

private enum Streams {
  static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      }
    }
  }
}
