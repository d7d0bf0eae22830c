extension RandomStream {
  /// A random orthogonal matrix, row by row: its rows are orthonormal if it is wide, its columns if it is tall.
  ///
  /// The factor Q of a matrix of normal numbers, with R's diagonal positive, is equally distributed over all
  /// orthogonal matrices (Mezzadri: "How to generate random matrices from the classical compact groups", 2007).
  public mutating func orthogonal(rows: Int, columns: Int) -> [Double] {
    let (count, length) = (min(rows, columns), max(rows, columns))
    let vectors = orthonormalVectors(count, length: length)
    let stride = Self.paddedLength(length)
    var numbers: [Double] = []
    numbers.reserveCapacity(rows * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        numbers.append(rows <= columns ? vectors[row * stride + column] : vectors[column * stride + row])
      }
    }
    return numbers
  }

  /// Orthonormal vectors, one after the other with padding to whole SIMD vectors.
  ///
  /// Gram–Schmidt in its modified order: each finished vector is taken out of all later ones at once.
  private mutating func orthonormalVectors(_ count: Int, length: Int) -> [Double] {
    let stride = Self.paddedLength(length)
    var storage = [Double](repeating: 0, count: count * stride)
    for vector in 0..<count {
      for index in 0..<length { storage[vector * stride + index] = normal() }
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
