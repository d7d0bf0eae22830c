import RNNGraph

/// A function of the language.
enum Builtin: String, CaseIterable {
  case tanh, sigmoid, exp, log, sqrt, rsqrt, abs, sin, cos, softplus, sign, relu, square
  case max, min, sum, mean, dot
  case softmax, logSoftmax = "log_softmax"
  case `where`, concat, split
  case onehot, argmax, crossEntropy = "cross_entropy", mse
  case last, total, reverse, `repeat`, softmaxSteps = "softmax_steps"
  case bernoulli, dropout

  /// How it is called, for messages.
  var signature: String {
    switch self {
    case .tanh, .sigmoid, .exp, .log, .sqrt, .rsqrt, .abs, .sin, .cos, .softplus, .sign, .relu, .square,
      .sum, .mean, .softmax, .logSoftmax, .argmax:
      "\(rawValue)(x)"
    case .max, .min: "\(rawValue)(a, b), or \(rawValue)(x) over the elements of a vector"
    case .dot, .mse: "\(rawValue)(a, b)"
    case .where: "where(condition, a, b)"
    case .concat: "concat(a, b, …)"
    case .split: "split(x, count)"
    case .onehot: "onehot(token)"
    case .crossEntropy: "cross_entropy(logits, token)"
    case .last, .total, .reverse, .softmaxSteps: "\(rawValue)(sequence)"
    case .repeat: "repeat(value), or repeat(value, like: sequence)"
    case .bernoulli: "bernoulli(probability, like: x)"
    case .dropout: "dropout(x, rate)"
    }
  }

  /// How many arguments it takes.
  var argumentCount: ClosedRange<Int> {
    switch self {
    case .tanh, .sigmoid, .exp, .log, .sqrt, .rsqrt, .abs, .sin, .cos, .softplus, .sign, .relu, .square,
      .sum, .mean, .softmax, .logSoftmax, .onehot, .argmax, .last, .total, .reverse, .repeat, .softmaxSteps,
      .bernoulli:
      1...1
    case .max, .min: 1...2
    case .dot, .mse, .split, .crossEntropy, .dropout: 2...2
    case .where: 3...3
    case .concat: 1...Int.max
    }
  }

  /// The labels that it knows.
  var labels: [String] { self == .repeat || self == .bernoulli ? ["like"] : [] }

  static let names = allCases.map(\.rawValue)
}
