extension FunctionBuilder {
  /// The nearest whole number of a float, a double or a vector of them, the even one of two; NaN stays.
  ///
  /// Exact, with the sign of `x`. There is an instruction for it, but not on the oldest processors, where LLVM calls the
  /// C library instead.
  public func roundToEven(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      // From 2^m on all numbers are whole; below, adding and subtracting it leaves no bits for fractions.
      let whole = format(Double(sign: .plus, exponent: format.mantissaBits, significand: 1))
      let magnitude = fabs(x)
      let rounded = fsub(fadd(magnitude, whole), whole)
      return copySign(of: x, to: select(fcmp(.less, magnitude, whole), rounded, magnitude), format)
    }
  }

  /// The largest whole number that is not larger than a float, a double or a vector of them; NaN stays.
  ///
  /// Exact, with the sign of `x`.
  public func roundDown(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let near = roundToEven(x)
      return select(fcmp(.greater, near, x), fsub(near, format(1)), near)
    }
  }

  /// A number that is not negative, with the sign of `x`.
  func copySign(of x: IRValue, to magnitude: IRValue, _ format: FloatFormat) -> IRValue {
    let sign = and(bitcast(x, to: format.integer), bitcast(format(-0.0), to: format.integer))
    return bitcast(or(bitcast(magnitude, to: format.integer), sign), to: format.type)
  }
}
