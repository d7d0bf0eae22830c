import RNNLanguage

// The functions of the language under the names that are usual in Swift. What each takes and gives stands in
// `docs/language.md`; arguments that do not fit are reported when the model is compiled.

// MARK: Elements

/// The hyperbolic tangent of each element.
public func tanh(_ x: Value) -> Value { .call("tanh", x) }

/// The logistic function 1 / (1 + e⁻ˣ) of each element.
public func sigmoid(_ x: Value) -> Value { .call("sigmoid", x) }

/// The exponential of each element.
public func exp(_ x: Value) -> Value { .call("exp", x) }

/// The natural logarithm of each element.
public func log(_ x: Value) -> Value { .call("log", x) }

/// The square root of each element.
public func sqrt(_ x: Value) -> Value { .call("sqrt", x) }

/// One divided by the square root of each element.
public func rsqrt(_ x: Value) -> Value { .call("rsqrt", x) }

/// The absolute value of each element.
public func abs(_ x: Value) -> Value { .call("abs", x) }

/// The sine of each element.
public func sin(_ x: Value) -> Value { .call("sin", x) }

/// The cosine of each element.
public func cos(_ x: Value) -> Value { .call("cos", x) }

/// log(1 + eˣ) of each element.
public func softplus(_ x: Value) -> Value { .call("softplus", x) }

/// eˣ − 1 of each element, exact near 0.
public func expm1(_ x: Value) -> Value { .call("expm1", x) }

/// log(1 + x) of each element, exact near 0.
public func log1p(_ x: Value) -> Value { .call("log1p", x) }

/// The error function of each element.
public func erf(_ x: Value) -> Value { .call("erf", x) }

/// The largest whole number that is not larger, for each element.
public func floor(_ x: Value) -> Value { .call("floor", x) }

/// The nearest whole number for each element, the even one of two.
public func round(_ x: Value) -> Value { .call("round", x) }

/// −1, 0 or 1 for each element.
public func sign(_ x: Value) -> Value { .call("sign", x) }

/// The greater of each element and 0.
public func relu(_ x: Value) -> Value { .call("relu", x) }

/// The square of each element.
public func square(_ x: Value) -> Value { .call("square", x) }

/// x · sigmoid(x) of each element.
public func silu(_ x: Value) -> Value { .call("silu", x) }

/// x · Φ(x) of each element, with the distribution function Φ of the normal distribution.
public func gelu(_ x: Value) -> Value { .call("gelu", x) }

/// A value kept between two limits, element by element.
public func clamp(_ x: Value, _ low: Value, _ high: Value) -> Value { .call("clamp", x, low, high) }

/// A value to the power of another, element by element.
public func pow(_ x: Value, _ exponent: Value) -> Value { .call("pow", x, exponent) }

/// The angle of the point (x, y), element by element.
public func atan2(_ y: Value, _ x: Value) -> Value { .call("atan2", y, x) }

/// log(eᵃ + eᵇ), element by element.
public func logaddexp(_ a: Value, _ b: Value) -> Value { .call("logaddexp", a, b) }

/// The greater of two values, element by element.
public func max(_ a: Value, _ b: Value) -> Value { .call("max", a, b) }

/// The smaller of two values, element by element.
public func min(_ a: Value, _ b: Value) -> Value { .call("min", a, b) }

/// The elements of `a` where the mask holds, else those of `b`: `where` of the language.
public func select(_ mask: Value, _ a: Value, _ b: Value) -> Value { .call("where", mask, a, b) }

// MARK: Derivatives

/// The value, through which no derivative flows.
public func stopGradient(_ x: Value) -> Value { .call("stop_gradient", x) }

/// The value of `hard`, with the derivative of `soft`.
public func straightThrough(_ hard: Value, _ soft: Value) -> Value { .call("straight_through", hard, soft) }

/// The derivative of a scalar by a value that it is computed from, of each example and step by itself.
public func grad(_ e: Value, _ x: Value) -> Value { .call("grad", e, x) }

/// The value, whose derivative is brought between `-bound` and `bound`, element by element, on its way back.
public func clipGradient(_ x: Value, _ bound: Value) -> Value { .call("clip_gradient", x, bound) }

// MARK: Vectors

/// The sum of the elements of a vector.
public func sum(_ x: Value) -> Value { .call("sum", x) }

/// The mean of the elements of a vector.
public func mean(_ x: Value) -> Value { .call("mean", x) }

/// The greatest element of a vector.
public func max(_ x: Value) -> Value { .call("max", x) }

/// The smallest element of a vector.
public func min(_ x: Value) -> Value { .call("min", x) }

/// log Σ eˣ over the elements of a vector.
public func logSumExp(_ x: Value) -> Value { .call("logsumexp", x) }

/// The Euclidean length of a vector.
public func norm(_ x: Value) -> Value { .call("norm", x) }

/// The sum of the products of the elements of two vectors.
public func dot(_ a: Value, _ b: Value) -> Value { .call("dot", a, b) }

/// Probabilities from the elements of a vector.
public func softmax(_ x: Value) -> Value { .call("softmax", x) }

/// The logarithms of the probabilities from the elements of a vector.
public func logSoftmax(_ x: Value) -> Value { .call("log_softmax", x) }

/// One vector behind the other, or one matrix under the other.
public func concat(_ parts: Value...) -> Value {
  Value.compute(parts) { .call(Name("concat"), Value.arguments($0)) }
}

/// A vector in equal parts, or the rows of a matrix: any number of them.
public func split(_ x: Value, into count: Int) -> [Value] {
  let form = { (operands: [Expression]) in
    Expression.Kind.call(Name("split"), Value.arguments(operands + [.literal(Double(count))]))
  }
  // What is more than any model can hold is refused by the language, whatever the names on the left.
  let isPossible = (1...1_000_000).contains(count)
  let parts = Value.compute([x], results: isPossible ? count : 0, form)
  return parts
}

/// A vector in two equal parts, or the rows of a matrix.
public func split(_ x: Value) -> (Value, Value) {
  let parts = split(x, into: 2)
  return (parts[0], parts[1])
}

/// A vector in three equal parts, or the rows of a matrix.
public func split(_ x: Value) -> (Value, Value, Value) {
  let parts = split(x, into: 3)
  return (parts[0], parts[1], parts[2])
}

/// A vector in four equal parts, or the rows of a matrix.
public func split(_ x: Value) -> (Value, Value, Value, Value) {
  let parts = split(x, into: 4)
  return (parts[0], parts[1], parts[2], parts[3])
}

// MARK: Matrices

/// The matrix of the products of the elements of two vectors.
public func outer(_ a: Value, _ b: Value) -> Value { .call("outer", a, b) }

/// What has so many rows, each of which is the value: `repeat` of the language.
public func repeated(_ x: Value, rows: Size) -> Value {
  .call("repeat", x, Value(rows), labels: [nil, "rows"])
}

/// The matrix of which each of so many columns is the vector: `repeat` of the language.
public func repeated(_ x: Value, columns: Size) -> Value {
  .call("repeat", x, Value(columns), labels: [nil, "columns"])
}

/// What a function of the language, or an instance without states, gives for the rows of the values, one by one: `each` of the language.
///
/// - Parameter function: its name there, such as `"norm"`. A formula of Swift for each row is a cell without parameters.
public func each(_ function: String, _ rows: Value...) -> Value {
  Value.compute(rows) { operands in
    .call(Name("each"), Value.arguments([Expression(.name(function))] + operands))
  }
}

/// The same elements, row by row, in another shape.
public func reshape(_ x: Value, _ shape: [Size]) -> Value {
  Value.compute([x] + shape.map { Value($0) }) { .call(Name("reshape"), Value.arguments($0)) }
}

// MARK: Tokens and losses

/// The vector with 1 at the place of the token and 0 elsewhere.
public func onehot(_ token: Value) -> Value { .call("onehot", token) }

/// The token of the greatest element of a vector.
public func argmax(_ x: Value) -> Value { .call("argmax", x) }

/// −log softmax(logits)[token], a scalar.
public func crossEntropy(_ logits: Value, _ token: Value) -> Value { .call("cross_entropy", logits, token) }

/// The cross-entropy of a target of which a part is spread over all tokens alike.
public func crossEntropy(_ logits: Value, _ token: Value, smoothing: Value) -> Value {
  .call("cross_entropy", logits, token, smoothing, labels: [nil, nil, "smoothing"])
}

/// The mean of the squared differences of all elements, a scalar.
public func mse(_ a: Value, _ b: Value) -> Value { .call("mse", a, b) }

/// The Huber loss of each element: linear where the difference is above `delta`.
public func huber(_ a: Value, _ b: Value, _ delta: Value) -> Value { .call("huber", a, b, delta) }

/// The cross-entropy of each element, of the probability sigmoid(x) and a target between 0 and 1.
public func binaryCrossEntropy(_ x: Value, _ target: Value) -> Value {
  .call("binary_cross_entropy", x, target)
}

/// max(0, 1 − y x) of each element.
public func hinge(_ x: Value, _ target: Value) -> Value { .call("hinge", x, target) }

/// The negative log-likelihood of a number under a mixture of normal distributions.
public func mixtureLoss(_ shares: Value, _ means: Value, _ scales: Value, _ target: Value) -> Value {
  .call("mixture_loss", shares, means, scales, target)
}

// MARK: Sequences

/// The value at the last step.
public func last(_ sequence: Value) -> Value { .call("last", sequence) }

/// The sum over the steps.
public func total(_ sequence: Value) -> Value { .call("total", sequence) }

/// The steps in the opposite order.
public func reverse(_ sequence: Value) -> Value { .call("reverse", sequence) }

/// The softmax over the steps, for each element: weights that sum to 1.
public func softmaxSteps(_ sequence: Value) -> Value { .call("softmax_steps", sequence) }

/// The same value at every step of the sequences that there are: `repeat` of the language.
public func repeated(_ x: Value) -> Value { .call("repeat", x) }

/// The same value at every step of a sequence: `repeat` of the language.
public func repeated(_ x: Value, like sequence: Value) -> Value {
  .call("repeat", x, sequence, labels: [nil, "like"])
}

// MARK: Randomness

/// 1 in training, 0 elsewhere.
public var training: Value { Value(.written(Expression(.name("training"))), nil) }

/// In training a number uniform in 0..<1 for each element of a value like `x`; ½ outside of training.
public func uniform(like x: Value) -> Value { .call("uniform", x, labels: ["like"]) }

/// In training a normal number for each element of a value like `x`; 0 outside of training.
public func normal(like x: Value) -> Value { .call("normal", x, labels: ["like"]) }

/// In training a token with the probabilities of a softmax; outside of training the likeliest one.
public func sample(_ logits: Value) -> Value { .call("sample", logits) }

/// In training the softmax of logits with noise, divided by a temperature; without noise outside of training.
public func gumbelSoftmax(_ logits: Value, temperature: Value) -> Value {
  .call("gumbel_softmax", logits, temperature)
}

/// In training 1 with a probability, else 0, for each element of a value like `x`; its mean outside of training.
public func bernoulli(_ probability: Value, like x: Value) -> Value {
  .call("bernoulli", probability, x, labels: [nil, "like"])
}

/// The value with elements set to 0 at a rate, in training, and the others made greater; itself outside of training.
public func dropout(_ x: Value, _ rate: Value) -> Value { .call("dropout", x, rate) }
