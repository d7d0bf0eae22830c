/// A fault of the user's data or of the environment: a missing file, a damaged checkpoint, a full disk.
///
/// A compiler's bug is never an `InputError`, and neither is a fault in a model's source, which has a place there.
public struct InputError: Error, Equatable, Sendable {
  /// What is wrong, in lower case and without a full stop.
  public let message: String

  /// What the user can do about it, one sentence each; may be empty.
  public let notes: [String]

  /// Makes an error from what is wrong and what would help.
  public init(_ message: String, notes: [String] = []) {
    self.message = message
    self.notes = notes
  }

  /// Makes an error with one note.
  public init(_ message: String, note: String) {
    self.init(message, notes: [note])
  }
}

extension InputError: CustomStringConvertible {
  /// The message, followed by one line for each note.
  public var description: String {
    ([message] + notes.map { "note: \($0)" }).joined(separator: "\n")
  }
}
