import RNNGraph

/// Rules for elementwise operations.
extension Simplifier {
  func unary(_ function: UnaryFunction, _ x: ValueID) -> ValueID? {
    if let c = constant(x) { return folded(function.evaluate(c), like: x) }  // f(c) -> c'
    if let (source, axes, shape) = broadcast(x) {  // f(broadcast x) -> broadcast(f(x))
      return make(.broadcast(axes: axes, shape: shape), make(.unary(function), source))
    }
    if function == .negate {
      if let y = negated(x) { return y }  // -(-x) -> x
      if let (y, c) = scaled(x) { return scale(y, by: -c) }  // -(x * c) -> x * -c
      if let (inner, a, b) = binary(x), inner == .subtract, isUsedOnce(x) {  // -(a - b) -> b - a
        return subtract(b, a)
      }
    }
    if function == .abs {
      if case (.abs, _)? = unary(x) { return x }  // abs(abs x) -> abs x
      if let y = negated(x) { return make(.unary(.abs), y) }  // abs(-x) -> abs x
    }
    return nil
  }

  func binary(_ function: BinaryFunction, _ a: ValueID, _ b: ValueID) -> ValueID? {
    if let x = constant(a), let y = constant(b) { return folded(function.evaluate(x, y), like: a) }
    if function.traits.contains(.commutative), constant(a) != nil {  // c + x -> x + c
      return make(.binary(function), b, a)
    }
    if let value = ofBroadcasts(function, a, b) { return value }
    switch function {
    case .add: return sum(a, b)
    case .subtract: return difference(a, b)
    case .multiply: return product(a, b)
    case .divide:
      if let c = constant(b), c.isPowerOfTwo {  // x / 2 -> x * 0.5, which is exact
        return scale(a, by: 1 / c)
      }
    case .maximum, .minimum:
      if a == b { return a }  // max(x, x) -> x
    case .pow: return constant(b).flatMap { power(a, $0) }
    case .atan2, .logaddexp: break
    }
    return nil
  }

  /// Powers of which a product or a quotient is as exact.
  private func power(_ x: ValueID, _ exponent: Double) -> ValueID? {
    if exponent == 0 { return constant(1, type(x)) }  // x⁰ -> 1
    if exponent == 1 { return x }  // x¹ -> x
    if exponent == 2 { return multiply(x, x) }  // x² -> x * x
    if exponent == 3 { return multiply(x, multiply(x, x)) }  // x³ -> x * (x * x)
    if exponent == -1 { return make(.unary(.reciprocal), x) }  // x⁻¹ -> 1 / x
    return nil
  }

  /// `f(broadcast x, broadcast y) -> broadcast(f(x, y))`, where a constant is a broadcast as well.
  private func ofBroadcasts(_ function: BinaryFunction, _ a: ValueID, _ b: ValueID) -> ValueID? {
    let (x, y) = (broadcast(a), broadcast(b))
    if let x, let y, x.axes == y.axes {
      return make(.broadcast(axes: x.axes, shape: x.shape), make(.binary(function), x.x, y.x))
    }
    if let x, let c = constant(b) {
      let inner = make(.binary(function), x.x, constant(c, type(x.x)))
      return make(.broadcast(axes: x.axes, shape: x.shape), inner)
    }
    if let y, let c = constant(a) {
      let inner = make(.binary(function), constant(c, type(y.x)), y.x)
      return make(.broadcast(axes: y.axes, shape: y.shape), inner)
    }
    return nil
  }

  private func sum(_ a: ValueID, _ b: ValueID) -> ValueID? {
    if let c = constant(b) {
      if c == 0 { return a }  // x + 0 -> x
      if let (inner, x, y) = binary(a), inner == .add, let d = constant(y) {  // (x + d) + c -> x + (d + c)
        return add(x, constant(rounded(c + d, a), type(a)))
      }
    }
    if let y = negated(b) { return subtract(a, y) }  // a + -y -> a - y
    if let x = negated(a) { return subtract(b, x) }  // -x + b -> b - x
    return sumOfPads(a, b)
  }

  private func difference(_ a: ValueID, _ b: ValueID) -> ValueID? {
    if let c = constant(b) { return add(a, constant(-c, type(b))) }  // x - c -> x + -c
    if constant(a) == 0 { return negate(b) }  // 0 - x -> -x
    if let y = negated(b) { return add(a, y) }  // a - -y -> a + y
    return nil
  }

  private func product(_ a: ValueID, _ b: ValueID) -> ValueID? {
    if let c = constant(b) {
      if c == 1 { return a }  // x * 1 -> x
      if c == -1 { return negate(a) }  // x * -1 -> -x
      if let (x, d) = scaled(a) { return scale(x, by: rounded(c * d, a)) }  // (x * d) * c -> x * (d * c)
      if let x = negated(a) { return scale(x, by: -c) }  // -x * c -> x * -c
    }
    if let x = negated(a) { return negate(multiply(x, b)) }  // -x * y -> -(x * y)
    if let y = negated(b) { return negate(multiply(a, y)) }  // x * -y -> -(x * y)
    if let s = broadcast(b), type(s.x).isScalar, case (.multiply, let x, let inner)? = binary(a),
      let t = broadcast(inner),
      type(t.x).isScalar
    {  // (x * broadcast t) * broadcast s -> x * broadcast(t * s)
      return multiply(x, make(.broadcast(axes: [], shape: s.shape), multiply(t.x, s.x)))
    }
    return nil
  }

  func compare(_ comparison: Comparison, _ a: ValueID, _ b: ValueID) -> ValueID? {
    guard let x = constant(a), let y = constant(b) else { return nil }
    return constant(comparison.evaluate(x, y) ? 1 : 0, type(a).with(element: .bool))
  }

  func select(_ condition: ValueID, _ a: ValueID, _ b: ValueID) -> ValueID? {
    if a == b { return a }  // select(c, x, x) -> x
    if let c = constant(condition) { return c != 0 ? a : b }  // select(true, a, b) -> a
    return nil
  }

  func convert(_ x: ValueID, _ element: ElementType) -> ValueID? {
    let from = type(x).element
    if from == element { return x }  // convert to the same -> x
    if let c = constant(x), element.isFloat { return folded(c, type(x).with(element: element)) }
    if let (source, axes, shape) = broadcast(x) {
      return make(.broadcast(axes: axes, shape: shape), make(.convert(element), source))
    }
    if case .convert? = kind(x), from == .f64 {
      let source = operands(x)[0]
      // convert(convert(x, f64), e) -> convert(x, e): f64 holds every number of the other types
      if type(source).element == element || element.isFloat { return make(.convert(element), source) }
    }
    return nil
  }

  private func folded(_ number: Double, like value: ValueID) -> ValueID? { folded(number, type(value)) }

  /// A constant as its element type holds it; nil if that is not finite, which is left to the program's run.
  private func folded(_ number: Double, _ type: TensorType) -> ValueID? {
    let number = type.element == .f32 ? Double(Float(number)) : number
    return number.isFinite ? constant(number, type) : nil
  }

  private func rounded(_ number: Double, _ value: ValueID) -> Double {
    type(value).element == .f32 ? Double(Float(number)) : number
  }
}

extension Double {
  fileprivate var isPowerOfTwo: Bool { isNormal && significand == 1 && (1 / self).isNormal }
}
