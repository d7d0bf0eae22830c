import RNNGraph

// Random numbers, made of uniform ones: each is a function of the seed, the draw, the step, the example and the element.
extension BodyLowering {
  /// A draw for each element of a value like the first operand where draws are made, and elsewhere its middle.
  func draw(_ draw: Draw, _ operands: [LoweredValue], _ type: ValueType) -> LoweredValue {
    let axes = Axes(lead: lead(type.extent), own: type.shape.map(Dimension.fixed))
    let tensorType = TensorType(element, axes.all)
    let middle =
      draw.middle.map { builder.constant($0, tensorType) } ?? builder.conform(operands[1], to: axes, element)
    guard let seed = environment.surroundings.seed else {
      return .tensor(middle, lead: axes.lead.count)
    }
    func uniform() -> ValueID { uniformNumbers(seed, tensorType, axes.lead) }
    let numbers =
      switch draw {
      case .bernoulli: builder.convert(builder.compare(.less, uniform(), middle), to: element)
      case .uniform: uniform()
      case .normal: normalNumbers(uniform(), uniform())
      case .gumbel: gumbelNumbers(uniform())
      }
    return .tensor(numbers, lead: axes.lead.count)
  }

  /// Numbers in 0..<1, multiples of 2⁻²⁴.
  private func uniformNumbers(_ seed: ValueID, _ type: TensorType, _ lead: [Dimension]) -> ValueID {
    let counter: ValueID
    // What leads with neither examples nor steps is the same for all of them.
    if let step = environment.surroundings.step, lead.first?.symbol != nil {
      counter = step
    } else if lead.first?.symbol != nil, lead[0] != .batch {
      counter = builder.iota(lead[0], .i32)
    } else {
      counter = builder.constant(0, TensorType(.i32, []))
    }
    return builder.random(
      keys: builder.broadcast(scalar: seed, like: counter), counters: counter, stream: context.nextStream(),
      shape: type.shape, element)
  }

  /// √(−2 log(1 − u)) sin 2π(v − ½) of two uniform numbers: normal ones (Box, Muller: "A note on the generation of random
  /// normal deviates", 1958). It is 0 at u = v = ½, which stand for the two where nothing is drawn.
  private func normalNumbers(_ u: ValueID, _ v: ValueID) -> ValueID {
    let radius = builder.unary(
      .sqrt, builder.scale(builder.unary(.log1p, builder.negate(u)), by: -2))
    let half = builder.constant(0.5, like: v)
    let angle = builder.scale(builder.subtract(v, half), by: 2 * Double.pi)
    return builder.multiply(radius, builder.unary(.sin, angle))
  }

  /// log(log 2) − log(−log(1 − u)), and 0 at u = ½: numbers of a Gumbel distribution with the median 0. The inner logarithm
  /// is at least half a step of u away from 0.
  private func gumbelNumbers(_ u: ValueID) -> ValueID {
    let log = UnaryFunction.log.evaluate
    let exponential = builder.negate(builder.unary(.log1p, builder.negate(u)))
    let positive = builder.binary(.maximum, exponential, builder.constant(0x1p-25, like: u))
    let shift = builder.constant(log(log(2)), like: u)
    let noise = builder.subtract(shift, builder.unary(.log, positive))
    let isHalf = builder.compare(.equal, u, builder.constant(0.5, like: u))
    return builder.select(isHalf, builder.constant(0, like: u), noise)
  }
}
