import RNNTestSupport

// MARK: - Derivatives

extension Scope {
  /// `p = …`, and the derivative by `p` of a scalar that is computed from it.
  func derivative() -> Term? {
    guard
      let x = operand(1, where: { $0.type.isNumber && $0.type.place != .fixed && $0.type.shape.count < 3 })
    else { return nil }
    let curved = Term.call(random.chance(0.5) ? "tanh" : "sin", [x], x.type, .within(1))
    let p = use(
      define(Term(rnn: curved.rnn, python: "watched(\(curved.python))", type: x.type, range: .within(1))))
    // A derivative at a step is one by the same step.
    let wasFunction = isFunction
    isFunction = p.type.steps != nil
    defer { isFunction = wasFunction }
    guard let first = scalar(of: p, timesOf: p.type) else { return nil }
    var result = gradient(first, p)
    if random.chance(0.3) {
      let product = Term.binary("*", "multiply", .product, use(p), result, p.type, .within(1))
      result = gradient(sum(product), p)
    }
    return define(result)
  }

  /// The derivative, squashed.
  private func gradient(_ y: Term, _ p: Term) -> Term {
    .call("tanh", [.call("grad", [y, use(p)], p.type, .within(1))], p.type, .within(1))
  }

  /// A curved function of the sum of the products of a value's elements and others.
  private func scalar(of p: Term, timesOf type: ValueType) -> Term? {
    guard let other = value(type.shape, type.place, bound: 2, depth: 2) else { return nil }
    let factor = random.chance(0.5) ? Term.call("sin", [other], type, .within(1)) : other
    let y = sum(.binary("*", "multiply", .product, p, factor, type, .within(2)))
    switch random.below(3) {
    case 0: return .call("square", [y], y.type, 0...(y.bound * y.bound))
    case 1: return .call("tanh", [y], y.type, .within(1))
    default: return y
    }
  }

  private func sum(_ x: Term) -> Term {
    var x = x
    if x.type.isMatrix {
      x = Term(
        rnn: "sum(\(x.rnn), over: rows)", python: "sum_over(\(x.python), 0)",
        type: x.type.with(shape: [x.type.shape[1]]), range: .within(8 * x.bound))
    }
    if x.type.isScalar { return x }
    return .call("sum", python: "sum_of", [x], x.type.with(shape: []), .within(8 * x.bound))
  }
}
