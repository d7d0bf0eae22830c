import RNNGraph

// Rules for products of a matrix of each example with a vector. What is computed of whole matrices is worth more than what is
// computed of their rows and columns: a factor or a sum of outer products is taken out of the matrix.
extension Simplifier {
  /// `sum(x * broadcast v)`, along an axis of a vector of each example -> dot(x, v)
  func sumOfRows(_ a: ValueID, _ b: ValueID, _ axes: [Int]) -> ValueID? {
    for (factor, other) in [(b, a), (a, b)] {
      guard axes.count == 1, let vector = broadcast(factor),
        let place = vector.axes.firstIndex(of: axes[0]), vector.axes.count == vector.shape.count - 1,
        vector.axes.contains(where: { vector.shape[$0] == .batch }),
        case let batch = vector.axes.filter({ $0 != axes[0] }), batch == Array(batch.indices)
      else { continue }
      let pairs = DotAxes(
        lhsContracting: axes, rhsContracting: [place], lhsBatch: batch,
        rhsBatch: vector.axes.indices.filter { $0 != place })
      return make(.dot(pairs), other, vector.x)
    }
    return nil
  }

  /// A product of a matrix and a vector of each example, of which the matrix is put together of others.
  func dotOfMatrix(_ a: ValueID, _ b: ValueID, _ axes: DotAxes) -> ValueID? {
    guard let pair = MatrixVector(a, b, axes, type) else { return nil }
    return dotOfScaled(pair) ?? dotOfSum(pair)
  }

  private func dotOfScaled(_ pair: MatrixVector) -> ValueID? {
    guard case (.multiply, let p, let q)? = binary(pair.matrix) else { return nil }
    for (factor, rest) in [(q, p), (p, q)] {
      guard let scale = broadcast(factor) else { continue }
      // dot(m * broadcast s, v) -> dot(m, v) * broadcast s, for an s that is the same for all terms
      if let places = pair.places(scale.axes, in: .result) {
        let product = make(.dot(pair.axes), pair.with(rest))
        return multiply(product, make(.broadcast(axes: places, shape: type(product).shape), scale.x))
      }
      // dot(m * broadcast s, v) -> dot(m, v * s), for an s that is the same for all results
      if let places = pair.places(scale.axes, in: .vector) {
        let factors = make(.broadcast(axes: places, shape: type(pair.vector).shape), scale.x)
        return make(.dot(pair.axes), pair.with(rest, multiply(pair.vector, factors)))
      }
    }
    return nil
  }

  /// `dot(m + outer(x, y), v) -> dot(m, v) + dot(x, v) * y`, if nothing else needs the sum.
  private func dotOfSum(_ pair: MatrixVector) -> ValueID? {
    guard case (.add, let p, let q)? = binary(pair.matrix), isUsedOnce(pair.matrix) else { return nil }
    for (outer, rest) in [(q, p), (p, q)] {
      guard let factors = outerFactors(outer) else { continue }
      for ((x, along), (y, across)) in [(factors.0, factors.1), (factors.1, factors.0)] {
        guard let inVector = pair.places(along, in: .vector), let inResult = pair.places(across, in: .result)
        else { continue }
        let product = make(.dot(pair.axes), pair.with(rest))
        let shape = type(product).shape
        let terms = multiply(pair.vector, make(.broadcast(axes: inVector, shape: type(pair.vector).shape), x))
        let total = make(.reduce(.sum, axes: pair.contractedOfVector), terms)
        let batch = Array(0..<type(total).rank)
        return add(
          product,
          multiply(
            make(.broadcast(axes: batch, shape: shape), total),
            make(.broadcast(axes: inResult, shape: shape), y)))
      }
    }
    return nil
  }

  /// The factors of an outer product, and the axes of the matrix along which each of them lies.
  private func outerFactors(_ value: ValueID) -> ((ValueID, [Int]), (ValueID, [Int]))? {
    if let (a, b, axes) = product(value), axes.lhsContracting.isEmpty, axes.order == .any {
      let (first, second) = (type(a).rank - axes.lhsBatch.count, type(b).rank - axes.rhsBatch.count)
      let batch = Array(0..<axes.lhsBatch.count)
      guard first == 1, second == 1, axes.lhsBatch == batch, axes.rhsBatch == batch else { return nil }
      return ((a, batch + [batch.count]), (b, batch + [batch.count + 1]))
    }
    guard case (.multiply, let p, let q)? = binary(value), let a = broadcast(p), let b = broadcast(q) else {
      return nil
    }
    return ((a.x, a.axes), (b.x, b.axes))
  }
}

/// A product of a matrix and a vector of each example.
private struct MatrixVector {
  let matrix: ValueID, vector: ValueID
  let axes: DotAxes
  private let isFirst: Bool
  private let batch: [Int], contracted: [Int], free: [Int]
  private let batchOfVector: [Int]
  let contractedOfVector: [Int]

  init?(_ a: ValueID, _ b: ValueID, _ axes: DotAxes, _ type: (ValueID) -> TensorType) {
    let free = (axes.lhsFree(rank: type(a).rank), axes.rhsFree(rank: type(b).rank))
    guard axes.order == .any, !axes.isWide, axes.lhsContracting.count == 1, free.0.count + free.1.count == 1,
      axes.lhsBatch.contains(where: { type(a).shape[$0] == .batch })
    else { return nil }
    self.axes = axes
    isFirst = free.1.isEmpty
    (matrix, vector) = isFirst ? (a, b) : (b, a)
    self.free = isFirst ? free.0 : free.1
    (batch, batchOfVector) = isFirst ? (axes.lhsBatch, axes.rhsBatch) : (axes.rhsBatch, axes.lhsBatch)
    (contracted, contractedOfVector) =
      isFirst ? (axes.lhsContracting, axes.rhsContracting) : (axes.rhsContracting, axes.lhsContracting)
  }

  /// The operands, with another matrix and perhaps another vector.
  func with(_ matrix: ValueID, _ other: ValueID? = nil) -> [ValueID] {
    isFirst ? [matrix, other ?? vector] : [other ?? vector, matrix]
  }

  enum Side { case vector, result }

  /// Where axes of the matrix are in the vector or in the result; nil if one is not there, or they do not rise.
  func places(_ axes: [Int], in side: Side) -> [Int]? {
    var places: [Int] = []
    for axis in axes {
      var place: Int?
      switch side {
      case .vector:
        place =
          batch.firstIndex(of: axis).map { batchOfVector[$0] }
          ?? contracted.firstIndex(of: axis).map { contractedOfVector[$0] }
      case .result:
        place = batch.firstIndex(of: axis) ?? free.firstIndex(of: axis).map { batch.count + $0 }
      }
      guard let place, places.last.map({ $0 < place }) ?? true else { return nil }
      places.append(place)
    }
    return places
  }
}
