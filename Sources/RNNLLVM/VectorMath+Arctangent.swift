extension FunctionBuilder {
  /// The angle of the point (x, y), from -π to π, of floats, doubles or vectors of them.
  ///
  /// At most 2 ulp off (Note [Bounds]), over the whole plane, with the signs and the corners of the C library's; NaN stays.
  public func atan2(_ y: IRValue, _ x: IRValue) -> IRValue {
    withFastMath([]) {
      let format = FloatFormat(x.type)
      let (height, width) = (fabs(y), fabs(x))
      // The angle from the nearer axis has a tangent t of at most 1; of equal lengths, infinite ones among them, it is 1.
      let isSteep = fcmp(.greater, height, width)
      let large = select(isSteep, height, width)
      let small = select(isSteep, width, height)
      let corner = select(fcmp(.equal, large, format(0)), format(0), format(1))
      let t = select(fcmp(.equal, small, large), corner, fdiv(small, large))
      let z = fmul(t, t)
      let angle = mulAdd(fmul(t, z), polynomial(format.arctangent, at: z), t)

      // 0, π/2 or π, with the angle added or subtracted: the low part of π first.
      let isLeft = icmp(.less, bitcast(x, to: format.integer), format.integer.zero)
      func pick(_ steep: Double, _ left: Double) -> IRValue {
        select(isSteep, format(steep), select(isLeft, format(left), format(0)))
      }
      let (high, low) = format.pi
      let signed = select(icmp(.equal, isSteep, isLeft), angle, fneg(angle))
      let result = fadd(pick(high / 2, high), fadd(pick(low / 2, low), signed))
      return copySign(of: y, to: result, format)
    }
  }
}

extension FloatFormat {
  /// π as a sum, the larger first.
  fileprivate var pi: (high: Double, low: Double) {
    mantissaBits == 52
      ? (0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53) : (0x1.921fb6p+1, -0x1.777a5cp-24)
  }

  /// A in atan(t) = t + t³ A(t²) for 0 ≤ t ≤ 1; 2^-31 and 2^-56.
  fileprivate var arctangent: [Double] {
    mantissaBits == 52
      ? [
        -0x1.5555555555526p-2, 0x1.99999999955b4p-3, -0x1.249249237f0d4p-3, 0x1.c71c717fac9d1p-4,
        -0x1.745d11aaf8e63p-4, 0x1.3b136666b1472p-4, -0x1.110e4f35f98b9p-4, 0x1.e1bb8c3713fb9p-5,
        -0x1.ae5df1e6ded5bp-5, 0x1.82d8fdd8685ep-5, -0x1.599ed3aa21994p-5, 0x1.2c234d74d790ep-5,
        -0x1.e9d5c5a48a716p-6, 0x1.680f66af101d4p-6, -0x1.c73a47bb6c471p-7, 0x1.d7427404c4242p-8,
        -0x1.79c4a9eb7f21fp-9, 0x1.b3614f5a7768p-11, -0x1.3ebf5d821465ep-13, 0x1.bb4c023f32c8p-17,
      ]
      : [
        -0x1.555552p-2, 0x1.99981cp-3, -0x1.24762p-3, 0x1.c5117p-4, -0x1.6953bap-4, 0x1.1509fp-4,
        -0x1.70805cp-5, 0x1.752f3ap-6, -0x1.e69e2cp-8, 0x1.29659ep-10,
      ]
  }
}
