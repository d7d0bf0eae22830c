extension FunctionBuilder {
  /// x to the power of y, of floats, doubles or vectors of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range, with the C library's cases: for negative x real if y is
  /// whole and else NaN, 1 if y is 0 or x is 1, whatever the other is.
  public func pow(_ x: IRValue, _ y: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let (base, one) = (fabs(x), format(1))
      let power = select(fcmp(.equal, base, one), one, powerOfMagnitude(base, y, format))

      // Of a number on the left the power is real if the exponent is whole, and negative if that is odd.
      let half = fmul(y, format(0.5))
      let isWhole = fcmp(.equal, roundToEven(y), y)
      let isEven = fcmp(.equal, roundToEven(half), half)
      let isLeft = icmp(.less, bitcast(x, to: format.integer), format.integer.zero)
      let mirrored = select(isEven, power, select(isWhole, fneg(power), power))
      let isReal = or(isWhole, or(fcmp(.equal, x, format(0)), fcmp(.equal, x, format(-.infinity))))
      let left = select(isReal, mirrored, format(.nan))
      let isOne = or(fcmp(.equal, x, one), fcmp(.equal, y, format(0)))
      return select(isOne, one, select(isLeft, left, power))
    }
  }

  /// e^(y log x) for x ≥ 0.
  ///
  /// An error of the product is one of the result, relative to it, so the product takes more bits than the result has:
  /// floats are doubles in between, and of doubles the logarithm has two parts.
  private func powerOfMagnitude(_ x: IRValue, _ y: IRValue, _ format: FloatFormat) -> IRValue {
    guard format.mantissaBits == 52 else {
      let wide = x.type.isVector ? module.f64.vector(x.type.lanes) : module.f64
      return fptrunc(exp(fmul(fpext(y, to: wide), log(fpext(x, to: wide)))), to: x.type)
    }
    let (high, low) = logarithmInParts(x, format)
    let (product, rest) = productInParts(y, high, format)
    return exp(product, plus: mulAdd(y, low, rest))
  }

  /// log x of a double x ≥ 0 as the sum of a double and a small rest, exact to 2^-64 of it.
  private func logarithmInParts(_ x: IRValue, _ format: FloatFormat) -> (IRValue, IRValue) {
    let (q, k) = quotientAndPower(x, format)
    // s = f / d = f / (2 + f) with f = q - 1, and what rounding the sum and the quotient took.
    let f = fsub(q, format(1))
    let d = fadd(f, format(2))
    let dRest = fsub(f, fsub(d, format(2)))
    let s = fdiv(f, d)
    let (sd, sdRest) = productInParts(s, d, format)
    let sRest = fdiv(fsub(fsub(fsub(f, sd), sdRest), fmul(s, dRest)), d)

    // log q = 2s + 2/3 s³ + s⁵ R(s²), of which the last is too small for its rounding to count.
    let (z, zError) = productInParts(s, s, format)
    let zRest = mulAdd(fmul(s, format(2)), sRest, zError)
    let (cube, cubeError) = productInParts(s, z, format)
    let cubeRest = mulAdd(s, zRest, mulAdd(sRest, z, cubeError))
    let (second, secondError) = productInParts(cube, format(0x1.5555555555555p-1), format)
    let secondRest = mulAdd(
      cube, format(0x1.5555555555555p-55), mulAdd(cubeRest, format(0x1.5555555555555p-1), secondError))
    let tail = fmul(fmul(cube, z), polynomial(Self.logTail, at: z))

    // Each sum begins with the larger number, or with 0, so that it loses nothing.
    let first = fmul(s, format(2))
    let power = fmul(k, format(format.ln2.high))
    let (sum, sumRest) = sumInParts(power, first)
    let (all, allRest) = sumInParts(sum, second)
    let small = fadd(
      fadd(sumRest, allRest),
      fadd(fadd(mulAdd(sRest, format(2), secondRest), tail), fmul(k, format(format.ln2.low))))
    let (high, low) = sumInParts(all, small)
    return (withEnds(high, of: x, format), low)
  }

  /// a + b for |a| ≥ |b| or a = 0: the rounded sum, and what rounding took from it.
  private func sumInParts(_ a: IRValue, _ b: IRValue) -> (IRValue, IRValue) {
    let sum = fadd(a, b)
    return (sum, fsub(b, fsub(sum, a)))
  }

  /// a · b: the rounded product, and what rounding took from it.
  private func productInParts(_ a: IRValue, _ b: IRValue, _ format: FloatFormat) -> (IRValue, IRValue) {
    let product = fmul(a, b)
    if module.target.hasFMA { return (product, fma(a, b, fneg(product))) }
    // Dekker: halves of 26 bits have exact products.
    func halves(_ x: IRValue) -> (IRValue, IRValue) {
      let scaled = fmul(x, format(0x1p27 + 1))
      let high = fsub(scaled, fsub(scaled, x))
      return (high, fsub(x, high))
    }
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b))
    let outer = fadd(fsub(fmul(a1, b1), product), fadd(fmul(a1, b2), fmul(a2, b1)))
    return (product, fadd(outer, fmul(a2, b2)))
  }

  /// R in log((1 + s) / (1 - s)) = 2s + 2/3 s³ + s⁵ R(s²) for a quotient between √½ and √2; 2^-73.
  private static let logTail = [
    0x1.9999999999996p-2, 0x1.2492492492f51p-2, 0x1.c71c71c5968f1p-3, 0x1.745d1829582ep-3,
    0x1.3b1364c88d0c5p-3, 0x1.11206f4961f3ep-3, 0x1.de3d6e9ddb0dap-4, 0x1.eac5ab1158864p-4,
  ]
}
