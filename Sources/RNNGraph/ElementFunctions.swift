import Foundation

/// What is true of a function of elements wherever it is applied.
///
/// A new function gets its traits here, and no pass asks for its name.
public struct FunctionTraits: OptionSet, Sendable {
  /// One bit for each trait.
  public let rawValue: UInt8

  /// Makes a set from its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The function of a sum is the sum of the functions.
  public static let linear = FunctionTraits(rawValue: 1 << 0)
  /// It is a fast instruction: cheaper than a store and a load of its result.
  public static let cheap = FunctionTraits(rawValue: 1 << 1)
  /// Its code is long: a polynomial, of tens of instructions.
  public static let long = FunctionTraits(rawValue: 1 << 2)
  /// It has poles, ends or an exponential's growth: it may be infinite or NaN where its operands are finite.
  public static let partial = FunctionTraits(rawValue: 1 << 3)
  /// Its range is bounded.
  public static let bounded = FunctionTraits(rawValue: 1 << 4)
  /// It has a kink, where its derivative is 0 by definition, or leaves one of its operands out.
  public static let kinked = FunctionTraits(rawValue: 1 << 5)
  /// Its derivative is 0 wherever it has one.
  public static let flat = FunctionTraits(rawValue: 1 << 6)
  /// Swapping the operands changes nothing.
  public static let commutative = FunctionTraits(rawValue: 1 << 7)
}

/// A function of one float element.
public enum UnaryFunction: String, Sendable, Hashable, CaseIterable {
  case negate, reciprocal, abs, sign, exp, log, sqrt, rsqrt, tanh, sigmoid, sin, cos, softplus
  case expm1, log1p, erf, floor, round

  /// What is true of it wherever it is applied.
  public var traits: FunctionTraits {
    switch self {
    case .negate: [.linear, .cheap]
    case .reciprocal, .sqrt, .rsqrt: .partial
    case .abs: [.cheap, .kinked]
    case .sign: [.bounded, .flat]
    case .exp, .log, .expm1, .log1p: [.long, .partial]
    case .tanh, .sigmoid, .sin, .cos, .erf: [.long, .bounded]
    case .softplus: .long
    case .floor, .round: .flat
    }
  }

  /// The `k` with which f(c · x) = cᵏ · f(x) for every c > 0 and every x; nil if there is none.
  public var degree: Double? {
    switch self {
    case .negate, .abs: 1
    case .sign: 0
    case .sqrt: 0.5
    case .reciprocal: -1
    case .rsqrt: -0.5
    case .exp, .log, .tanh, .sigmoid, .sin, .cos, .softplus: nil
    case .expm1, .log1p, .erf, .floor, .round: nil
    }
  }

  /// The function of a number: what it means, for the interpreter and for constants.
  public func evaluate(_ x: Double) -> Double {
    switch self {
    case .negate: -x
    case .reciprocal: 1 / x
    case .abs: Swift.abs(x)
    case .sign: x > 0 ? 1 : x < 0 ? -1 : x  // Zeros and NaN stay what they are.
    case .exp: Foundation.exp(x)
    case .log: Foundation.log(x)
    case .sqrt: x.squareRoot()
    case .rsqrt: 1 / x.squareRoot()
    case .tanh: Foundation.tanh(x)
    // 1 / (1 + exp(-x)), in two forms of which neither overflows where it is used.
    case .sigmoid: x >= 0 ? 1 / (1 + Foundation.exp(-x)) : Foundation.exp(x) / (1 + Foundation.exp(x))
    case .sin: Foundation.sin(x)
    case .cos: Foundation.cos(x)
    // log(1 + exp(x)) without overflow.
    case .softplus: x > 0 ? x + Foundation.log1p(Foundation.exp(-x)) : Foundation.log1p(Foundation.exp(x))
    case .expm1: Foundation.expm1(x)
    case .log1p: Foundation.log1p(x)
    case .erf: Foundation.erf(x)
    case .floor: x.rounded(.down)
    case .round: x.rounded(.toNearestOrEven)
    }
  }
}

/// A function of two float elements.
public enum BinaryFunction: String, Sendable, Hashable, CaseIterable {
  case add, subtract, multiply, divide, maximum, minimum, pow, atan2, logaddexp

  /// What is true of it wherever it is applied.
  public var traits: FunctionTraits {
    switch self {
    case .add: [.linear, .cheap, .commutative]
    case .subtract: [.linear, .cheap]
    case .multiply: [.cheap, .commutative]
    case .divide: .partial
    case .maximum, .minimum: [.cheap, .commutative, .kinked]
    case .pow: [.long, .partial]
    case .atan2: .long
    case .logaddexp: [.long, .commutative]
    }
  }

  /// The function of two numbers: what it means, for the interpreter and for constants.
  public func evaluate(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    // The larger or smaller number, or NaN if one is NaN.
    case .maximum: a > b || a.isNaN ? a : b
    case .minimum: a < b || a.isNaN ? a : b
    // Of a negative number, real for a whole exponent and else NaN; 1 if the exponent is 0 or the base 1.
    case .pow: Foundation.pow(a, b)
    // The angle of the point (b, a).
    case .atan2: Foundation.atan2(a, b)
    // log(exp(a) + exp(b)) without overflow; infinities of one sign have no difference.
    case .logaddexp: Swift.max(a, b) + Foundation.log1p(Foundation.exp(a == b ? 0 : -Swift.abs(a - b)))
    }
  }
}

/// A comparison of two elements of one type.
public enum Comparison: String, Sendable, Hashable, CaseIterable {
  case less, lessOrEqual = "less_or_equal", equal

  /// Whether it holds for two numbers; it never does if one of them is NaN.
  public func evaluate(_ a: Double, _ b: Double) -> Bool {
    switch self {
    case .less: a < b
    case .lessOrEqual: a <= b
    case .equal: a == b
    }
  }
}

/// How a reduction combines elements.
public enum Reduction: String, Sendable, Hashable, CaseIterable {
  case sum, maximum, minimum

  /// The function that combines two of them.
  public var function: BinaryFunction {
    switch self {
    case .sum: .add
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }

  /// What combining begins with: 0, or an infinity.
  public var identity: Double {
    switch self {
    case .sum: 0
    case .maximum: -.infinity
    case .minimum: .infinity
    }
  }
}
