import Foundation

extension RandomStream {
  /// Picks an index with a probability proportional to `probabilities[index]` to the power of 1 / `temperature`.
  ///
  /// Temperature 1 follows the probabilities, below 1 prefers the likely ones, and 0 always takes the first of
  /// the likeliest.
  /// - Throws: `InputError` if no probability is a positive number, as after a training run that diverged.
  /// - Requires: `temperature` is not negative.
  public mutating func sample(
    from probabilities: some Collection<Float>, temperature: Double = 1
  ) throws -> Int {
    precondition(temperature >= 0, "negative temperature")
    var best = (index: 0, probability: Float(0))
    for (index, probability) in probabilities.enumerated() {
      guard probability.isFinite else { throw Self.notNumbers }
      if probability > best.probability { best = (index, probability) }
    }
    guard best.probability > 0 else { throw Self.notNumbers }
    if temperature == 0 { return best.index }

    // Relative to the likeliest, in logarithms: no power overflows, and the likeliest has weight 1.
    let weights = probabilities.map {
      $0 > 0 ? exp((log(Double($0)) - log(Double(best.probability))) / temperature) : 0
    }
    var rest = uniform() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() where weight > 0 {
      rest -= weight
      if rest < 0 { return index }
    }
    return best.index  // only by rounding at the end of the range
  }

  private static var notNumbers: InputError {
    InputError(
      "the model's probabilities are not numbers above 0",
      note: "its training diverged: train again with a lower --lr or with --clip")
  }
}
