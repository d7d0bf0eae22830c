extension ElementType {
  /// The greatest finite number of a float type.
  public var greatestNumber: Double {
    self == .f32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
  }

  /// The number of this type that stands for any number: the nearest `f32`; towards zero for `i32`, with its limits
  /// beyond them and 0 for NaN; 0 or 1 for `bool`.
  public func rounded(_ number: Double) -> Double {
    switch self {
    case .f64: number
    case .f32: Double(Float(number))
    case .i32:
      number.isNaN
        ? 0 : max(Double(Int32.min), min(Double(Int32.max), number.rounded(.towardZero))) + 0
    case .bool: number == 0 ? 0 : 1
    }
  }
}
