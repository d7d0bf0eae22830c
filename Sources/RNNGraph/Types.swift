/// The type of one element of a tensor.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
  case f32, f64, i32, bool

  /// Whether arithmetic and gradients are defined on it.
  public var isFloat: Bool { self == .f32 || self == .f64 }

  /// Bytes of one element in memory.
  public var byteCount: Int {
    switch self {
    case .f32, .i32: 4
    case .f64: 8
    case .bool: 1
    }
  }
}

/// A size that the graph leaves open: the batch `B`, the number of steps `T`, or a named sequence length.
///
/// The batch is bound when a plan is made; numbers of steps are known only when the program runs.
public struct Symbol: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The name under which it is printed.
  public let name: String

  /// Makes the symbol `name`; equal names are the same size.
  public init(_ name: String) { self.name = name }

  /// The number of examples computed at once.
  public static let batch = Symbol("B")

  /// The number of steps of a sequence that names no other length.
  public static let steps = Symbol("T")

  public var description: String { name }

  public static func < (a: Self, b: Self) -> Bool { a.name < b.name }
}

/// The extent of one axis.
public enum Dimension: Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral {
  case fixed(Int)
  case symbol(Symbol)

  /// Makes a fixed extent.
  public init(integerLiteral value: Int) { self = .fixed(value) }

  /// The batch, `B`.
  public static let batch = Dimension.symbol(.batch)

  /// The default number of steps, `T`.
  public static let steps = Dimension.symbol(.steps)

  /// The extent if it does not depend on a symbol.
  public var fixed: Int? {
    if case .fixed(let n) = self { n } else { nil }
  }

  /// The symbol if the extent is one.
  public var symbol: Symbol? {
    if case .symbol(let s) = self { s } else { nil }
  }

  public var description: String {
    switch self {
    case .fixed(let n): "\(n)"
    case .symbol(let s): s.name
    }
  }
}

/// The element type and shape of a value, such as `f32[T, B, 256]`; a scalar has no axes: `f32[]`.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
  /// The type of each element.
  public var element: ElementType
  /// The extents, outermost axis first; the last axis is contiguous in memory.
  public var shape: [Dimension]

  /// Makes a type from its parts.
  public init(_ element: ElementType, _ shape: [Dimension]) {
    self.element = element
    self.shape = shape
  }

  /// The number of axes.
  public var rank: Int { shape.count }

  /// Whether there are no axes.
  public var isScalar: Bool { shape.isEmpty }

  /// The type with one more axis in front: that of a stack of such values.
  public func stacked(_ dimension: Dimension) -> TensorType { TensorType(element, [dimension] + shape) }

  /// The same shape with other elements.
  public func with(element: ElementType) -> TensorType { TensorType(element, shape) }

  /// The same elements in another shape.
  public func with(shape: [Dimension]) -> TensorType { TensorType(element, shape) }

  public var description: String {
    "\(element.rawValue)[\(shape.map(\.description).joined(separator: ", "))]"
  }
}
