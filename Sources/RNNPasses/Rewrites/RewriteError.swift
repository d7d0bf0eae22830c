/// Why a graph cannot become the graph that is wanted; the model is at fault, or cannot be used that way.
public struct RewriteError: Error, CustomStringConvertible {
  /// The reason, in lower case and without a full stop.
  public let message: String
  /// What would fit.
  public let note: String?

  public var description: String { message }

  init(_ message: String, note: String? = nil) {
    self.message = message
    self.note = note
  }
}
