import RNNLanguage

/// A number that is known when a model is compiled: a size of a cell or model, a number, or what is computed of them.
///
/// The same type serves shapes, where the number must be whole and positive, and initial values, where any will do:
///
///     let W = c.param("W", [3 * H, I], .uniform(1 / sqrt(H)))
public struct Size: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  /// Invalid if it was computed in so many steps that the language could not read it.
  let expression: Expression
  /// Whose sizes it is made of, without repetition; one for a size that can be used.
  let scopes: [UnitScope]

  init(_ expression: Expression, _ scopes: [UnitScope]) {
    self.expression = expression.depth <= Self.depthLimit ? expression : Expression(.invalid)
    self.scopes = scopes
  }

  /// Far below the depth that the language reads, since an expression of values can hold one of sizes.
  private static let depthLimit = 64

  /// Makes a size of a whole number.
  public init(_ number: Int) { self.init(.literal(Double(number)), []) }

  /// Makes a whole number of a literal.
  public init(integerLiteral value: Int) { self.init(value) }

  /// Makes a number, for an initial value, of a literal.
  public init(floatLiteral value: Double) { self.init(.literal(value), []) }

  /// The sum.
  public static func + (a: Size, b: Size) -> Size { binary(.add, a, b) }

  /// The difference.
  public static func - (a: Size, b: Size) -> Size { binary(.subtract, a, b) }

  /// The product.
  public static func * (a: Size, b: Size) -> Size { binary(.multiply, a, b) }

  /// The quotient, which must come out even in a shape.
  public static func / (a: Size, b: Size) -> Size { binary(.divide, a, b) }

  /// The negative number.
  public static prefix func - (a: Size) -> Size { Size(Expression(.negate(a.expression)), a.scopes) }

  private static func binary(_ operation: BinaryOperator, _ a: Size, _ b: Size) -> Size {
    if a.isInvalid || b.isInvalid { return Size(Expression(.invalid), joined([a, b])) }
    return Size(Expression(.binary(operation, a.expression, b.expression)), joined([a, b]))
  }

  fileprivate static func call(_ function: String, _ arguments: Size...) -> Size {
    call(function, arguments.map { (nil, $0) })
  }

  var isInvalid: Bool { if case .invalid = expression.kind { true } else { false } }

  static func joined(_ sizes: [Size]) -> [UnitScope] {
    var scopes: [UnitScope] = []
    for scope in sizes.flatMap(\.scopes) where !scopes.contains(where: { $0 === scope }) {
      scopes.append(scope)
    }
    return scopes
  }
}

/// The square root, for an initial value such as `.uniform(1 / sqrt(H))`.
public func sqrt(_ x: Size) -> Size { .call("sqrt", x) }

/// The exponential, for an initial value.
public func exp(_ x: Size) -> Size { .call("exp", x) }

/// The natural logarithm, for an initial value.
public func log(_ x: Size) -> Size { .call("log", x) }

/// The greater number, for an initial value.
public func max(_ a: Size, _ b: Size) -> Size { .call("max", a, b) }

/// The smaller number, for an initial value.
public func min(_ a: Size, _ b: Size) -> Size { .call("min", a, b) }

extension Expression {
  /// A number as the language writes it: a negative one is a negation.
  static func literal(_ value: Double) -> Expression {
    value.sign == .minus
      ? Expression(.negate(Expression(.number(-value)))) : Expression(.number(value))
  }
}
