import RNNSupport

extension Tensor {
  /// Fills with one value.
  /// - Requires: the elements are floating-point numbers.
  public mutating func fill(_ value: Double) {
    fill { value }
  }

  /// Fills with numbers spread equally over -bound..<bound.
  /// - Requires: the elements are floating-point numbers.
  public mutating func fillUniform(bound: Double, using stream: inout RandomStream) {
    fill { (2 * stream.uniform() - 1) * bound }
  }

  /// Fills with normally distributed numbers of mean 0.
  /// - Requires: the elements are floating-point numbers.
  public mutating func fillNormal(standardDeviation: Double, using stream: inout RandomStream) {
    fill { stream.normal() * standardDeviation }
  }

  /// Fills a matrix with a random orthogonal one, times `gain`: its rows are orthonormal if it is wide, its
  /// columns if it is tall. Of a stack, each matrix of the last two axes is filled so.
  /// - Throws: `InputError` if the tensor is neither a matrix nor a stack of some.
  /// - Requires: the elements are floating-point numbers.
  public mutating func fillOrthogonal(gain: Double = 1, using stream: inout RandomStream) throws {
    guard shape.count > 1 else {
      throw InputError("only a matrix can be orthogonal, not a tensor of shape \(shape)")
    }
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    var numbers = [Double]().makeIterator()
    fill {
      if let next = numbers.next() { return next * gain }
      numbers = stream.orthogonal(rows: rows, columns: columns).makeIterator()
      return (numbers.next() ?? 0) * gain
    }
  }

  /// Calls `next` for each element in row-major order; `f32` elements are the rounded `f64` ones.
  private mutating func fill(_ next: () -> Double) {
    precondition(elementType.isFloatingPoint, "a tensor of \(elementType) cannot be filled with fractions")
    let isDouble = elementType == .f64
    withUnsafeMutableBytes { bytes in
      if isDouble {
        for index in bytes.assumingMemoryBound(to: Double.self).indices {
          bytes.storeBytes(of: next(), toByteOffset: 8 * index, as: Double.self)
        }
      } else {
        for index in bytes.assumingMemoryBound(to: Float.self).indices {
          bytes.storeBytes(of: Float(next()), toByteOffset: 4 * index, as: Float.self)
        }
      }
    }
  }
}
