import RNNGraph

// What the language offers beyond the graph's own operations, built from them.
extension GraphBuilder {
  /// The values less the greatest along an axis, so that their exponentials do not overflow.
  ///
  /// The shift cancels out of what is computed from it, so no gradient flows through it.
  private func shifted(_ x: ValueID, _ axis: Int) -> ValueID {
    let greatest = detach(reduce(.maximum, x, axes: [axis]))
    return subtract(x, broadcast(greatest, along: axis, of: x))
  }

  /// Repeats `value` along an axis of `x`.
  private func broadcast(_ value: ValueID, along axis: Int, of x: ValueID) -> ValueID {
    let shape = type(x).shape
    return broadcast(value, axes: shape.indices.filter { $0 != axis }, shape: shape)
  }

  /// Repeats `value` along the last axis of `x`.
  private func broadcast(lastAxisOf x: ValueID, _ value: ValueID) -> ValueID {
    broadcast(value, along: type(x).rank - 1, of: x)
  }

  private func sumOverLastAxis(_ x: ValueID) -> ValueID { reduce(.sum, x, axes: [type(x).rank - 1]) }

  /// A function of the elements along an axis.
  func along(_ axis: Int, _ function: AxisFunction, _ x: ValueID) -> ValueID {
    switch function {
    case .reduce(let reduction): reduce(reduction, x, axes: [axis])
    case .mean: mean(x, axes: [axis], count: type(x).shape[axis].fixed ?? 1)
    case .logSumExp: logSumExp(x, axis)
    case .norm: norm(x, axis)
    case .softmax(isLogarithmic: false): softmax(x, axis)
    case .softmax(isLogarithmic: true): logSoftmax(x, axis)
    }
  }

  /// exp(x) / Σ exp(x)
  private func softmax(_ x: ValueID, _ axis: Int) -> ValueID {
    let weights = unary(.exp, shifted(x, axis))
    return divide(weights, broadcast(reduce(.sum, weights, axes: [axis]), along: axis, of: x))
  }

  /// x − log Σ exp(x)
  private func logSoftmax(_ x: ValueID, _ axis: Int) -> ValueID {
    let shifted = shifted(x, axis)
    let logarithm = unary(.log, reduce(.sum, unary(.exp, shifted), axes: [axis]))
    return subtract(shifted, broadcast(logarithm, along: axis, of: x))
  }

  /// log Σ exp(x)
  ///
  /// The shift is 0 where the greatest element is infinite: the difference of two infinities is no number. If all
  /// exponentials are 0, the result is −∞, which the greatest element is then, and no gradient flows.
  private func logSumExp(_ x: ValueID, _ axis: Int) -> ValueID {
    let greatest = detach(reduce(.maximum, x, axes: [axis]))
    let zero = constant(0, like: greatest)
    let isInfinite = compare(.equal, unary(.abs, greatest), constant(.infinity, like: greatest))
    let shift = select(isInfinite, zero, greatest)
    let sum = reduce(.sum, unary(.exp, subtract(x, broadcast(shift, along: axis, of: x))), axes: [axis])
    let isNone = compare(.equal, sum, zero)
    let logarithm = unary(.log, select(isNone, constant(1, like: sum), sum))
    return select(isNone, greatest, add(logarithm, shift))
  }

  /// √ Σ x², whose derivative at 0 is 0.
  private func norm(_ x: ValueID, _ axis: Int) -> ValueID {
    let sum = reduce(.sum, multiply(x, x), axes: [axis])
    let isZero = compare(.equal, sum, constant(0, like: sum))
    let root = unary(.sqrt, select(isZero, constant(1, like: sum), sum))
    return select(isZero, constant(0, like: sum), root)
  }

  /// log Σ exp(x) − x[id] along the last axis, which has `extent` places; of `x[id]` this part is the mean of all places
  /// instead.
  func crossEntropy(_ logits: ValueID, _ ids: ValueID, extent: Int, smoothing: Double) -> ValueID {
    let shifted = shifted(logits, type(logits).rank - 1)
    let logarithm = unary(.log, sumOverLastAxis(unary(.exp, shifted)))
    var chosen = oneHot(ids, extent: extent, type(logits).element)
    if smoothing > 0 {
      let scaled = scale(chosen, by: 1 - smoothing)
      chosen = add(scaled, constant(smoothing / Double(extent), like: scaled))
    }
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
