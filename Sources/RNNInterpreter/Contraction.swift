import RNNGraph

extension DenseArray {
  /// A sum of products over paired axes, added up in `Double` in the order of the pairs, from `start` or 0.
  func dot(_ other: DenseArray, _ axes: DotAxes, from start: DenseArray? = nil) -> DenseArray {
    let lhsFree = axes.lhsFree(rank: shape.count)
    let rhsFree = axes.rhsFree(rank: other.shape.count)
    // Both become matrices in batches: [batch, m, k] and [batch, k, n].
    let a = transposed(axes.lhsBatch + lhsFree + axes.lhsContracting)
    let b = other.transposed(axes.rhsBatch + axes.rhsContracting + rhsFree)
    func volume(_ axes: [Int], _ shape: [Int]) -> Int { axes.reduce(1) { $0 * shape[$1] } }
    let batch = volume(axes.lhsBatch, shape)
    let m = volume(lhsFree, shape)
    let k = volume(axes.lhsContracting, shape)
    let n = volume(rhsFree, other.shape)
    var sums = start?.numbers ?? [Double](repeating: 0, count: batch * m * n)
    sums.withUnsafeMutableBufferPointer { sums in
      a.numbers.withUnsafeBufferPointer { a in
        b.numbers.withUnsafeBufferPointer { b in
          for row in 0..<(batch * m) {
            let matrix = row / m * k
            for i in 0..<k {
              let factor = a[row * k + i]
              for j in 0..<n { sums[row * n + j] += factor * b[(matrix + i) * n + j] }
            }
          }
        }
      }
    }
    return DenseArray(
      axes.isWide ? .f64 : element,
      Array(a.shape.dropLast(axes.lhsContracting.count)) + rhsFree.map { other.shape[$0] }, sums)
  }

  /// Combines all elements along some axes, and a sum with `start`; of no elements, the sum is 0, the maximum -∞ and
  /// the minimum ∞.
  func reduced(_ reduction: Reduction, _ axes: [Int], from start: DenseArray? = nil) -> DenseArray {
    let kept = shape.indices.filter { !axes.contains($0) }
    let rows = transposed(kept + axes).numbers
    let count = axes.reduce(1) { $0 * shape[$1] }
    let resultShape = kept.map { shape[$0] }
    let first =
      switch reduction {
      case .sum: 0.0
      case .maximum: -Double.infinity
      case .minimum: Double.infinity
      }
    let results = (0..<resultShape.reduce(1, *)).map { row in
      rows[(row * count)..<((row + 1) * count)].reduce(
        start?.numbers[row] ?? first, reduction.function.evaluate)
    }
    return DenseArray(element, resultShape, results)
  }
}
