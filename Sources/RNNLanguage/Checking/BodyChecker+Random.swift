import RNNGraph
import RNNSupport

// Functions that draw random numbers in training.
extension BodyChecker {
  /// A draw for each element of what stands behind `like:`.
  mutating func bernoulli(_ probability: Expression, like: Expression?, at site: SourceRange) -> NodeID? {
    let p = checkConstant(probability, "the probability", "a number from 0 to 1") { $0 >= 0 && $0 <= 1 }
    guard let like else {
      report(.missingLike(at: site))
      return nil
    }
    guard let x = checkNumber(like), let p else { return nil }
    return add(.bernoulli(p), [x], type(x), at: site)
  }

  /// `x * (bernoulli(1 - rate, like: x) / (1 - rate))`, which is `x` outside of training.
  mutating func dropout(_ value: Expression, _ rate: Expression, at site: SourceRange) -> NodeID? {
    let x = checkNumber(value)
    let rate = checkConstant(rate, "the rate", "a number of at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    guard let x, let rate, let share = literal(1 - rate, at: site) else { return nil }
    guard let mask = add(.bernoulli(1 - rate), [x], type(x), at: site),
      let weight = add(.binary(.divide), [mask, share], type(x), at: site)
    else { return nil }
    return add(.binary(.multiply), [x, weight], type(x), at: site)
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
