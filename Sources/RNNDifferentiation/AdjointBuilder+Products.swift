import RNNGraph

extension AdjointBuilder {
  // ∂L/∂a = Σ ∂L/∂y · b over b's free axes, ∂L/∂b = Σ ∂L/∂y · a over a's free axes
  func reverseDot(_ axes: DotAxes, _ a: ValueID, _ b: ValueID, _ y: ValueID, _ dy: ValueID) {
    let (aRank, bRank) = (builder.type(a).rank, builder.type(b).rank)
    let dy = builder.convert(dy, to: builder.type(a).element)
    let batch = Array(axes.lhsBatch.indices)
    let aFree = axes.lhsFree(rank: aRank)
    let bFree = axes.rhsFree(rank: bRank)
    // The axes of ∂L/∂y are the batch axes, then a's free axes, then b's.
    let aPlaces = Array(batch.count..<(batch.count + aFree.count))
    let bPlaces = Array((batch.count + aFree.count)..<(batch.count + aFree.count + bFree.count))

    let aFactor = { self.factor(a, axes.lhsBatch, aFree, of: y, dy, kept: batch + aPlaces) }
    let bFactor = { self.factor(b, axes.rhsBatch, bFree, of: y, dy, kept: batch + bPlaces) }
    accumulate(
      product(
        dy, contracting: bPlaces, free: aFree,
        with: bFactor(), contracting: bFree, batch: axes.rhsBatch,
        free: rest(axes.rhsContracting, named: axes.lhsContracting), batchNames: axes.lhsBatch),
      into: a)
    accumulate(
      product(
        dy, contracting: aPlaces, free: bFree,
        with: aFactor(), contracting: aFree, batch: axes.lhsBatch,
        free: rest(axes.lhsContracting, named: axes.rhsContracting), batchNames: axes.rhsBatch),
      into: b)
  }

  /// The operand that the adjoint is multiplied by: without the elements that only zeros of the adjoint meet, if these
  /// elements may not be finite. See Note [Strong zeros].
  ///
  /// `kept` are the axes of the adjoint that are the operand's, its `batch` axes and its `free` ones.
  private func factor(
    _ operand: ValueID, _ batch: [Int], _ free: [Int], of y: ValueID, _ dy: ValueID, kept: [Int]
  ) -> ValueID {
    let value = read(operand)
    guard strongZeros.isNeeded(adjointOf: y, times: operand) else { return value }
    let others = builder.type(dy).shape.indices.filter { !kept.contains($0) }
    let largest = builder.reduce(.maximum, builder.unary(.abs, dy), axes: others)
    let isUnmet = builder.compare(.equal, largest, builder.constant(0, like: largest))
    // The axes of `largest` in the order of the operand's.
    let places = batch + free
    let order = places.indices.sorted { places[$0] < places[$1] }
    let mask = builder.broadcast(
      builder.transpose(isUnmet, order), axes: places.sorted(), shape: builder.type(value).shape)
    return zeroed(value, where: mask, builder.constant(0, like: value))
  }

  /// The names of `axes` in rising order of the axes.
  private func rest(_ axes: [Int], named names: [Int]) -> [Int] {
    zip(axes, names).sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// The product of the adjoint and the other operand, with its axes in the order of the operand it belongs to.
  ///
  /// `names`, `free` and `batchNames` tell which axis of that operand each axis of the product is. Of the two orders
  /// of the factors, the one that needs no transposition is taken.
  private func product(
    _ dy: ValueID, contracting dyContracting: [Int], free names: [Int],
    with other: ValueID, contracting otherContracting: [Int], batch otherBatch: [Int], free otherNames: [Int],
    batchNames: [Int]
  ) -> ValueID {
    let dyBatch = Array(otherBatch.indices)
    let order = batchNames + names + otherNames
    let swapped = batchNames + otherNames + names
    if order != order.sorted() && swapped == swapped.sorted() {
      return builder.dot(
        other, dy,
        DotAxes(
          lhsContracting: otherContracting, rhsContracting: dyContracting, lhsBatch: otherBatch,
          rhsBatch: dyBatch))
    }
    let product = builder.dot(
      dy, other,
      DotAxes(
        lhsContracting: dyContracting, rhsContracting: otherContracting, lhsBatch: dyBatch,
        rhsBatch: otherBatch))
    return builder.transpose(product, order.indices.map { axis in order.firstIndex(of: axis) ?? axis })
  }

  func reverseReduce(_ reduction: Reduction, _ axes: [Int], _ x: ValueID, _ y: ValueID, _ dy: ValueID) {
    let type = builder.type(x)
    let kept = type.shape.indices.filter { !axes.contains($0) }
    func spread(_ value: ValueID) -> ValueID { builder.broadcast(value, axes: kept, shape: type.shape) }
    switch reduction {
    // ∂L/∂x = ∂L/∂y, repeated
    case .sum: accumulate(spread(dy), into: x)
    // ∂L/∂x = ∂L/∂y / n where x = y, and 0 elsewhere; n elements of x are equal to y, and share alike
    case .maximum, .minimum:
      let isExtreme = builder.compare(.equal, read(x), spread(read(y)))
      let count = builder.reduce(.sum, builder.convert(isExtreme, to: type.element), axes: axes)
      let share = spread(builder.divide(dy, count))
      accumulate(builder.select(isExtreme, share, builder.constant(0, like: share)), into: x)
    }
  }
}
