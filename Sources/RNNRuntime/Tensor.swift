import Foundation

/// A dense, row-major array with value semantics.
///
/// Copies share memory until one of them is written to. The memory is aligned to 64 bytes.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let elementType: ElementType

  /// The extent of each axis, outermost first; empty for a scalar.
  public private(set) var shape: [Int]

  private var memory: AlignedMemory

  /// Makes a tensor of zeros.
  /// - Requires: extents are not negative and the size in bytes fits an `Int`.
  public init(_ elementType: ElementType, shape: [Int]) {
    guard let bytes = Self.byteCount(of: elementType, shape: shape) else {
      preconditionFailure("shape \(shape) is not the shape of a tensor")
    }
    self.elementType = elementType
    self.shape = shape
    memory = AlignedMemory(byteCount: bytes)
  }

  /// Makes a tensor from its elements in row-major order.
  /// - Requires: `values` has as many elements as `shape` says.
  public init<Element: TensorElement>(_ values: [Element], shape: [Int]) {
    self.init(Element.elementType, shape: shape)
    precondition(values.count == count, "\(values.count) values for shape \(shape)")
    values.withUnsafeBytes { source in withUnsafeMutableBytes { $0.copyMemory(from: source) } }
  }

  /// Makes a vector from its elements.
  public init<Element: TensorElement>(_ values: [Element]) {
    self.init(values, shape: [values.count])
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The number of bytes the elements take.
  public var byteCount: Int { memory.byteCount }

  /// The size in bytes of a tensor, or nil if an extent is negative or the size overflows.
  static func byteCount(of elementType: ElementType, shape: [Int]) -> Int? {
    var bytes = elementType.byteCount
    for extent in shape {
      guard extent >= 0 else { return nil }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      bytes = product
    }
    return bytes
  }
}

// MARK: - Shape

extension Tensor {
  /// The same elements in another shape.
  ///
  /// - Throws: `InputError` if the number of elements differs.
  public func reshaped(to shape: [Int]) throws -> Tensor {
    guard Self.byteCount(of: elementType, shape: shape) == byteCount else {
      throw InputError("\(self) cannot take the shape \(shape): the number of elements differs")
    }
    var result = self
    result.shape = shape
    return result
  }
}

// MARK: - Access

extension Tensor {
  /// Calls `body` with the elements' bytes.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(memory) {} }
    return try body(UnsafeRawBufferPointer(start: memory.baseAddress, count: memory.byteCount))
  }

  /// Calls `body` with the elements' bytes for writing; first copies memory that is shared.
  public mutating func withUnsafeMutableBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let memory = uniqueMemory()
    defer { withExtendedLifetime(memory) {} }
    return try body(UnsafeMutableRawBufferPointer(start: memory.baseAddress, count: memory.byteCount))
  }

  /// Calls `body` with the elements as values of `type`.
  /// - Throws: `InputError` if the elements are of another type.
  public func withUnsafeElements<Element: TensorElement, Result>(
    as type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) throws -> Result {
    try requireView(as: type)
    return try withUnsafeBytes { try body($0.assumingMemoryBound(to: type)) }
  }

  /// Calls `body` with the elements as values of `type` for writing.
  /// - Throws: `InputError` if the elements are of another type.
  public mutating func withUnsafeMutableElements<Element: TensorElement, Result>(
    as type: Element.Type, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
  ) throws -> Result {
    try requireView(as: type)
    return try withUnsafeMutableBytes { try body($0.assumingMemoryBound(to: type)) }
  }

  /// The elements in row-major order.
  /// - Throws: `InputError` if the elements are of another type.
  public func values<Element: TensorElement>(as type: Element.Type = Element.self) throws -> [Element] {
    try withUnsafeElements(as: type) { Array($0) }
  }

  /// The tensor's memory, shared with no other tensor, for compiled code that works in place.
  ///
  /// Writes through it are seen by this tensor until it is next written to or copied.
  public mutating func uniqueMemory() -> AlignedMemory {
    if !isKnownUniquelyReferenced(&memory) { memory = AlignedMemory(copying: memory) }
    return memory
  }

  /// Whether both tensors lie in the same memory.
  func isSameMemory(as other: Tensor) -> Bool { memory === other.memory }

  private func requireView<Element: TensorElement>(as type: Element.Type) throws {
    guard type.canView(elementType) else {
      throw InputError("a tensor of \(elementType) cannot be read as \(type.elementType)")
    }
  }
}

extension Tensor: Equatable {
  /// Whether type, shape and every bit of the elements agree.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.elementType == b.elementType, a.shape == b.shape else { return false }
    return a.memory === b.memory
      || memcmp(a.memory.baseAddress, b.memory.baseAddress, a.byteCount) == 0
  }
}

extension Tensor: CustomStringConvertible {
  /// The type and shape, as in `f32[35, 32]`.
  public var description: String { Self.describe(elementType, shape) }

  static func describe(_ type: ElementType, _ shape: [Int]) -> String {
    "\(type)[\(shape.map(String.init).joined(separator: ", "))]"
  }
}
