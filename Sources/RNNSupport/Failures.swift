/// A fault of the compiler itself: an invariant did not hold.
public struct CompilerBug: Error, Sendable, CustomStringConvertible {
  /// What did not hold, and where in the compiler.
  public let description: String

  /// Makes a report of `message`, found at `file` and `line` of the compiler's sources.
  public init(_ message: String, file: StaticString = #fileID, line: UInt = #line) {
    description = "\(message) (\(file):\(line))"
  }
}

/// A known limit of the compiler: the input is right, but nothing handles it yet.
public struct Unsupported: Error, Sendable, CustomStringConvertible {
  /// What is not supported, lower-case, without a full stop.
  public let message: String
  /// The place in the user's source that needs it.
  public let site: SourceRange?

  /// Makes a report of `message` about `site`.
  public init(_ message: String, at site: SourceRange? = nil) {
    self.message = message
    self.site = site
  }

  /// The message behind its place.
  public var description: String { (site.map { "\($0): " } ?? "") + "unsupported: \(message)" }
}
