/// The type of a tensor's elements.
public enum ElementType: String, Sendable, Hashable, Codable, CaseIterable {
  /// IEEE single precision.
  case f32
  /// IEEE double precision.
  case f64
  /// 32-bit signed integer, the type of token ids.
  case i32
  /// 64-bit signed integer.
  case i64
  /// 8-bit unsigned integer.
  case u8
  /// A truth value, one byte each.
  case bool

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .u8, .bool: 1
    }
  }

  /// Whether the elements are floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .f32, .f64: true
    case .i32, .i64, .u8, .bool: false
    }
  }
}

/// A Swift type that can view the elements of a tensor.
public protocol TensorElement: BitwiseCopyable, Sendable {
  /// The element type of a tensor made from values of this type.
  static var elementType: ElementType { get }

  /// Whether memory of `type` may be read as this type.
  static func canView(_ type: ElementType) -> Bool
}

extension TensorElement {
  /// Only the element's own type, unless a conforming type says otherwise.
  public static func canView(_ type: ElementType) -> Bool { type == elementType }
}

extension Float: TensorElement {
  /// `f32`.
  public static var elementType: ElementType { .f32 }
}

extension Double: TensorElement {
  /// `f64`.
  public static var elementType: ElementType { .f64 }
}

extension Int32: TensorElement {
  /// `i32`.
  public static var elementType: ElementType { .i32 }
}

extension Int64: TensorElement {
  /// `i64`.
  public static var elementType: ElementType { .i64 }
}

extension UInt8: TensorElement {
  /// `u8`.
  public static var elementType: ElementType { .u8 }

  /// Truth values too: a byte of a file need not be 0 or 1, as Swift's `Bool` must.
  public static func canView(_ type: ElementType) -> Bool { type == .u8 || type == .bool }
}
