/// How a random number is drawn.
enum Draw: Hashable, Sendable {
  /// 1 with the probability that is an operand, else 0.
  case bernoulli
  /// Uniform in 0..<1.
  case uniform
  /// Normal, with mean 0 and standard deviation 1.
  case normal
  /// As the greatest of many numbers: the greatest of numbers plus such draws is the one at a place with the probability of
  /// a softmax. The median is 0.
  case gumbel

  /// What stands for it where nothing is drawn; nil if it is an operand.
  var middle: Double? {
    switch self {
    case .bernoulli: nil
    case .uniform: 0.5
    case .normal, .gumbel: 0
    }
  }
}
