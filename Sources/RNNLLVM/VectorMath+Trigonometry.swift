extension FunctionBuilder {
  /// sin x of a float, a double or a vector of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), or 2^-24 (2^-53 for doubles) near multiples of π, as long as |x| is at
  /// most 2^17 (2^30) with FMA and 2^12 (2^19) without. Further out digits are lost, but the result stays between -1 and 1.
  public func sin(_ x: IRValue) -> IRValue { circular(x, quarter: 0) }

  /// cos x of a float, a double or a vector of them; as exact as `sin`.
  public func cos(_ x: IRValue) -> IRValue { circular(x, quarter: 1) }

  /// sin(x + quarter π/2).
  private func circular(_ x: IRValue, quarter: Int) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let integer = format.integer
      // x = n π/2 + r with a whole n and |r| ≤ π/4; see Note [Rounding by a large number].
      let rounder = format(format.rounder)
      let rounded = mulAdd(x, format(0x1.45f306dc9c883p-1), rounder)
      let n = fsub(rounded, rounder)
      let parts = format.halfPi(hasFMA: module.target.hasFMA)
      let exact = parts.reduce(x) { mulAdd(n, format(-$1), $0) }
      let r = clamp(exact, -0.8, 0.8)

      let z = fmul(r, r)
      let sine = mulAdd(fmul(r, z), polynomial(format.sin, at: z), r)
      let cosine = mulAdd(
        fmul(z, z), polynomial(format.cos, at: z), mulAdd(z, format(-0.5), format(1)))

      let q = add(bitcast(rounded, to: integer), integer.constant(quarter))
      let isOdd = icmp(.notEqual, and(q, integer.constant(1)), integer.zero)
      let value = select(isOdd, cosine, sine)
      let sign = shl(and(q, integer.constant(2)), integer.constant(format.type.scalarBits - 2))
      return bitcast(xor(bitcast(value, to: integer), sign), to: format.type)
    }
  }
}
