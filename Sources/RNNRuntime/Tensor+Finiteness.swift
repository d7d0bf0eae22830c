import Foundation

extension Tensor {
  /// The first element, in row-major order, that is infinite or not a number, and its place; nil if there is none.
  public var firstNonFinite: (value: Double, position: [Int])? {
    // One pass without branches finds whether there is one, a second pass where: without the sign, and read as
    // integers, finite numbers are below infinity, and infinity is below what is not a number.
    func search<Number: BinaryFloatingPoint, Bits: FixedWidthInteger>(
      _: Number.Type, _: Bits.Type, infinity: Bits
    ) -> (value: Double, position: [Int])? {
      withUnsafeBytes { bytes in
        var largest: Bits = 0
        for bits in bytes.assumingMemoryBound(to: Bits.self) { largest = max(largest, bits & Bits.max >> 1) }
        guard largest >= infinity else { return nil }
        let numbers = bytes.assumingMemoryBound(to: Number.self)
        guard let place = numbers.firstIndex(where: { !$0.isFinite }) else { return nil }
        return (Double(numbers[place]).withoutSignOfNaN, position(of: place))
      }
    }
    switch elementType {
    case .f32: return search(Float.self, UInt32.self, infinity: Float.infinity.bitPattern)
    case .f64: return search(Double.self, UInt64.self, infinity: Double.infinity.bitPattern)
    case .i32, .i64, .u8, .bool: return nil
    }
  }

  /// Checks that every element is a finite number.
  ///
  /// - Parameter subject: what the tensor is, for messages, as in `tensor 'x' of 'train.safetensors'`.
  /// - Throws: `InputError` that names the place of the first that is not.
  public func requireFinite(_ subject: @autoclosure () -> String) throws {
    guard let (value, position) = firstNonFinite else { return }
    throw InputError("\(subject()) holds \(value)\(Self.place(position)), which is not a finite number")
  }

  /// The index along each axis of an element that is counted in row-major order.
  public func position(of element: Int) -> [Int] {
    var position: [Int] = []
    var rest = element
    for extent in shape.reversed() {
      position.append(rest % extent)
      rest /= extent
    }
    return position.reversed()
  }

  /// A place as messages show it; nothing for the only element of a scalar.
  static func place(_ position: [Int]) -> String { position.isEmpty ? "" : " at \(position)" }

  /// A sequence with zeros behind the valid steps of each example.
  ///
  /// - Parameter stepsFirst: whether the first axis counts steps and the second examples, and not the other way round.
  /// - Requires: it has two axes or more, and as many examples as there are lengths.
  public func clearingSteps(behind lengths: [Int32], stepsFirst: Bool) -> Tensor {
    let (steps, examples) = stepsFirst ? (shape[0], shape[1]) : (shape[1], shape[0])
    precondition(
      examples == lengths.count, "there are \(lengths.count) lengths and another number of examples")
    var result = self
    let width = shape[2...].reduce(elementType.byteCount, *)
    guard byteCount > 0 else { return result }
    result.withUnsafeMutableBytes { bytes in
      for (example, length) in lengths.enumerated() {
        for step in Int(length)..<max(Int(length), steps) {
          let place = stepsFirst ? step * examples + example : example * steps + step
          memset(bytes.baseAddress! + place * width, 0, width)
        }
      }
    }
    return result
  }

  /// Whether this is a copy of another tensor that neither of them was written to since.
  public func sharesMemory(with other: Tensor) -> Bool {
    elementType == other.elementType && shape == other.shape && isSameMemory(as: other)
  }
}
