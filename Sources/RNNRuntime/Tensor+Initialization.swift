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
  ///
  /// The factor Q of a matrix of normal numbers, with R's diagonal positive, is equally distributed over all
  /// orthogonal matrices (Mezzadri: "How to generate random matrices from the classical compact groups", 2007).
  /// - Throws: `InputError` if the tensor is neither a matrix nor a stack of some.
  /// - Requires: the elements are floating-point numbers.
  public mutating func fillOrthogonal(gain: Double = 1, using stream: inout RandomStream) throws {
    guard shape.count > 1 else {
      throw InputError("only a matrix can be orthogonal, not a tensor of shape \(shape)")
    }
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let (vectorCount, length) = (min(rows, columns), max(rows, columns))
    let stride = Self.paddedLength(length)
    var vectors: [Double] = []
    var (row, column) = (rows, 0)
    fill {
      if row == rows {
        vectors = Self.orthonormalVectors(vectorCount, length: length, using: &stream)
        row = 0
      }
      let value = rows <= columns ? vectors[row * stride + column] : vectors[column * stride + row]
      column += 1
      if column == columns { (row, column) = (row + 1, 0) }
      return value * gain
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

extension Tensor {
  /// Orthonormal vectors, one after the other with padding to whole SIMD vectors.
  ///
  /// Gram–Schmidt in its modified order: each finished vector is taken out of all later ones at once.
  private static func orthonormalVectors(
    _ count: Int, length: Int, using stream: inout RandomStream
  ) -> [Double] {
    let stride = paddedLength(length)
    var storage = [Double](repeating: 0, count: count * stride)
    for vector in 0..<count {
      for index in 0..<length { storage[vector * stride + index] = stream.normal() }
    }
    storage.withUnsafeMutableBytes { bytes in
      // Padding is zero and stays zero, so whole SIMD vectors can be worked on.
      let lanes = stride / 8
      let base = bytes.baseAddress!
      func load(_ vector: Int, _ lane: Int) -> SIMD8<Double> {
        base.loadUnaligned(fromByteOffset: 8 * (vector * stride + 8 * lane), as: SIMD8<Double>.self)
      }
      func store(_ value: SIMD8<Double>, _ vector: Int, _ lane: Int) {
        base.storeBytes(of: value, toByteOffset: 8 * (vector * stride + 8 * lane), as: SIMD8<Double>.self)
      }
      func dot(_ a: Int, _ b: Int) -> Double {
        var sum = SIMD8<Double>.zero
        for lane in 0..<lanes { sum += load(a, lane) * load(b, lane) }
        return sum.sum()
      }
      for vector in 0..<count {
        let scale = 1 / dot(vector, vector).squareRoot()
        for lane in 0..<lanes { store(load(vector, lane) * scale, vector, lane) }
        for later in vector + 1..<max(count, vector + 1) {
          let projection = dot(vector, later)
          for lane in 0..<lanes { store(load(later, lane) - projection * load(vector, lane), later, lane) }
        }
      }
    }
    return storage
  }

  private static func paddedLength(_ length: Int) -> Int { (length + 7) & ~7 }
}
