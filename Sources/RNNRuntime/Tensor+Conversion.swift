extension Tensor {
  /// The tensor with its first two axes in the opposite order.
  /// - Requires: it has two axes or more.
  public func swappingFirstAxes() -> Tensor {
    precondition(shape.count >= 2, "\(self) does not have two axes")
    let (rows, columns) = (shape[0], shape[1])
    var result = Tensor(elementType, shape: [columns, rows] + shape[2...])
    let width = shape[2...].reduce(elementType.byteCount, *)
    guard byteCount > 0 else { return result }
    withUnsafeBytes { source in
      result.withUnsafeMutableBytes { target in
        for row in 0..<rows {
          for column in 0..<columns {
            let part = source[((row * columns + column) * width)...].prefix(width)
            let place = (column * rows + row) * width
            UnsafeMutableRawBufferPointer(rebasing: target[place..<(place + width)])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
          }
        }
      }
    }
    return result
  }

  /// The elements converted to `type`: a floating-point type to the other, rounding to nearest, or an integer
  /// type to another that holds every value.
  /// - Throws: `InputError` between floating-point and integer types, and for an integer out of range.
  public func converted(to type: ElementType) throws -> Tensor {
    if type == elementType { return self }
    switch (elementType, type) {
    case (.f32, .f64): return try mapped { (value: Float) in Double(value) }
    case (.f64, .f32): return try mapped { (value: Double) in Float(value) }
    case (.i32, .i64): return try mapped { (value: Int32) in Int64(value) }
    case (.u8, .i32), (.bool, .i32): return try mapped { (value: UInt8) in Int32(value) }
    case (.u8, .i64), (.bool, .i64): return try mapped { (value: UInt8) in Int64(value) }
    case (.i64, .i32): return try narrowed(Int64.self, to: Int32.self)
    case (.i64, .u8): return try narrowed(Int64.self, to: UInt8.self)
    case (.i32, .u8): return try narrowed(Int32.self, to: UInt8.self)
    default: throw InputError("a tensor of \(elementType) cannot be converted to \(type)")
    }
  }

  private func mapped<From: TensorElement, To: TensorElement>(
    _ convert: (From) throws -> To
  ) throws -> Tensor {
    Tensor(try withUnsafeElements(as: From.self) { try $0.map(convert) }, shape: shape)
  }

  private func narrowed<From: TensorElement & FixedWidthInteger, To: TensorElement & FixedWidthInteger>(
    _: From.Type, to: To.Type
  ) throws -> Tensor {
    try mapped { (value: From) in
      guard let narrow = To(exactly: value) else {
        throw InputError("the value \(value) does not fit \(To.elementType)")
      }
      return narrow
    }
  }
}
