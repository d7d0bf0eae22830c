extension FunctionBuilder {
  /// The error function of a float, a double or a vector of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole range:
  /// near 0 it is as exact as elsewhere, ±1 far from it, NaN stays.
  public func erf(_ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      // 1 - e^-p with p = -log(1 - erf |x|), which starts as 2/√π |x|: that erf is small there costs no digits.
      let t = min(format(format.pick(4, 6)), fabs(x))
      let rest = polynomial(format.logErfc.rest, at: t)
      let p = mulAdd(t, format(format.logErfc.first), fmul(t, rest))
      return copySign(of: x, to: fneg(expm1(fneg(p))), format)
    }
  }
}

extension FloatFormat {
  /// Q in -log(1 - erf t) = t Q(t) for 0 ≤ t ≤ 4 (6), its first coefficient apart from what rounding took from it; the
  /// relative error of erf is 2^-27 and 2^-53.
  fileprivate var logErfc: (first: Double, rest: [Double]) {
    mantissaBits == 52
      ? (
        0x1.20dd750429b6dp+0,
        [
          -0x1.50c74979c7c9ep-57, 0x1.45f306dc9c8d9p-1, 0x1.a4f4e2a1a9cbap-4, -0x1.396685909b479p-6,
          -0x1.b6b6a14e2eddap-13, 0x1.bca69144cecd4p-10, -0x1.3566345489d29p-11, 0x1.b29708881f2ebp-16,
          0x1.0e35d8fe2128fp-14, -0x1.f04b43616b03fp-16, 0x1.aaaa22f5c5942p-19, 0x1.a2fb7092215dap-19,
          -0x1.0ffc41a09319cp-19, 0x1.2e100f7151997p-21, -0x1.e218e5aa23b46p-28, -0x1.23a9405100457p-24,
          0x1.2fe53add402aep-25, -0x1.79f1b833b6dc3p-27, 0x1.4b4526041c9f5p-29, -0x1.a695f629d2828p-32,
          0x1.832efcbe3b842p-35, -0x1.e527c8ad7618fp-39, 0x1.75193ab303c17p-43, -0x1.09e720d6418dfp-48,
        ]
      )
      : (
        0x1.20dd76p+0,
        [
          -0x1.d0e4dp-25, 0x1.45f2fap-1, 0x1.a4fa4ep-4, -0x1.39cd14p-6, -0x1.50ca3cp-13, 0x1.b5062cp-10,
          -0x1.4bc872p-11, 0x1.ed591p-14, -0x1.367a06p-17,
        ]
      )
  }
}
