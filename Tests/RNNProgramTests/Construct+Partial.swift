import RNNTestSupport

// MARK: - Functions without a value, in branches that are not taken

extension Construct {
  /// What is taken is well-behaved everywhere; what is not taken is NaN or infinite, or has an infinite derivative.
  static let partial: [Construct] = [
    // where(x > 0.4, sqrt(x - 0.3), y)
    Construct(5) { scope, depth in
      guard let x = scope.operand(0, where: varies),
        let other = scope.operand(depth, where: { combined(x.type, $0.type) == x.type })
      else { return nil }
      let edge = scope.literal(-0.3...0.3)
      let inside = Term.binary(
        ">", "greater", .comparison, x, .number(edge.range.lowerBound + 0.1), x.type, 0...1)
      let (hidden, range) = partial(scope, x, edge)
      return scope.random.chance(0.7)
        ? .call("where", [inside, hidden, other], x.type, range.union(other.range))
        : .call(
          "where",
          [
            .binary(
              "<=", "less_or_equal", .comparison, x, .number(edge.range.lowerBound + 0.1), x.type, 0...1),
            other, hidden,
          ], x.type, range.union(other.range))
    },
    // where(min(x) > 0.4, W @ log(x - 0.3), y): a product in the branch
    Construct(2) { scope, depth in
      guard let x = scope.operand(0, where: { varies($0) && $0.type.isVector }) else { return nil }
      let edge = scope.literal(-0.8 ... -0.4)
      let least = Term.call("min", python: "min_of", [x], x.type.with(shape: []), x.range)
      let inside = Term.binary(
        ">", "greater", .comparison, least, .number(edge.range.lowerBound + 0.1), least.type, 0...1)
      let (hidden, range) = partial(scope, x, edge)
      let rows = scope.extent()
      let type = x.type.with(shape: [rows])
      let product = Term.binary(
        "@", "matmul", .product, scope.parameter([rows, x.type.shape[0]]), hidden, type,
        .within(scope.width(x) * max(abs(range.lowerBound), range.upperBound)))
      guard let other = scope.operand(depth, where: { combined(type, $0.type) == type }) else { return nil }
      return .call("where", [inside, product, other], type, product.range.union(other.range))
    },
    // max(log(relu(x - 0.3)), -2) and min(rsqrt(relu(x - 0.3)), 3): infinite, and the smaller or greater one is taken
    Construct(3) { scope, _ in
      guard let x = scope.operand(0, where: varies) else { return nil }
      let rest = Term.call(
        "relu", [.binary("-", "subtract", .sum, x, scope.literal(0.05...0.3), x.type, .within(9))], x.type,
        0...9)
      switch scope.random.below(4) {
      case 0:
        let bound = scope.literal(1.5...2.5).range.lowerBound
        return .call(
          "max", python: "maximum", [.call("log", [rest], x.type, .within(9)), .number(-bound)], x.type,
          -bound...3)
      case 1:
        return .call(
          "min", python: "minimum", [scope.literal(2.5...3.5), .call("rsqrt", [rest], x.type, .within(9))],
          x.type, 0...4)
      case 2:
        let one = Term.binary("/", "divide", .product, .number(1), rest, x.type, .within(9))
        return .call("min", python: "minimum", [one, scope.literal(2.5...3.5)], x.type, 0...4)
      default:
        let large = Term.call("exp", [scope.scaled(rest, by: 3000)], x.type, .within(9))
        return .call("min", python: "minimum", [large, scope.literal(1.5...2.5)], x.type, 0...3)
      }
    },
    // concat(log(x - 9), y)[I:]: a part of a vector without the rest
    Construct(2) { scope, depth in
      guard let x = scope.operand(0, where: { varies($0) && $0.type.isVector }),
        let kept = scope.operand(
          depth, where: { $0.type.isVector && Place.join(x.type.place, $0.type.place) == x.type.place })
      else { return nil }
      let (hidden, _) = partial(scope, x, scope.literal(8...9))
      let (a, b) = (x.type.shape[0], kept.type.shape[0])
      let both = Term.call("concat", [hidden, kept], x.type.with(shape: [a + b]), kept.range)
      return Term(
        rnn: "\(both.rnn)[\(a.text):]", python: "part(\(both.python), slice(\(a.text), None))",
        type: x.type.with(shape: [b]), range: kept.range)
    },
    // log(x + 1.5) of data, whose elements past the end of a ragged sequence are far below
    Construct(3) { scope, _ in
      guard let x = scope.operand(0, where: { $0.bound == 1 && $0.type.steps != nil && varies($0) }) else {
        return nil
      }
      switch scope.random.below(3) {
      case 0:
        return .call("log", [.binary("+", "add", .sum, x, .number(1.5), x.type, 0.5...2.5)], x.type, -1...1)
      case 1:
        return .call(
          "rsqrt", [.binary("-", "subtract", .sum, .number(1.5), x, x.type, 0.5...2.5)], x.type, 0...2)
      default:
        let large = Term.call("exp", [scope.scaled(x, by: 8)], x.type, 0...3000)
        return .call("tanh", [scope.scaled(large, by: 0.001)], x.type, 0...1)
      }
    },
  ]

  /// `0.3 * sum(sqrt(b))` of zeros: the branch is taken, and the derivative infinite.
  static func infinite(_ scope: Scope) -> Term {
    let root = scope.parameter([scope.extent()], isZero: true)
    let sum = Term.call(
      "sum", python: "sum_of", [.call("sqrt", [root], root.type, 0...0)], ValueType([], .fixed), 0...0)
    return scope.scaled(sum, by: 0.3)
  }

  private static func varies(_ term: Term) -> Bool { term.type.isNumber && term.type.place != .fixed }

  /// A function that is well-behaved from a little above an edge on, and has no value or an infinite one below it.
  private static func partial(_ scope: Scope, _ x: Term, _ edge: Term) -> (Term, ClosedRange<Double>) {
    let rest = Term.binary("-", "subtract", .sum, x, edge, x.type, 0...9)
    let positive = scope.random.chance(0.5) ? rest : Term.call("relu", [rest], x.type, 0...9)
    switch scope.random.below(5) {
    case 0: return (.call("sqrt", [positive], x.type, 0...3), 0...3)
    case 1: return (.call("log", [positive], x.type, -3...3), -3...3)
    case 2: return (.call("rsqrt", [positive], x.type, 0...4), 0...4)
    case 3:
      let relu = Term.call("relu", [rest], x.type, 0...9)
      return (.binary("/", "divide", .product, .number(0.3), relu, x.type, 0...4), 0...4)
    default:
      let fall = Term.call("exp", [scope.scaled(rest, by: -2000)], x.type, 0...1)
      return (fall, 0...1)
    }
  }
}
