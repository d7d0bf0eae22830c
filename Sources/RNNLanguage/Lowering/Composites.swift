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

  /// The token of the greatest element along the last axis: the last one, if an element is not a number.
  func argmax(_ x: ValueID) -> ValueID {
    let place = placeOfGreatest(x)
    let extent = type(x).shape[type(x).rank - 1].fixed ?? 1
    return convert(binary(.minimum, place, constant(Double(extent - 1), like: place)), to: .i32)
  }

  /// The place of the greatest element along the last axis, as a number: of the first one if there are several, and
  /// the extent if there is none because an element is not a number.
  func placeOfGreatest(_ x: ValueID) -> ValueID {
    let axis = type(x).rank - 1
    let extent = type(x).shape[axis]
    let places = broadcast(iota(extent, type(x).element), axes: [axis], shape: type(x).shape)
    let isGreatest = compare(.equal, x, broadcast(lastAxisOf: x, reduce(.maximum, x, axes: [axis])))
    let none = constant(Double(extent.fixed ?? 0), like: x)
    return reduce(.minimum, select(isGreatest, places, none), axes: [axis])
  }

  /// 1 where the greatest element along the last axis is the one at an id, 0 elsewhere.
  func isGreatest(_ x: ValueID, at ids: ValueID) -> ValueID {
    let found = placeOfGreatest(detach(x))
    let element = type(x).element
    return convert(compare(.equal, found, convert(ids, to: element)), to: element)
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
