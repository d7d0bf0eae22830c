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
  var labels: [String] {
    switch self {
    case .elementwise: []
    case .composed(let composition): composition.labels
    }
  }
}

/// A function of the language that is made of other operations, or takes something else than elements.
enum Composition: String, CaseIterable {
  case relu, square, silu, gelu, clamp, pow, atan2, logaddexp
  case max, min, sum, mean, dot
  case softmax, logSoftmax = "log_softmax", logsumexp, norm
  case outer, reshape, each
  case `where`, concat, split
  case onehot, argmax, crossEntropy = "cross_entropy", mse
  case last, total, reverse, `repeat`, softmaxSteps = "softmax_steps"
  case bernoulli, uniform, normal, dropout, sample, gumbelSoftmax = "gumbel_softmax"
  case gradient = "grad"
  case stopGradient = "stop_gradient", straightThrough = "straight_through", clipGradient = "clip_gradient"

  /// How it is called, for messages.
  var signature: String {
    switch self {
    case .relu, .square, .silu, .gelu, .argmax, .stopGradient: "\(rawValue)(x)"
    case .sum, .mean, .softmax, .logSoftmax, .logsumexp, .norm:
      "\(rawValue)(x), or \(rawValue)(x, over: rows) of a matrix"
    case .max, .min:
      "\(rawValue)(a, b), \(rawValue)(x) over the elements of a vector,"
        + " or \(rawValue)(x, over: rows) of a matrix"
    case .dot, .outer, .mse, .logaddexp: "\(rawValue)(a, b)"
    case .reshape: "reshape(x, A, B, …)"
    case .each: "each(f, a, b, …)"
    case .clamp: "clamp(x, low, high)"
    case .pow: "pow(x, exponent)"
    case .atan2: "atan2(y, x)"
    case .where: "where(condition, a, b)"
    case .concat: "concat(a, b, …)"
    case .split: "split(x, count)"
    case .onehot: "onehot(token)"
    case .crossEntropy: "cross_entropy(logits, token), or cross_entropy(logits, token, smoothing: s)"
    case .last, .total, .reverse, .softmaxSteps: "\(rawValue)(sequence)"
    case .repeat:
      "repeat(value), repeat(value, like: sequence), repeat(vector, rows: n) or repeat(vector, columns: n)"
    case .bernoulli: "bernoulli(probability, like: x)"
    case .uniform, .normal: "\(rawValue)(like: x)"
    case .sample: "sample(logits)"
    case .gumbelSoftmax: "gumbel_softmax(logits, temperature)"
    case .dropout: "dropout(x, rate)"
    case .straightThrough: "straight_through(hard, soft)"
    case .clipGradient: "clip_gradient(x, bound)"
    case .gradient: "grad(e, x)"
    }
  }

  /// How many arguments it takes.
  var argumentCount: ClosedRange<Int> {
    switch self {
    case .relu, .square, .silu, .gelu, .sum, .mean, .softmax, .logSoftmax, .logsumexp, .norm, .onehot,
      .argmax, .last,
      .total, .reverse,
      .repeat, .softmaxSteps, .bernoulli, .sample, .stopGradient:
      1...1
    case .uniform, .normal: 0...0
    case .max, .min: 1...2
    case .pow, .atan2, .logaddexp, .dot, .outer, .mse, .split, .crossEntropy, .dropout, .straightThrough,
      .clipGradient, .gradient, .gumbelSoftmax:
      2...2
    case .where, .clamp: 3...3
    case .concat: 1...Int.max
    case .reshape, .each: 2...Int.max
    }
  }

  /// The labels that it knows, of which a call has one at most.
  var labels: [String] {
    switch self {
    case .sum, .mean, .max, .min, .softmax, .logSoftmax, .logsumexp, .norm: ["over"]
    case .repeat: ["like"] + MatrixAxis.allCases.map(\.rawValue)
    case .bernoulli, .uniform, .normal: ["like"]
    case .crossEntropy: ["smoothing"]
    case .relu, .square, .silu, .gelu, .clamp, .pow, .atan2, .logaddexp, .dot, .outer, .reshape, .each,
      .where, .concat, .split, .onehot, .argmax, .mse, .last, .total, .reverse, .softmaxSteps, .dropout,
      .sample, .gumbelSoftmax, .stopGradient, .straightThrough, .clipGradient, .gradient:
      []
    }
  }
}
