import RNNGraph

extension AdjointBuilder {
  // ∂L/∂x = ∂L/∂y · f'(x), by `y = f(x)` where that is cheaper than by `x`.
  func reverseUnary(_ function: UnaryFunction, _ x: ValueID, _ y: ValueID, _ dy: ValueID) {
    accumulate(strong(derivative(of: function, x, y, dy), adjoint: dy, of: y, times: y), into: x)
  }

  private func derivative(
    of function: UnaryFunction, _ x: ValueID, _ y: ValueID, _ dy: ValueID
  ) -> ValueID {
    switch function {
    // ∂L/∂x = -∂L/∂y
    case .negate: return builder.negate(dy)
    // ∂L/∂x = -∂L/∂y · y²
    case .reciprocal:
      let y = read(y)
      return builder.negate(builder.multiply(dy, builder.multiply(y, y)))
    // ∂L/∂x = ∂L/∂y · sign(x); 0 at 0
    case .abs: return builder.multiply(dy, builder.unary(.sign, read(x)))
    // ∂L/∂x = 0
    case .sign, .floor, .round: return builder.constant(0, like: dy)
    // ∂L/∂x = ∂L/∂y · y
    case .exp: return builder.multiply(dy, read(y))
    // ∂L/∂x = ∂L/∂y / x
    case .log: return builder.divide(dy, read(x))
    // ∂L/∂x = ½ ∂L/∂y / y
    case .sqrt: return builder.divide(builder.scale(dy, by: 0.5), read(y))
    // ∂L/∂x = -½ ∂L/∂y · y³
    case .rsqrt:
      let y = read(y)
      let cube = builder.multiply(y, builder.multiply(y, y))
      return builder.multiply(builder.scale(dy, by: -0.5), cube)
    // ∂L/∂x = ∂L/∂y · (1 - y²)
    case .tanh:
      let y = read(y)
      let slope = builder.subtract(builder.constant(1, like: y), builder.multiply(y, y))
      return builder.multiply(dy, slope)
    // ∂L/∂x = ∂L/∂y · y (1 - y)
    case .sigmoid:
      let y = read(y)
      let slope = builder.multiply(y, builder.subtract(builder.constant(1, like: y), y))
      return builder.multiply(dy, slope)
    // ∂L/∂x = ∂L/∂y · cos(x)
    case .sin: return builder.multiply(dy, builder.unary(.cos, read(x)))
    // ∂L/∂x = -∂L/∂y · sin(x)
    case .cos: return builder.negate(builder.multiply(dy, builder.unary(.sin, read(x))))
    // ∂L/∂x = ∂L/∂y · sigmoid(x)
    case .softplus: return builder.multiply(dy, builder.unary(.sigmoid, read(x)))
    // ∂L/∂x = ∂L/∂y · eˣ, which y + 1 would lose digits of far left
    case .expm1: return builder.multiply(dy, builder.unary(.exp, read(x)))
    // ∂L/∂x = ∂L/∂y / (1 + x)
    case .log1p:
      let x = read(x)
      return builder.divide(dy, builder.add(x, builder.constant(1, like: x)))
    // ∂L/∂x = ∂L/∂y · 2/√π e^-x²
    case .erf:
      let x = read(x)
      let power = builder.unary(.exp, builder.negate(builder.multiply(x, x)))
      return builder.multiply(dy, builder.scale(power, by: 2 / Double.pi.squareRoot()))
    }
  }

  func reverseBinary(_ function: BinaryFunction, _ a: ValueID, _ b: ValueID, _ y: ValueID, _ dy: ValueID) {
    switch function {
    // ∂L/∂a = ∂L/∂y, ∂L/∂b = ∂L/∂y
    case .add:
      accumulate(dy, into: a)
      accumulate(dy, into: b)
    // ∂L/∂a = ∂L/∂y, ∂L/∂b = -∂L/∂y
    case .subtract:
      accumulate(dy, into: a)
      accumulate(builder.negate(dy), into: b)
    // ∂L/∂a = ∂L/∂y · b, ∂L/∂b = ∂L/∂y · a
    case .multiply:
      accumulate(strong(builder.multiply(dy, read(b)), adjoint: dy, of: y, times: b), into: a)
      accumulate(strong(builder.multiply(dy, read(a)), adjoint: dy, of: y, times: a), into: b)
    // ∂L/∂a = ∂L/∂y / b, ∂L/∂b = -∂L/∂y / b · y
    case .divide:
      let quotient = builder.divide(dy, read(b))
      accumulate(strong(quotient, adjoint: dy, of: y, times: y), into: a)
      accumulate(
        strong(builder.negate(builder.multiply(quotient, read(y))), adjoint: dy, of: y, times: y), into: b)
    case .maximum: reverseExtremum(of: a, b, dy) { self.builder.compare(.less, $1, $0) }
    case .minimum: reverseExtremum(of: a, b, dy) { self.builder.compare(.less, $0, $1) }
    case .pow: reversePower(a, b, y, dy)
    // ∂L/∂a = ∂L/∂y · b / (a² + b²), ∂L/∂b = -∂L/∂y · a / (a² + b²); 0 at the origin
    case .atan2:
      let (p, q) = (read(a), read(b))
      let square = builder.add(builder.multiply(p, p), builder.multiply(q, q))
      let zero = builder.constant(0, like: square)
      let share = builder.select(builder.compare(.equal, square, zero), zero, builder.divide(dy, square))
      accumulate(strong(builder.multiply(share, q), adjoint: dy, of: y, times: y), into: a)
      accumulate(strong(builder.negate(builder.multiply(share, p)), adjoint: dy, of: y, times: y), into: b)
    // ∂L/∂a = ∂L/∂y · sigmoid(a - b), ∂L/∂b = ∂L/∂y · sigmoid(b - a); the halves if both are -∞
    case .logaddexp:
      let (p, q) = (read(a), read(b))
      let lowest = builder.constant(-builder.type(y).element.greatestNumber, like: dy)
      let isNothing = builder.compare(.less, read(y), lowest)
      let difference = builder.select(isNothing, builder.constant(0, like: dy), builder.subtract(p, q))
      func share(_ difference: ValueID) -> ValueID {
        strong(builder.multiply(dy, builder.unary(.sigmoid, difference)), adjoint: dy, of: y, times: y)
      }
      accumulate(share(difference), into: a)
      accumulate(share(builder.negate(difference)), into: b)
    }
  }

  // ∂L/∂a = ∂L/∂y · b aᵇ⁻¹, 0 if b is 0; ∂L/∂b = ∂L/∂y · y log a where a > 0, else 0
  private func reversePower(_ a: ValueID, _ b: ValueID, _ y: ValueID, _ dy: ValueID) {
    let (base, exponent) = (read(a), read(b))
    let zero = builder.constant(0, like: dy)
    func byBase() -> ValueID {
      let lower = builder.binary(.pow, base, builder.subtract(exponent, builder.constant(1, like: exponent)))
      let slope = builder.multiply(exponent, lower)
      return builder.multiply(dy, zeroed(slope, where: builder.compare(.equal, exponent, zero), zero))
    }
    func byExponent() -> ValueID {
      let slope = builder.multiply(read(y), builder.unary(.log, base))
      return builder.multiply(dy, builder.select(builder.compare(.less, zero, base), slope, zero))
    }
    accumulate(strong(byBase(), adjoint: dy, of: y, times: y), into: a)
    accumulate(strong(byExponent(), adjoint: dy, of: y, times: y), into: b)
  }

  // ∂L/∂a = ∂L/∂y where a wins over b, ∂L/∂b = ∂L/∂y where b wins over a
  //
  // A tie is shared equally between two active operands. Beside one without adjoint, such as the 0 of max(x, 0), a
  // tie passes nothing on: the derivative at the kink is 0, as for any rectifier.
  private func reverseExtremum(
    of a: ValueID, _ b: ValueID, _ dy: ValueID, wins: (_ winner: ValueID, _ loser: ValueID) -> ValueID
  ) {
    let zero = builder.constant(0, like: dy)
    let (first, second) = (read(a), read(b))
    let isShared = activity.isActive(a) && activity.isActive(b)
    let atTie =
      isShared
      ? builder.select(builder.compare(.equal, first, second), builder.scale(dy, by: 0.5), zero) : zero
    accumulate(builder.select(wins(first, second), dy, atTie), into: a)
    accumulate(builder.select(wins(second, first), dy, atTie), into: b)
  }

  // ∂L/∂a = ∂L/∂y where the condition holds, ∂L/∂b = ∂L/∂y elsewhere
  func reverseSelect(_ condition: ValueID, _ a: ValueID, _ b: ValueID, _ dy: ValueID) {
    let zero = builder.constant(0, like: dy)
    accumulate(builder.select(read(condition), dy, zero), into: a)
    accumulate(builder.select(read(condition), zero, dy), into: b)
  }

  // By decree: stopped, ∂L/∂x = 0; straight through, ∂L/∂soft = ∂L/∂y; clipped, ∂L/∂x = max(-c, min(c, ∂L/∂y))
  func reverseSurrogate(_ surrogate: Surrogate, _ operands: [ValueID], _ dy: ValueID) {
    switch surrogate {
    case .stop: break
    case .straightThrough: accumulate(dy, into: operands[1])
    case .clip(let bound):
      let below = builder.binary(.minimum, dy, builder.constant(bound, like: dy))
      accumulate(builder.binary(.maximum, below, builder.constant(-bound, like: dy)), into: operands[0])
    }
  }

  // ∂L/∂x = ∂L/∂y, in the precision of x
  func reverseConvert(_ x: ValueID, _ dy: ValueID) {
    accumulate(builder.convert(dy, to: builder.type(x).element), into: x)
  }
}
