import RNNLLVM

/// Numbers that are kept as the upper halves of `f32`. See `Buffer.Format`.
extension KernelEmitter {
  /// The upper halves of numbers, rounded to the nearest and to even between two: as `i16`.
  func halved(_ value: IRValue) -> IRValue {
    let type = module.i32.vector(lanes)
    let bits = builder.bitcast(value, to: type)
    let half = builder.splat(module.i32.constant(16), lanes)
    let isOdd = builder.and(builder.lshr(bits, half), builder.splat(module.i32.constant(1), lanes))
    let rounding = builder.add(isOdd, builder.splat(module.i32.constant(0x7FFF), lanes))
    return builder.trunc(builder.lshr(builder.add(bits, rounding), half), to: module.i16.vector(lanes))
  }

  /// One of the two vectors of `f32` whose halves alternate at an address.
  ///
  /// Both come from one load, and each needs one more instruction.
  func widened(_ pair: IRValue, isSecond: Bool) -> IRValue {
    let bits = builder.load(module.i32.vector(lanes), pair, align: 2)
    let upper =
      isSecond
      ? builder.and(bits, builder.splat(module.i32.constant(-65536), lanes))
      : builder.shl(bits, builder.splat(module.i32.constant(16), lanes))
    return builder.bitcast(upper, to: module.f32.vector(lanes))
  }
}
