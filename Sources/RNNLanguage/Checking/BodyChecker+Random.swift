import RNNGraph
import RNNSupport

// Functions that draw random numbers in training, and where the user asks for it.
extension BodyChecker {
  /// 1 or 0 for each element of what stands behind `like:`.
  mutating func bernoulli(_ probability: Expression, like: Expression?, at site: SourceRange) -> NodeID? {
    let p = checkProbability(probability)
    guard let like else {
      report(.missingLike(.bernoulli, at: site))
      return nil
    }
    guard let x = checkNumber(like), let p else { return nil }
    guard type(p).isScalar || type(p).shape == type(x).shape else {
      return reportShape(.probabilityShape(type(p), like: type(x), at: probability.range))
    }
    guard let extent = join([x, p], at: site) else { return nil }
    return add(.draw(.bernoulli), [x, p], type(x).with(extent: extent), at: site)
  }

  /// A value that can be a probability; nil after a report.
  private mutating func checkProbability(_ expression: Expression) -> NodeID? {
    guard let p = checkNumber(expression) else { return nil }
    guard let number = number(p), !(0...1).contains(number) else { return p }
    report(.notAProbability(number, at: expression.range))
    return nil
  }

  /// A number for each element of what stands behind `like:`.
  mutating func draw(_ draw: Draw, _ builtin: Composition, like: Expression?, at site: SourceRange) -> NodeID?
  {
    guard let like else {
      report(.missingLike(builtin, at: site))
      return nil
    }
    guard let x = checkNumber(like) else { return nil }
    return add(.draw(draw), [x], type(x), at: site)
  }

  /// `x * (bernoulli(1 - rate, like: x) / (1 - rate))`, which is `x` outside of training.
  mutating func dropout(_ value: Expression, _ rate: Expression, at site: SourceRange) -> NodeID? {
    let x = checkNumber(value)
    let rate = checkConstant(rate, "the rate", "a number of at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    guard let x, let rate, let share = literal(1 - rate, at: site) else { return nil }
    guard let mask = add(.draw(.bernoulli), [x, share], type(x), at: site),
      let weight = add(.binary(.divide), [mask, share], type(x), at: site)
    else { return nil }
    return add(.binary(.multiply), [x, weight], type(x), at: site)
  }

  /// A token with the probabilities `softmax(logits)`: the place of the greatest logit after noise.
  mutating func sample(_ logits: Expression, at site: SourceRange) -> NodeID? {
    guard let x = checkVector(logits, of: "sample"), let noisy = noisy(x, at: site) else { return nil }
    return argmax(noisy, of: "sample", logits, at: site)
  }

  /// `softmax((logits + noise) / temperature)`.
  mutating func gumbelSoftmax(_ logits: Expression, _ temperature: Expression, at site: SourceRange)
    -> NodeID?
  {
    let (x, divisor) = (checkVector(logits, of: "gumbel_softmax"), checkNumber(temperature))
    guard let x, let divisor else { return nil }
    guard type(divisor).isScalar else {
      return reportShape(
        .wrongType("the temperature", expected: "a scalar", found: type(divisor), at: temperature.range))
    }
    if let number = number(divisor), !(number > 0) {
      report(.temperature(number, at: temperature.range))
      return nil
    }
    guard let noisy = noisy(x, at: site),
      let scaled = elementwise(.divide, "gumbel_softmax", noisy, divisor, at: site)
    else { return nil }
    return add(.along(axis: 0, .softmax(isLogarithmic: false)), [scaled], type(scaled), at: site)
  }

  /// The value plus noise by which the place of the greatest element has the probabilities of a softmax.
  private mutating func noisy(_ x: NodeID, at site: SourceRange) -> NodeID? {
    add(.draw(.gumbel), [x], type(x), at: site).flatMap { add(.binary(.add), [x, $0], type(x), at: site) }
  }

  /// A number known when compiling and in a range; nil after a report.
  mutating func checkConstant(
    _ expression: Expression, _ what: String, _ expected: String, _ isInside: (Double) -> Bool
  ) -> Double? {
    guard let node = checkNumber(expression) else { return nil }
    if let number = number(node), isInside(number) { return number }
    report(
      .notInRange(
        what, expected: expected, found: number(node).map(spelled) ?? type(node).described,
        at: expression.range))
    return nil
  }
}

extension Diagnostic {
  fileprivate static func notAProbability(_ number: Double, at site: SourceRange) -> Diagnostic {
    Diagnostic("not-in-range", "the probability must be from 0 to 1, found \(spelled(number))", at: site)
  }

  fileprivate static func probabilityShape(_ found: ValueType, like other: ValueType, at site: SourceRange)
    -> Diagnostic
  {
    wrongType(
      "the probability", expected: other.isScalar ? "a scalar" : "a scalar or \(other.step)", found: found,
      at: site, notes: [Note("one for all draws, or one for each element of what stands behind 'like:'")])
  }

  fileprivate static func temperature(_ number: Double, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-in-range", "the temperature must be above 0, found \(spelled(number))", at: site,
      notes: [Note("the lower it is, the nearer one element is to 1 and the others to 0")])
  }
}
