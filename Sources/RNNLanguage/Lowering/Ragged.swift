import RNNGraph

// Sequences whose examples have valid steps of their own number: everything behind them is left out by `select`, so
// that not even a NaN there shows.
extension GraphBuilder {
  /// `x` where a mask of its leading axes holds, elsewhere another value of its type, or 0.
  func masked(_ x: ValueID, by mask: ValueID, else other: ValueID? = nil) -> ValueID {
    let condition = broadcast(mask, axes: Array(type(mask).shape.indices), shape: type(x).shape)
    return select(condition, x, other ?? constant(0, like: x))
  }

  /// A sequence `[T, B, …]` in which the steps that are not valid hold another value of its type, or 0.
  func masked(_ x: ValueID, lengths: ValueID, else other: ValueID? = nil) -> ValueID {
    let shape = Array(type(x).shape.prefix(2))
    let steps = broadcast(iota(shape[0], .i32), axes: [0], shape: shape)
    let isValid = compare(.less, steps, broadcast(lengths, axes: [1], shape: shape))
    return masked(x, by: isValid, else: other)
  }

  /// Which examples have a valid step.
  func isPositive(_ lengths: ValueID) -> ValueID {
    compare(.less, constant(0, like: lengths), lengths)
  }

  /// exp(x) / Σ exp(x) over the first axis; over the valid steps of it if there are lengths.
  func softmaxOverSteps(_ x: ValueID, lengths: ValueID?) -> ValueID {
    func repeated(_ value: ValueID) -> ValueID { broadcast(value, leading: [type(x).shape[0]]) }
    guard let lengths else {
      let weights = unary(.exp, subtract(x, repeated(detach(reduce(.maximum, x, axes: [0])))))
      return divide(weights, repeated(reduce(.sum, weights, axes: [0])))
    }
    // What is left out is as large as the largest, so that neither it nor a sequence without valid steps overflows.
    let lowest = constant(-type(x).element.greatestNumber, like: x)
    let largest = repeated(detach(reduce(.maximum, masked(x, lengths: lengths, else: lowest), axes: [0])))
    let weights = masked(
      unary(.exp, subtract(masked(x, lengths: lengths, else: largest), largest)), lengths: lengths)
    let sum = reduce(.sum, weights, axes: [0])
    let divisor = masked(sum, by: isPositive(lengths), else: constant(1, like: sum))
    return divide(weights, repeated(divisor))
  }

  /// The mean over the valid steps of all examples; 0 if there is none.
  func meanOverValidSteps(_ x: ValueID, lengths: ValueID) -> ValueID {
    let count = reduce(.sum, convert(lengths, to: type(x).element), axes: [0])
    let sum = reduce(.sum, masked(x, lengths: lengths), axes: Array(type(x).shape.indices))
    return divide(sum, binary(.maximum, count, constant(1, like: count)))
  }
}
