/// The order of the first two axes of a sequence's tensor, outside of compiled code.
public enum SequenceLayout: String, Sendable, CaseIterable {
  /// `[steps, batch, …]`, as compiled code has it.
  case timeMajor
  /// `[batch, steps, …]`.
  case batchMajor
}
