/// What the functions below need to know of a floating-point format, and their polynomials in it.
///
/// Note [Bounds]: the bounds stated at the functions hold for floats on a target with FMA; for doubles, and
/// for floats without FMA, they are 4 ulp. Tests compare with the C library's doubles.
///
/// The coefficients were fitted to the least largest relative error in 200-bit arithmetic, and rounded one
/// after another, each fit making up for the rounding of the ones before.
///
/// Note [Rounding by a large number]: adding 1.5 · 2^m, m being the stored bits of the mantissa, leaves no
/// bits for fractions, so that the sum is rounded to a whole number, whose low bits are the low bits of the
/// sum's representation. Subtracting the large number again gives it as a float. This takes one instruction
/// each where a conversion takes two or does not exist. It works only while nothing reorders sums, so all
/// functions here are made without the builder's liberties.
struct FloatFormat {
  /// The type, scalar or vector, and the integer type of the same shape.
  let type: IRType, integer: IRType
  private let isDouble: Bool

  init(_ type: IRType) {
    precondition(type.isFloatingPoint && (type.scalarBits == 32 || type.scalarBits == 64))
    self.type = type
    integer = type.sameSizeInteger
    isDouble = type.isDouble
  }

  func callAsFunction(_ value: Double) -> IRValue { type.constant(value) }
  func pick(_ single: Double, _ double: Double) -> Double { isDouble ? double : single }

  var mantissaBits: Int { isDouble ? 52 : 23 }
  var exponentBias: Int { isDouble ? 1023 : 127 }
  var rounder: Double { isDouble ? 0x1.8p52 : 0x1.8p23 }

  /// ln 2 as the sum of a number with so few bits that its product with an exponent is exact, and a rest.
  var ln2: (high: Double, low: Double) {
    isDouble ? (0x1.62e42fefa38p-1, 0x1.ef35793c7673p-45) : (0x1.62e4p-1, 0x1.7f7d1cp-20)
  }

  /// q in expm1(r) = r + r² q(r) for |r| ≤ ln 2 / 2; relative error of expm1 2^-26 and 2^-55.
  var expm1: [Double] {
    isDouble
      ? [
        0x1.0000000000005p-1, 0x1.5555555555547p-3, 0x1.55555555521cep-5, 0x1.11111111164a0p-7,
        0x1.6c16c17ef71b7p-10, 0x1.a01a01814deb4p-13, 0x1.a019a74512630p-16, 0x1.71de703e5d923p-19,
        0x1.28a1f60af558bp-22, 0x1.ae8d539c6e80fp-26,
      ] : [0x1.fffffep-2, 0x1.5554b4p-3, 0x1.5556f2p-5, 0x1.122538p-7, 0x1.6b9c44p-10]
  }

  /// R in log((1 + s) / (1 - s)) = 2s + s³ R(s²) for a quotient between √½ and √2; 2^-35 and 2^-59.
  var log: [Double] {
    isDouble
      ? [
        0x1.5555555555592p-1, 0x1.999999997ff14p-2, 0x1.24924941e206dp-2, 0x1.c71c521369ca4p-3,
        0x1.74663d2dcf27bp-3, 0x1.39a1e0b2f737bp-3, 0x1.2f041ab326f62p-3,
      ] : [0x1.555554p-1, 0x1.999c26p-2, 0x1.23d3d0p-2, 0x1.f14098p-3]
  }

  /// S in sin(r) = r + r³ S(r²) for |r| ≤ π/4; 2^-27 and 2^-57.
  var sin: [Double] {
    isDouble
      ? [
        -0x1.5555555555548p-3, 0x1.111111110f750p-7, -0x1.a01a019befb80p-13, 0x1.71de355c854e3p-19,
        -0x1.ae5e5246fbc47p-26, 0x1.5d8d88d2a93d0p-33,
      ] : [-0x1.555546p-3, 0x1.110776p-7, -0x1.9953p-13]
  }

  /// C in cos(r) = 1 - r²/2 + r⁴ C(r²) for |r| ≤ π/4; 2^-33 and 2^-63.
  var cos: [Double] {
    isDouble
      ? [
        0x1.555555555554bp-5, -0x1.6c16c16c1500ep-10, 0x1.a01a019c8df70p-16, -0x1.27e4f7f06f69ep-22,
        0x1.1ee9dae253c3dp-29, -0x1.8fa5f8aef3999p-37,
      ] : [0x1.55554ap-5, -0x1.6c0c2ap-10, 0x1.99e904p-16]
  }

  /// π/2 as a sum, largest first; without a fused instruction the leading numbers have so few bits that their
  /// products with a moderate integer are exact.
  func halfPi(hasFMA: Bool) -> [Double] {
    switch (isDouble, hasFMA) {
    case (false, true): [0x1.921fb6p+0, -0x1.777a5cp-25, -0x1.ee59dap-50]
    case (false, false): [0x1.922p+0, -0x1.2aep-18, -0x1.deap-31, 0x1.184698p-44]
    case (true, true): [0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110]
    case (true, false):
      [0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69, 0x1.b839a252049c1p-104]
    }
  }
}

extension FunctionBuilder {
  /// The polynomial with these coefficients, lowest first, at `x`.
  func polynomial(_ coefficients: [Double], at x: IRValue) -> IRValue {
    let terms = coefficients.map { x.type.constant($0) }
    return terms.dropLast().reversed().reduce(terms[terms.count - 1]) { mulAdd($0, x, $1) }
  }

  /// `x` kept between two numbers; NaN stays NaN.
  func clamp(_ x: IRValue, _ low: Double, _ high: Double) -> IRValue {
    min(x.type.constant(high), max(x.type.constant(low), x))
  }

  /// The float whose exponent field is the low bits of `biased`, an integer held by Note [Rounding by a large
  /// number]; bits above the exponent fall off.
  func powerOfTwo(biased: IRValue, _ format: FloatFormat) -> IRValue {
    let shift = format.integer.constant(format.mantissaBits)
    return bitcast(shl(bitcast(biased, to: format.integer), shift), to: format.type)
  }

  /// x = ±n ln 2 + r with a whole n and |r| ≤ ln 2 / 2, the sign being that of `sign`, 1 or -1.
  ///
  /// Returns r, and n + `bias` in the low bits of a float.
  private func reduceByLn2(
    _ x: IRValue, sign: Double = 1, bias: Int, _ format: FloatFormat
  ) -> (remainder: IRValue, exponent: IRValue) {
    let rounder = format(format.rounder + Double(bias))
    let exponent = mulAdd(x, format(sign / Double.log2), rounder)
    let n = fsub(exponent, rounder)
    let high = mulAdd(n, format(-sign * format.ln2.high), x)
    return (mulAdd(n, format(-sign * format.ln2.low), high), exponent)
  }

  /// e^r for |r| ≤ ln 2 / 2.
  private func expOfRemainder(_ r: IRValue, _ format: FloatFormat) -> IRValue {
    let h = mulAdd(r, polynomial(format.expm1, at: r), format(1))
    return mulAdd(r, h, format(1))
  }

  /// e^x of a float, a double or a vector of them, in 18 operations with FMA.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// denormal results are right, overflow gives infinity, NaN stays.
  public func exp(_ x: IRValue) -> IRValue { exp(x, plus: nil) }

  /// e^(x + rest) with a rest that rounding took from x.
  func exp(_ argument: IRValue, plus rest: IRValue?) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(argument.type)
      let x = clamp(argument, format.pick(-104, -746), format.pick(89, 710))
      let bias = 2 * format.exponentBias
      var (r, exponent) = reduceByLn2(x, bias: bias, format)
      // What is clamped has no rest, and what is infinite no number for one.
      if let rest { r = fadd(r, select(fcmp(.equal, x, argument), rest, format(0))) }
      // 2^n itself may be out of range where the result is not, so it is multiplied in by two halves.
      let n = bitcast(exponent, to: format.integer)
      let half = lshr(n, format.integer.constant(1))
      let scaled = fmul(expOfRemainder(r, format), powerOfTwo(biased: half, format))
      return fmul(scaled, powerOfTwo(biased: sub(n, half), format))
    }
  }

  /// e^x - 1 of a float, a double or a vector of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// it is x near 0, -1 far left, overflow gives infinity, NaN stays.
  public func expm1(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let x = clamp(x, format.pick(-30, -50), format.pick(89, 710))
      let bias = 2 * format.exponentBias
      let (r, exponent) = reduceByLn2(x, bias: bias, format)
      // 2^n = a b, for it may be out of range itself; e^x - 1 = b (a (e^r - 1) + (a - 1 / b)).
      let n = bitcast(exponent, to: format.integer)
      let half = lshr(n, format.integer.constant(1))
      let rest = sub(n, half)
      let a = powerOfTwo(biased: half, format)
      let inverse = powerOfTwo(biased: sub(format.integer.constant(bias), rest), format)
      let q = mulAdd(fmul(r, r), polynomial(format.expm1, at: r), r)
      return fmul(mulAdd(a, q, fsub(a, inverse)), powerOfTwo(biased: rest, format))
    }
  }

  /// 1 / (1 + e^-x) of a float, a double or a vector of them, in 18 operations with FMA.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// far left it is as exact as e^x, far right it is 1, NaN stays.
  public func sigmoid(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let x = clamp(x, format.pick(-105, -746), format.pick(30, 40))
      // With a = 2^-s e^-x the result is 2^-s / (2^-s + a); s keeps a in range where e^-x is not.
      let s = Int(format.pick(64, 512))
      let scale = format(Double(sign: .plus, exponent: -s, significand: 1))
      let (r, exponent) = reduceByLn2(x, sign: -1, bias: format.exponentBias - s, format)
      let power = powerOfTwo(biased: exponent, format)
      // 1 + e^-x = 1 + 2^n + 2^n (e^-r - 1), the largest of the three last, so that one rounding counts.
      let mirrored = format.expm1.enumerated().map { $0.isMultiple(of: 2) ? $1 : -$1 }
      let q = mulAdd(fmul(r, r), polynomial(mirrored, at: r), fneg(r))
      let rest = mulAdd(power, q, min(power, scale))
      return fdiv(scale, fadd(max(power, scale), rest))
    }
  }

  /// tanh x of a float, a double or a vector of them, in 21 operations with FMA.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// it is x near 0, ±1 far from it, NaN stays.
  public func tanh(_ argument: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(argument.type)
      // On the right, rounding errors of e in e / (e + 1) cancel; on the left, they would add up.
      let x = min(format(format.pick(10, 20)), fabs(argument))
      // 2x = n ln 2 + 2r. The product with ln 2 need not be exact: e^2x counts least where n is large.
      let rounder = format(format.rounder + Double(format.exponentBias))
      let exponent = mulAdd(x, format(2 / Double.log2), rounder)
      let n = fsub(exponent, rounder)
      let r = mulAdd(n, format(-Double.log2 / 2), x)
      // e = (e^2x - 1) / 2 = 2^n (e^2r - 1) / 2 + (2^n - 1) / 2, and tanh x = e / (e + 1).
      let doubled = format.expm1.enumerated().map { index, coefficient in
        Double(sign: .plus, exponent: index + 1, significand: coefficient)
      }
      let q = mulAdd(fmul(r, r), polynomial(doubled, at: r), r)
      let power = powerOfTwo(biased: exponent, format)
      let e = mulAdd(power, q, mulAdd(power, format(0.5), format(-0.5)))
      let quotient = fdiv(e, fadd(e, format(1)))
      // The sum loses digits of a small e, so the same is taken as e - e · quotient there.
      let isSmall = fcmp(.less, x, format(0.3))
      let magnitude = select(isSmall, mulAdd(fneg(e), quotient, e), quotient)
      return copySign(of: argument, to: magnitude, format)
    }
  }
}

extension Double {
  /// ln 2.
  fileprivate static let log2 = 0x1.62e42fefa39efp-1
}
