extension FunctionBuilder {
  /// log x of a float, a double or a vector of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// -∞ at 0, NaN below, and denormal arguments are as exact as others.
  public func log(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let (q, k) = quotientAndPower(x, format)
      let f = fsub(q, format(1))
      let result = logarithm(f, k, low: fmul(k, format(format.ln2.low)), format)
      return withEnds(result, of: x, format)
    }
  }

  /// log(1 + x) of a float, a double or a vector of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// it is x near 0, -∞ at -1, NaN below.
  public func log1p(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let one = format(1)
      // 1 + x = u + rest without an error, whichever of the two is larger.
      let u = fadd(x, one)
      let t = fsub(u, x)
      let rest = fadd(fsub(x, fsub(u, t)), fsub(one, t))
      let (q, shifted) = quotientAndExponent(u, format)
      let scale = Double(sign: .plus, exponent: format.mantissaBits, significand: 1)
      let k = fsub(shifted, format(scale + Double(format.exponentBias)))
      // Between √½ and √2 there is no need of u: q - 1 is x. Elsewhere log(u + rest) is log u + rest / u.
      let isNear = fcmp(.equal, k, format(0))
      let f = select(isNear, x, fsub(q, one))
      let low = mulAdd(k, format(format.ln2.low), select(isNear, format(0), fdiv(rest, u)))
      let result = logarithm(f, k, low: low, format)
      return withEnds(result, of: u, format)
    }
  }

  /// A positive number as 2^k q with q between √½ and √2.
  func quotientAndPower(_ x: IRValue, _ format: FloatFormat) -> (IRValue, IRValue) {
    let m = format.mantissaBits
    // A denormal argument is multiplied by 2^m; the exponent found is then m too large.
    let isSmall = fcmp(.less, x, format(format.pick(0x1p-126, 0x1p-1022)))
    let scale = Double(sign: .plus, exponent: m, significand: 1)
    let normal = select(isSmall, fmul(x, format(scale)), x)
    let (q, shifted) = quotientAndExponent(normal, format)
    let bias = scale + Double(format.exponentBias)
    return (q, fsub(shifted, select(isSmall, format(bias + Double(m)), format(bias))))
  }

  /// A positive normal number as 2^k q with q between √½ and √2.
  ///
  /// Returns q, and 2^m plus k plus the exponent's bias: see Note [Rounding by a large number].
  private func quotientAndExponent(_ x: IRValue, _ format: FloatFormat) -> (IRValue, IRValue) {
    let integer = format.integer
    let m = format.mantissaBits
    // Adding 1 - √½ to the bits makes k the exponent field.
    let one = format.exponentBias << m
    let root = m == 52 ? Int(0.5.squareRoot().bitPattern) : Int(Float(0.5).squareRoot().bitPattern)
    let bits = add(bitcast(x, to: integer), integer.constant(one - root))
    let exponent = lshr(bits, integer.constant(m))
    let q = bitcast(
      add(and(bits, integer.constant((1 << m) - 1)), integer.constant(root)), to: format.type)
    // The exponent field as the low bits of a float.
    let shifted = bitcast(or(exponent, integer.constant((format.exponentBias + m) << m)), to: format.type)
    return (q, shifted)
  }

  /// log(1 + f) + k ln 2 for 1 + f between √½ and √2; `low` is what the high part of ln 2 leaves of it.
  private func logarithm(_ f: IRValue, _ k: IRValue, low: IRValue, _ format: FloatFormat) -> IRValue {
    // log(1 + f) = f - (h - s (h + s² R)) with h = f²/2, s = f / (2 + f): the large terms are exact.
    let s = fdiv(f, fadd(f, format(2)))
    let z = fmul(s, s)
    let h = fmul(fmul(f, format(0.5)), f)
    let series = fadd(h, fmul(z, polynomial(format.log, at: z)))
    let small = mulAdd(s, series, low)
    return mulAdd(k, format(format.ln2.high), fsub(f, fsub(h, small)))
  }

  /// The logarithm of x where `result` is that of a positive finite x.
  func withEnds(_ result: IRValue, of x: IRValue, _ format: FloatFormat) -> IRValue {
    let finite = select(fcmp(.less, x, format(.infinity)), result, x)
    let outside = select(fcmp(.equal, x, format(0)), format(-.infinity), format(.nan))
    return select(fcmp(.lessOrEqual, x, format(0)), outside, finite)
  }

  /// log(1 + e^x) of a float, a double or a vector of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// far left it is e^x, far right x, NaN stays.
  public func softplus(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let tail = logarithm(ofOneAnd: exp(fneg(fabs(x))), format)
      return fadd(max(format(0), x), tail)
    }
  }

  /// log(1 + y) for 0 ≤ y ≤ 1.
  private func logarithm(ofOneAnd y: IRValue, _ format: FloatFormat) -> IRValue {
    // 2 atanh(s) with s = y / (2 + y) ≤ 1/3.
    let s = fdiv(y, fadd(y, format(2)))
    let z = fmul(s, s)
    // 2s + 2s z A(z) = y - s (y - 2 z A(z)), where rounding errors of s count less.
    let series = fmul(z, polynomial(format.atanh, at: z))
    return mulAdd(fneg(s), mulAdd(series, format(-2), y), y)
  }

  /// log(e^x + e^y) of floats, doubles or vectors of them.
  ///
  /// At most 2 ulp off (Note [Bounds]) of the result or of the larger argument, over the whole range: infinite arguments are
  /// right, NaN stays.
  public func logaddexp(_ x: IRValue, _ y: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let isFirst = fcmp(.greater, x, y)
      let (large, small) = (select(isFirst, x, y), select(isFirst, y, x))
      // small - large, and what rounding took from it; infinities of one sign are equal, though they have no difference.
      let difference = fsub(small, large)
      let t = fsub(difference, small)
      let rest = fsub(fsub(small, fsub(difference, t)), fadd(large, t))
      func unlessEqual(_ number: IRValue) -> IRValue { select(fcmp(.equal, x, y), format(0), number) }
      let power = exp(unlessEqual(difference), plus: unlessEqual(rest))
      return fadd(large, logarithm(ofOneAnd: power, format))
    }
  }
}

extension FloatFormat {
  /// A in atanh(s) = s + s³ A(s²) for |s| ≤ 1/3; 2^-33 and 2^-64.
  fileprivate var atanh: [Double] {
    mantissaBits == 52
      ? [
        0x1.5555555555556p-2, 0x1.9999999999656p-3, 0x1.24924924ba4fep-3, 0x1.c71c71a9ac45fp-4,
        0x1.745d1d70f9fdbp-4, 0x1.3b12e3b4846d8p-4, 0x1.11226b2964e42p-4, 0x1.dff41cc6eceb5p-5,
        0x1.c0fff990654d1p-5, 0x1.20124db617322p-5, 0x1.50013d2d3f3b7p-4,
      ] : [0x1.555558p-2, 0x1.9996d8p-3, 0x1.25051p-3, 0x1.b72bb8p-4, 0x1.f08af8p-4]
  }
}
