/// The order of the first two axes of a sequence's tensor, outside of compiled code.
public enum SequenceLayout: String, Codable, Sendable, CaseIterable {
  /// `[T, N, …]`, as compiled code and programs in memory have it.
  case timeMajor = "time-major"
  /// `[N, T, …]`, as files have it unless they say otherwise.
  case batchMajor = "batch-major"

  /// The axes as messages show them.
  public var axes: String { self == .timeMajor ? "[T, N, …]" : "[N, T, …]" }
}

extension Safetensors {
  /// What a file's metadata calls the order of the axes of its sequences.
  private static let layoutKey = "rnnc.layout"

  /// Notes in which order the axes of sequences stand.
  public mutating func declare(_ layout: SequenceLayout) { metadata[Self.layoutKey] = layout.rawValue }

  /// Checks that the file does not say of itself that its sequences have another order of axes.
  ///
  /// - Parameter origin: what the file is, for messages.
  /// - Throws: `InputError` if it does.
  public func require(_ layout: SequenceLayout, origin: String) throws {
    guard let text = metadata[Self.layoutKey] else { return }
    guard let declared = SequenceLayout(rawValue: text) else {
      let known = SequenceLayout.allCases.map(\.rawValue).joined(separator: " or ")
      throw InputError("the metadata '\(Self.layoutKey)' of \(origin) is '\(text)', and not \(known)")
    }
    guard declared == layout else {
      throw InputError(
        "\(origin) says of itself that its sequences are \(declared.axes), but they are to be read as \(layout.axes)",
        note: "read it with --layout \(declared.rawValue)")
    }
  }
}
