import RNNGraph

// What the language offers beyond the graph's own operations, built from them.
extension GraphBuilder {
  /// The values less the greatest along the last axis, so that their exponentials do not overflow.
  ///
  /// The shift cancels out of what is computed from it, so no gradient flows through it.
  private func shifted(_ x: ValueID) -> ValueID {
    let greatest = detach(reduce(.maximum, x, axes: [type(x).rank - 1]))
    return subtract(x, broadcast(lastAxisOf: x, greatest))
  }

  /// Repeats `value` along the last axis of `x`.
  private func broadcast(lastAxisOf x: ValueID, _ value: ValueID) -> ValueID {
    broadcast(value, axes: Array(0..<(type(x).rank - 1)), shape: type(x).shape)
  }

  private func sumOverLastAxis(_ x: ValueID) -> ValueID { reduce(.sum, x, axes: [type(x).rank - 1]) }

  /// exp(x) / Σ exp(x) along the last axis.
  func softmax(_ x: ValueID) -> ValueID {
    let weights = unary(.exp, shifted(x))
    return divide(weights, broadcast(lastAxisOf: x, sumOverLastAxis(weights)))
  }

  /// x − log Σ exp(x) along the last axis.
  func logSoftmax(_ x: ValueID) -> ValueID {
    let shifted = shifted(x)
    let logarithm = unary(.log, sumOverLastAxis(unary(.exp, shifted)))
    return subtract(shifted, broadcast(lastAxisOf: x, logarithm))
  }

  /// log Σ exp(x) − x[id] along the last axis, which has `extent` places.
  func crossEntropy(_ logits: ValueID, _ ids: ValueID, extent: Int) -> ValueID {
    let shifted = shifted(logits)
    let logarithm = unary(.log, sumOverLastAxis(unary(.exp, shifted)))
    let chosen = oneHot(ids, extent: extent, type(logits).element)
    return subtract(logarithm, sumOverLastAxis(multiply(chosen, shifted)))
  }

  /// The first place of the greatest element along the last axis; some place if there is a NaN.
  func argmax(_ x: ValueID) -> ValueID {
    let shape = type(x).shape
    let axis = shape.count - 1
    guard let count = shape[axis].fixed else { preconditionFailure("\(type(x)) has no fixed last axis") }
    let places = broadcast(iota(shape[axis], type(x).element), axes: [axis], shape: shape)
    let isGreatest = compare(.equal, x, broadcast(lastAxisOf: x, reduce(.maximum, x, axes: [axis])))
    let last = constant(Double(count - 1), like: x)
    return convert(reduce(.minimum, select(isGreatest, places, last), axes: [axis]), to: .i32)
  }

  /// The mean over axes of the given number of elements in all.
  func mean(_ x: ValueID, axes: [Int], count: Int) -> ValueID {
    axes.isEmpty ? x : scale(reduce(.sum, x, axes: axes), by: 1 / Double(count))
  }

  /// The mean of all elements of a value whose axes are all symbols.
  func meanOverSymbols(_ x: ValueID) -> ValueID {
    let symbols = type(x).shape.compactMap(\.symbol)
    if symbols.isEmpty { return x }
    return divide(
      reduce(.sum, x, axes: Array(type(x).shape.indices)), size(symbols, type(x).element))
  }
}
