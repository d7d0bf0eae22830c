import Foundation
import RNNTestSupport

/// One way to make an expression of the language. A new function or operator of the language is a line in a table of
/// `Construct.all`, with its translation beside it.
struct Construct: Sendable {
  let weight: Int
  /// Makes the expression from values of the scope, with operands nested this deep at most; nil if none fit.
  let make: @Sendable (Scope, Int) -> Term?

  init(_ weight: Int, _ make: @escaping @Sendable (Scope, Int) -> Term?) {
    self.weight = weight
    self.make = make
  }

  static let elementwise: [Construct] = [
    Construct(6) { function($0, $1) }, Construct(8) { arithmetic($0, $1) }, Construct(2) { extremes($0, $1) },
    Construct(2) { ofTwo($0, $1) }, Construct(1) { clamped($0, $1) },
    Construct(2) { choice($0, $1) }, Construct(1) { negation($0, $1) }, Construct(1) { applied($0, $1) },
    Construct(2) { surrogate($0, $1) },
  ]

  static let all: [Construct] =
    elementwise + products + stacks + reductions + matrices + constants + parts + tokens + sequences + draws
    + [Construct(3) { application($0, $1) }, Construct(2) { scope, _ in bothDirections(scope) }]

  static func pick(_ random: inout SplitMix64, for scope: Scope) -> Construct {
    let table =
      scope.isFunction ? elementwise : scope.program.options.partialFunctions ? all + partial + partial : all
    var place = random.below(table.reduce(0) { $0 + $1.weight })
    return table.first { construct in
      place -= construct.weight
      return place < 0
    }!
  }
}

// MARK: - Elementwise

/// A function of each element.
struct ElementwiseFunction: Sendable {
  let name: String
  var python: String?
  /// Arguments that it is well-behaved for.
  var domain: ClosedRange<Double> = -1e3...1e3
  /// Whether it has a kink or a step at 0, or steps at other places.
  var isKinked = false
  let range: @Sendable (ClosedRange<Double>) -> ClosedRange<Double>

  static let all: [ElementwiseFunction] = [
    ElementwiseFunction(name: "tanh") { $0.through { max(-1, min(1, $0)) } },
    ElementwiseFunction(name: "sigmoid") { _ in 0...1 },
    ElementwiseFunction(name: "exp", domain: -20...1.6) { $0.through { max(0.0, 2.72 * $0 + 2) } },
    ElementwiseFunction(name: "log", domain: 0.25...100) { $0.through { 4 * ($0 - 1) } },
    ElementwiseFunction(name: "sqrt", domain: 0.1...100) { $0.through { $0.squareRoot() } },
    ElementwiseFunction(name: "rsqrt", domain: 0.2...100) { $0.through { 1 / $0.squareRoot() } },
    ElementwiseFunction(name: "abs", python: "absolute", isKinked: true) {
      0...max(-$0.lowerBound, $0.upperBound)
    },
    ElementwiseFunction(name: "sin") { _ in .within(1) },
    ElementwiseFunction(name: "cos") { _ in .within(1) },
    ElementwiseFunction(name: "softplus") { 0...(max(0, $0.upperBound) + 0.7) },
    ElementwiseFunction(name: "silu") { $0.through { max(-0.3, $0) } },
    ElementwiseFunction(name: "gelu") { $0.through { max(-0.2, $0) } },
    ElementwiseFunction(name: "expm1", domain: -20...1.6) { $0.through { max(-1, 2.72 * $0 + 1) } },
    ElementwiseFunction(name: "log1p", domain: 0.1...100) { $0.through { 2 * $0 } },
    ElementwiseFunction(name: "erf") { $0.through { max(-1, min(1, 1.13 * $0)) } },
    ElementwiseFunction(name: "floor", domain: -20...20, isKinked: true) { $0.through { $0.rounded(.down) } },
    ElementwiseFunction(name: "round", python: "rounded", domain: -20...20, isKinked: true) {
      $0.through { $0.rounded() }
    },
    ElementwiseFunction(name: "sign", isKinked: true) { _ in .within(1) },
    ElementwiseFunction(name: "relu", isKinked: true) { 0...max(0, $0.upperBound) },
    ElementwiseFunction(name: "square") { range in
      let bound = max(-range.lowerBound, range.upperBound)
      return 0...(bound * bound)
    },
  ]
}

extension Construct {
  private static func function(_ scope: Scope, _ depth: Int) -> Term? {
    guard var x = scope.operand(depth) else { return nil }
    let function = scope.random.pick(ElementwiseFunction.all)!
    if function.isKinked { x = scope.shifted(x) }
    if x.range.lowerBound < function.domain.lowerBound || x.range.upperBound > function.domain.upperBound {
      x = function.domain.lowerBound > 0 ? positive(scope, x) : .call("tanh", [x], x.type, .within(1))
    }
    return .call(function.name, python: function.python, [x], x.type, function.range(x.range))
  }

  /// A term whose elements are well above 0.
  private static func positive(_ scope: Scope, _ x: Term) -> Term {
    let base: Term =
      switch scope.random.below(3) {
      case 0: .call("sigmoid", [x], x.type, 0...1)
      case 1: .call("square", [scope.calm(x, bound: 3)], x.type, 0...9)
      default: .call("softplus", [scope.calm(x, bound: 3)], x.type, 0...4)
      }
    let shift = scope.literal(0.3...0.9)
    return .binary("+", "add", .sum, base, shift, x.type, base.range.through { $0 + shift.bound })
  }

  /// Two operands that combine: alike, or one a scalar; sometimes one is a number.
  static func pair(_ scope: Scope, _ depth: Int, allowsNumber: Bool = true) -> (Term, Term, ValueType)? {
    guard let a = scope.operand(depth) else { return nil }
    if allowsNumber, scope.random.chance(0.2) {
      let number = scope.number()
      return scope.random.chance(0.5) ? (a, number, a.type) : (number, a, a.type)
    }
    guard let b = scope.operand(depth, where: { combined(a.type, $0.type) != nil }) else { return nil }
    return combined(a.type, b.type).map { (a, b, $0) }
  }

  static func combined(_ a: ValueType, _ b: ValueType) -> ValueType? {
    guard a.isNumber, b.isNumber, let place = Place.join(a.place, b.place) else { return nil }
    guard a.shape == b.shape || a.shape.isEmpty || b.shape.isEmpty else { return nil }
    return ValueType(a.shape.isEmpty ? b.shape : a.shape, place)
  }

  private static func arithmetic(_ scope: Scope, _ depth: Int) -> Term? {
    guard let (a, b, type) = pair(scope, depth) else { return nil }
    switch scope.random.below(7) {
    case 0, 1, 2:
      return .binary("*", "multiply", .product, a, b, type, a.range.combined(b.range, *))
    case 3, 4: return .binary("+", "add", .sum, a, b, type, a.range.combined(b.range, +))
    case 5: return .binary("-", "subtract", .sum, a, b, type, a.range.combined(b.range, -))
    default:
      let divisor = b.avoids(0.3) ? b : positive(scope, b)
      return .binary("/", "divide", .product, a, divisor, type, a.range.combined(divisor.range, /))
    }
  }

  private static func negation(_ scope: Scope, _ depth: Int) -> Term? {
    guard let x = scope.operand(depth) else { return nil }
    return Term(
      rnn: "-\(x.text(.unary))", python: "negate(\(x.python))", level: .unary, type: x.type,
      range: x.range.through(-))
  }

  private static func extremes(_ scope: Scope, _ depth: Int) -> Term? {
    guard let (a, b, type) = pair(scope, depth) else { return nil }
    let second = scope.shifted(b)
    let isMaximum = scope.random.chance(0.5)
    return .call(
      isMaximum ? "max" : "min", python: isMaximum ? "maximum" : "minimum", [a, second], type,
      a.range.union(second.range))
  }

  /// One limit is a number, the other one perhaps not: on either side of it.
  private static func clamped(_ scope: Scope, _ depth: Int) -> Term? {
    guard let (x, limit, type) = pair(scope, depth, allowsNumber: false) else { return nil }
    let limits = [scope.shifted(limit), scope.literal(-0.9...0.9)]
    let (low, high) = scope.random.chance(0.5) ? (limits[0], limits[1]) : (limits[1], limits[0])
    return .call("clamp", [x, low, high], type, x.range.union(low.range).union(high.range))
  }

  /// A smooth function of two operands.
  private static func ofTwo(_ scope: Scope, _ depth: Int) -> Term? {
    if scope.random.chance(0.25) {
      guard let a = scope.operand(depth), let exponent = scope.random.pick([2.0, 3, 4]) else { return nil }
      let bound = Foundation.pow(2, exponent)
      return .call(
        "pow", python: "power", [scope.calm(a, bound: 2), .number(exponent)], a.type, .within(bound))
    }
    guard let (a, b, type) = pair(scope, depth) else { return nil }
    switch scope.random.below(3) {
    case 0:
      let range = a.range.union(b.range)
      return .call("logaddexp", [a, b], type, range.lowerBound...(range.upperBound + 0.7))
    case 1: return .call("atan2", [a, positive(scope, b)], type, .within(1.6))
    default:
      let base = positive(scope, a)
      return .call("pow", python: "power", [base, scope.calm(b, bound: 1)], type, 0...max(5, base.bound))
    }
  }

  /// `where` with a comparison.
  private static func choice(_ scope: Scope, _ depth: Int) -> Term? {
    guard let mask = mask(scope, depth), let (a, b, type) = pair(scope, depth),
      let all = combined(type, mask.type)
    else { return nil }
    return .call("where", [mask, a, b], all, a.range.union(b.range))
  }

  static func mask(_ scope: Scope, _ depth: Int) -> Term? {
    if let token = scope.operand(0, where: { $0.type.token != nil }), scope.random.chance(0.4) {
      let isSame = scope.random.chance(0.5)
      let type = ValueType([], token.type.place)
      if let other = scope.operand(0, where: { $0.type == token.type }), scope.random.chance(0.4) {
        return .binary(
          isSame ? "==" : "!=", isSame ? "same" : "different", .comparison, token, other, type, 0...1)
      }
      let number = Term(rnn: "0", python: "0", type: ValueType([], .fixed), range: 0...0)
      return .binary(
        isSame ? "==" : "!=", isSame ? "same" : "different", .comparison, token, number, type, 0...1)
    }
    guard let (a, b, type) = pair(scope, depth) else { return nil }
    let (symbol, python) = scope.random.pick([
      ("<", "less"), ("<=", "less_or_equal"), (">", "greater"), (">=", "greater_or_equal"),
    ])!
    return .binary(symbol, python, .comparison, scope.shifted(a), b, type, 0...1)
  }

  /// A value that has another derivative than its own.
  private static func surrogate(_ scope: Scope, _ depth: Int) -> Term? {
    guard let x = scope.operand(depth) else { return nil }
    switch scope.random.below(3) {
    case 0: return .call("stop_gradient", [x], x.type, x.range)
    case 1:
      // A function is called with values of several shapes.
      guard !scope.isFunction else { return nil }
      let isAlike = { (y: Term) in y.type.shape == x.type.shape && combined(x.type, y.type) != nil }
      guard let soft = scope.operand(depth, where: isAlike), let type = combined(x.type, soft.type) else {
        return nil
      }
      return .call("straight_through", [x, soft], type, x.range)
    default:
      // Every example of the translation has a derivative of its own, also by what is the same for all.
      guard x.type.place != .fixed, !scope.isFunction else { return nil }
      return .call("clip_gradient", [x, scope.literal(0.001...0.3)], x.type, x.range)
    }
  }

  /// A function of the program.
  private static func applied(_ scope: Scope, _ depth: Int) -> Term? {
    guard let function = scope.random.pick(scope.program.functions) else { return nil }
    var arguments: [Term] = []
    var type = ValueType([], .fixed)
    for _ in 0..<function.parameters {
      guard let argument = scope.operand(depth, where: { combined(type, $0.type) != nil }),
        let all = combined(type, argument.type)
      else { return nil }
      arguments.append(scope.calm(argument, bound: 2))
      type = all
    }
    return .call(function.name, arguments, type, function.range)
  }
}
