import RNNGraph

/// A function of the language.
enum Builtin: Equatable {
  /// One of each element that graphs have as well, under the same name.
  case elementwise(UnaryFunction)
  /// One that is made of other operations, or takes something else than elements.
  case composed(Composition)

  /// The functions of elements that are operators in the language, and have no name there.
  private static let operators: Set<UnaryFunction> = [.negate, .reciprocal]

  /// The names of all functions.
  static let names =
    UnaryFunction.allCases.filter { !operators.contains($0) }.map(\.rawValue)
    + Composition.allCases.map(\.rawValue)

  /// The function of this name.
  init?(rawValue name: String) {
    if let composition = Composition(rawValue: name) {
      self = .composed(composition)
    } else if let function = UnaryFunction(rawValue: name), !Self.operators.contains(function) {
      self = .elementwise(function)
    } else {
      return nil
    }
  }

  /// How it is called, for messages.
  var signature: String {
    switch self {
    case .elementwise(let function): "\(function.rawValue)(x)"
    case .composed(let composition): composition.signature
    }
  }

  /// How many arguments it takes.
  var argumentCount: ClosedRange<Int> {
    switch self {
    case .elementwise: 1...1
    case .composed(let composition): composition.argumentCount
    }
  }

  /// The labels that it knows.
  var labels: [String] { [.composed(.repeat), .composed(.bernoulli)].contains(self) ? ["like"] : [] }
}

/// A function of the language that is made of other operations, or takes something else than elements.
enum Composition: String, CaseIterable {
  case relu, square, silu, gelu, clamp, pow, atan2, logaddexp
  case max, min, sum, mean, dot
  case softmax, logSoftmax = "log_softmax"
  case `where`, concat, split
  case onehot, argmax, crossEntropy = "cross_entropy", mse
  case last, total, reverse, `repeat`, softmaxSteps = "softmax_steps"
  case bernoulli, dropout

  /// How it is called, for messages.
  var signature: String {
    switch self {
    case .relu, .square, .silu, .gelu, .sum, .mean, .softmax, .logSoftmax, .argmax: "\(rawValue)(x)"
    case .max, .min: "\(rawValue)(a, b), or \(rawValue)(x) over the elements of a vector"
    case .dot, .mse, .logaddexp: "\(rawValue)(a, b)"
    case .clamp: "clamp(x, low, high)"
    case .pow: "pow(x, exponent)"
    case .atan2: "atan2(y, x)"
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
    case .relu, .square, .silu, .gelu, .sum, .mean, .softmax, .logSoftmax, .onehot, .argmax, .last, .total,
      .reverse,
      .repeat, .softmaxSteps, .bernoulli:
      1...1
    case .max, .min: 1...2
    case .pow, .atan2, .logaddexp, .dot, .mse, .split, .crossEntropy, .dropout: 2...2
    case .where, .clamp: 3...3
    case .concat: 1...Int.max
    }
  }
}
