import RNNGraph

/// Rules for products and reductions.
extension Simplifier {
  func dot(_ a: ValueID, _ b: ValueID, _ axes: DotAxes) -> ValueID? {
    // dot(transpose a, b) -> dot(a, b) along other axes, if the result's axes stay in order
    if let inner = transposed(a) {
      let free = axes.lhsFree(rank: type(a).rank).map { inner.permutation[$0] }
      if free == free.sorted() {
        var axes = axes
        axes.lhsContracting = axes.lhsContracting.map { inner.permutation[$0] }
        axes.lhsBatch = axes.lhsBatch.map { inner.permutation[$0] }
        return make(.dot(axes), inner.x, b)
      }
    }
    if let inner = transposed(b) {
      let free = axes.rhsFree(rank: type(b).rank).map { inner.permutation[$0] }
      if free == free.sorted() {
        var axes = axes
        axes.rhsContracting = axes.rhsContracting.map { inner.permutation[$0] }
        axes.rhsBatch = axes.rhsBatch.map { inner.permutation[$0] }
        return make(.dot(axes), a, inner.x)
      }
    }
    return dotOfMatrix(a, b, axes)
  }

  /// `transpose(dot(a, b)) -> dot(b, a)`, if it swaps the two operands' axes and nothing else reads the product.
  func transposeOfDot(_ x: ValueID, _ permutation: [Int]) -> ValueID? {
    guard let (a, b, axes) = product(x), isUsedOnce(x) else { return nil }
    let batch = axes.lhsBatch.count
    let middle = batch + axes.lhsFree(rank: type(a).rank).count
    guard permutation == Array(0..<batch) + (middle..<permutation.count) + (batch..<middle) else {
      return nil
    }
    let swapped = DotAxes(
      lhsContracting: axes.rhsContracting, rhsContracting: axes.lhsContracting, lhsBatch: axes.rhsBatch,
      rhsBatch: axes.lhsBatch, isWide: axes.isWide, order: axes.order)
    return make(.dot(swapped), b, a)
  }

  func reduce(_ reduction: Reduction, _ x: ValueID, _ axes: [Int]) -> ValueID? {
    let shape = type(x).shape
    let kept = shape.indices.filter { !axes.contains($0) }
    if axes.isEmpty { return x }  // reduce along nothing -> x
    if axes.allSatisfy({ shape[$0] == 1 }) {  // reduce of one element -> reshape
      return make(.reshape(kept.map { shape[$0] }), x)
    }
    if let c = constant(x) {
      return repeated(
        reduction, constant(c, type(x).with(shape: kept.map { shape[$0] })), axes.map { shape[$0] })
    }
    // reduce(reduce x) -> reduce x
    if case .reduce(reduction, let inner, .any)? = kind(x), operands(x).count == 1 {
      let source = operands(x)[0]
      let outer = type(source).shape.indices.filter { !inner.contains($0) }
      return make(.reduce(reduction, axes: (inner + axes.map { outer[$0] }).sorted()), source)
    }
    if let (_, places, _) = broadcast(x) { return reduceOfBroadcast(reduction, x, axes, places) }
    if let (source, permutation) = transposed(x) {  // reduce(transpose x) -> transpose(reduce x)
      let inner = make(.reduce(reduction, axes: axes.map { permutation[$0] }.sorted()), source)
      let sources = kept.map { permutation[$0] }
      let sorted = sources.sorted()
      return make(.transpose(sources.map { source in sorted.firstIndex(of: source) ?? 0 }), inner)
    }
    if case .reverse(let axis)? = kind(x), axes.contains(axis) {  // reduce(reverse x) -> reduce x
      return make(.reduce(reduction, axes: axes), operands(x)[0])
    }
    return reduction == .sum ? sum(x, axes) : nil
  }

  /// `reduce(broadcast x)`: axes of `x` are reduced there, new ones repeat it.
  private func reduceOfBroadcast(_ reduction: Reduction, _ x: ValueID, _ axes: [Int], _ places: [Int])
    -> ValueID
  {
    let shape = type(x).shape
    let own = places.indices.filter { axes.contains(places[$0]) }
    let new = axes.filter { !places.contains($0) }
    let kept = shape.indices.filter { !axes.contains($0) }
    let inner = make(.reduce(reduction, axes: own), operands(x)[0])
    let rising = places.filter { !axes.contains($0) }.map { place in kept.firstIndex(of: place) ?? 0 }
    let scaled = repeated(reduction, inner, new.map { shape[$0] })
    return make(.broadcast(axes: rising, shape: kept.map { shape[$0] }), scaled)
  }

  /// The reduction of as many copies of `x` as `extents` say.
  private func repeated(_ reduction: Reduction, _ x: ValueID, _ extents: [Dimension]) -> ValueID {
    guard reduction == .sum else { return x }
    let scaled = scale(x, by: extents.reduce(1) { $0 * Double($1.fixed ?? 1) })
    let symbols = extents.compactMap(\.symbol)
    if symbols.isEmpty { return scaled }
    let size = builder.size(symbols.sorted(), type(x).element)
    return multiply(scaled, make(.broadcast(axes: [], shape: type(x).shape), size))
  }

  private func sum(_ x: ValueID, _ axes: [Int]) -> ValueID? {
    if case .oneHot? = kind(x), axes.contains(type(x).rank - 1) {  // sum(one_hot ids) along the classes -> 1
      let ids = type(operands(x)[0])
      return make(
        .reduce(.sum, axes: axes.dropLast()), constant(1, TensorType(type(x).element, ids.shape)))
    }
    if case .pad(let axis, let start, let to, let anchor)? = kind(x) {
      let kept = type(x).shape.indices.filter { !axes.contains($0) }
      let inner = make(.reduce(.sum, axes: axes), operands(x)[0])
      // sum(pad x) -> sum x along the axis, pad(sum x) along others
      guard let place = kept.firstIndex(of: axis) else { return inner }
      return make(.pad(axis: place, start: start, to: to, anchor: anchor), inner)
    }
    if let y = negated(x) { return negate(make(.reduce(.sum, axes: axes), y)) }  // sum(-x) -> -sum x
    return sumOfProduct(x, axes) ?? sumOfDot(x, axes)
  }

  private func sumOfProduct(_ x: ValueID, _ axes: [Int]) -> ValueID? {
    guard case (.multiply, let a, let b)? = binary(x) else { return nil }
    if let c = constant(b) {  // sum(x * c) -> sum x * c
      return scale(make(.reduce(.sum, axes: axes), a), by: c)
    }
    // sum(x * broadcast s) -> sum x * broadcast s, for an s that is the same for all terms
    for (factor, other) in [(b, a), (a, b)] {
      if let inner = broadcast(factor), inner.axes.allSatisfy({ !axes.contains($0) }) {
        let total = make(.reduce(.sum, axes: axes), other)
        let kept = inner.shape.indices.filter { !axes.contains($0) }
        let places = inner.axes.map { kept.firstIndex(of: $0)! }
        return multiply(total, make(.broadcast(axes: places, shape: type(total).shape), inner.x))
      }
    }
    return sumOfRows(a, b, axes)
  }

  /// The sum of a product along its batch axes -> contraction.
  private func sumOfDot(_ x: ValueID, _ summed: [Int]) -> ValueID? {
    guard let (a, b, axes) = product(x), isUsedOnce(x), axes.order == .any else { return nil }
    var pairs = axes
    let batch = summed.filter { $0 < pairs.lhsBatch.count }
    if batch.isEmpty { return nil }
    pairs.lhsContracting = batch.map { pairs.lhsBatch[$0] } + pairs.lhsContracting
    pairs.rhsContracting = batch.map { pairs.rhsBatch[$0] } + pairs.rhsContracting
    for axis in batch.reversed() {
      pairs.lhsBatch.remove(at: axis)
      pairs.rhsBatch.remove(at: axis)
    }
    let rest = summed.filter { !batch.contains($0) }.map { $0 - batch.count }
    return make(.reduce(.sum, axes: rest), make(.dot(pairs), a, b))
  }
}
