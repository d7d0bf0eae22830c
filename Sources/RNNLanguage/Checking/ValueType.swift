/// Over what a value repeats: its axes in front of those that the program writes.
enum Extent: Hashable, Sendable {
  /// Nothing: parameters and numbers are the same for every example and step.
  case constant
  /// The examples of the batch.
  case example
  /// The examples, and the steps of the sequence length of this name.
  case steps(String)

  /// Whether there is a value for every step.
  var isSequence: Bool { if case .steps = self { true } else { false } }

  /// The name of the length of sequences that name none.
  static let defaultSteps = "T"
}

/// The type of a value: what stands in one step of one example, and over what it repeats.
struct ValueType: Hashable, Sendable {
  /// What the elements are.
  enum Element: Hashable, Sendable {
    case number
    /// The outcome of a comparison.
    case mask
    /// An id below the size; always a scalar.
    case token(Int)
  }

  var element: Element
  var shape: [Int]
  var extent: Extent

  /// The type of numbers.
  init(_ shape: [Int], _ extent: Extent) { self.init(.number, shape, extent) }

  init(_ element: Element, _ shape: [Int], _ extent: Extent) {
    self.element = element
    self.shape = shape
    self.extent = extent
  }

  var isScalar: Bool { shape.isEmpty }

  /// Whether there is a value for every step.
  var isSequence: Bool { extent.isSequence }

  /// Whether the other type is the same but for its extent.
  func matches(_ other: ValueType) -> Bool { element == other.element && shape == other.shape }

  /// The shape of the product '@' with another type, or nil if the two do not multiply.
  ///
  /// A stack of matrices or vectors multiplies with one of the same axes in front, each with each.
  func product(_ other: ValueType) -> [Int]? {
    let stack = productStack(other)
    guard shape.starts(with: stack), other.shape.starts(with: stack) else { return nil }
    let (left, right) = (shape.dropFirst(stack.count), other.shape.dropFirst(stack.count))
    let isProduct = [(2, 1), (1, 2), (2, 2)].contains { $0 == (left.count, right.count) }
    guard isProduct, left.last == right.first else { return nil }
    return stack + left.dropLast() + right.dropFirst()
  }

  /// The axes in front of the left matrix or vector of a product '@' with another type, which has the same number of
  /// axes or one more or less.
  func productStack(_ other: ValueType) -> [Int] {
    let (rank, otherRank) = (shape.count, other.shape.count)
    guard abs(rank - otherRank) < 2 else { return [] }
    return Array(shape.prefix(Swift.max(0, Swift.max(rank, otherRank) - 2)))
  }

  func with(extent: Extent) -> ValueType { ValueType(element, shape, extent) }

  /// How the type is written, without the extent.
  var step: String {
    switch element {
    case .number: shape.isEmpty ? "a scalar" : shape.bracketed
    case .mask: shape.isEmpty ? "mask" : "mask \(shape.bracketed)"
    case .token(let size): "token(\(size))"
    }
  }

  /// How the type is written.
  var described: String {
    guard case .steps(let length) = extent else { return step }
    let prefix = length == Extent.defaultSteps ? "seq" : "seq(\(length))"
    return isScalar && element == .number ? "\(prefix) []" : "\(prefix) \(step)"
  }
}

extension [Int] {
  /// `[a, b]`.
  var bracketed: String { "[\(map(String.init).joined(separator: ", "))]" }
}
