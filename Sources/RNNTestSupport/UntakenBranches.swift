import RNNGraph

/// Adds branches to a graph that are never taken and that hold values which are not finite.
///
/// Values and gradients are those of the graph without them.
struct UntakenBranches {
  let builder: GraphBuilder

  private func constant(_ number: Double, _ value: ValueID) -> ValueID {
    builder.constant(number, like: value)
  }

  /// `value`, by a choice between it and what is not finite.
  ///
  /// - Requires: the elements of the value are within ±50.
  func choose(_ value: ValueID, using random: inout SplitMix64) -> ValueID {
    let rank = builder.type(value).rank
    switch random.below(5) {
    case 0:
      return builder.binary(.maximum, value, builder.unary(.log, builder.scale(value, by: 0)))
    case 1:
      let huge = builder.unary(.exp, builder.add(builder.scale(value, by: 1000), constant(1e5, value)))
      return builder.binary(.minimum, huge, value)
    case 2 where rank > 0 && builder.type(value).shape[rank - 1].fixed != nil:
      let hazard = hazard(value, using: &random)
      let count = builder.type(value).shape[rank - 1].fixed!
      let isBehind = random.chance(0.5)
      let both = builder.concat(isBehind ? [value, hazard] : [hazard, value], axis: rank - 1)
      return builder.slice(both, axis: rank - 1, start: isBehind ? 0 : count, count: count)
    default:
      let isTaken = builder.compare(.less, value, constant(60, value))
      return builder.select(isTaken, value, hazard(value, using: &random))
    }
  }

  /// Something made of `value`, in its type, that is infinite or not a number.
  private func hazard(_ value: ValueID, using random: inout SplitMix64) -> ValueID {
    let negative = builder.subtract(value, constant(100, value))
    let zero = builder.subtract(value, value)
    var result =
      switch random.below(7) {
      case 0: builder.unary(.log, negative)
      case 1: builder.unary(.sqrt, negative)
      case 2: builder.unary(.rsqrt, negative)
      case 3: builder.unary(.reciprocal, zero)
      case 4: builder.unary(.exp, builder.add(builder.scale(value, by: 1000), constant(1e5, value)))
      case 5: builder.divide(value, zero)
      default: builder.unary(.log, zero)
      }
    for _ in 0..<random.below(3) { result = mixed(result, value, using: &random) }
    return result
  }

  /// `hazard` behind one more operation.
  private func mixed(_ hazard: ValueID, _ value: ValueID, using random: inout SplitMix64) -> ValueID {
    let type = builder.type(hazard)
    let functions: [UnaryFunction] = [.tanh, .sigmoid, .sin, .abs, .softplus, .exp, .negate]
    switch random.below(6) {
    case 0: return builder.multiply(hazard, value)
    case 1: return builder.multiply(value, hazard)
    case 2: return builder.divide(value, hazard)
    case 3 where type.rank > 0:
      // A product over the last axis meets every element.
      let axis = type.rank - 1
      let others = Array(0..<axis)
      let axes = DotAxes(
        lhsContracting: [axis], rhsContracting: [axis], lhsBatch: others, rhsBatch: others)
      return builder.broadcast(builder.dot(hazard, value, axes), axes: others, shape: type.shape)
    case 4 where type.rank > 0:
      let kind: Reduction = random.chance(0.5) ? .maximum : .sum
      return builder.broadcast(
        builder.reduce(kind, hazard, axes: [0]), axes: Array(1..<type.rank), shape: type.shape)
    default: return builder.unary(random.pick(functions) ?? .tanh, hazard)
    }
  }
}
