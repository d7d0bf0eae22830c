import CRNNLLVM

/// What LLVM refused, in its own words.
///
/// The text that users write never gets this far unchecked, so outside of `Target` this is a bug of the
/// code generator or a machine that cannot run the code.
public struct LLVMError: Error, CustomStringConvertible, Sendable {
  /// What went wrong.
  public let message: String

  /// Makes an error that says `message`.
  public init(_ message: String) { self.message = message }

  /// The message.
  public var description: String { message }

  /// Throws what `error` says and releases it, or returns if there is none.
  static func check(_ error: LLVMErrorRef?, _ doing: String) throws {
    guard let error else { return }
    let text = LLVMGetErrorMessage(error)
    defer { LLVMDisposeErrorMessage(text) }
    throw LLVMError("\(doing): \(text.map { String(cString: $0) } ?? "unknown error")")
  }
}

/// Returns the text of a message that LLVM allocated, and releases it.
func taking(message: UnsafeMutablePointer<CChar>?) -> String {
  guard let message else { return "" }
  defer { LLVMDisposeMessage(message) }
  return String(cString: message)
}
