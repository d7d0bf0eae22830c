/// Where a value of the language lives.
enum Place: Hashable, Sendable {
  /// The same for every example and step: made of parameters and numbers.
  case fixed
  /// One value of an example, or of its step in a cell.
  case one
  /// A value for each step of a whole sequence.
  case steps(String)

  /// The place of what is made of both, if they combine.
  static func join(_ a: Place, _ b: Place) -> Place? {
    if a == .fixed { return b }
    return b == .fixed || a == b ? a : nil
  }
}

struct ValueType: Hashable, Sendable {
  var shape: [Extent]
  var place: Place
  /// The number of tokens, if this is one.
  var token: Extent?

  init(_ shape: [Extent], _ place: Place, token: Extent? = nil) {
    self.shape = shape
    self.place = place
    self.token = token
  }

  var isNumber: Bool { token == nil }
  var isScalar: Bool { isNumber && shape.isEmpty }
  var isVector: Bool { isNumber && shape.count == 1 }
  var isMatrix: Bool { isNumber && shape.count == 2 }
  var steps: String? { if case .steps(let name) = place { name } else { nil } }

  func with(shape: [Extent]) -> ValueType { ValueType(shape, place) }
}

/// An expression, as the language and as Python write it.
struct Term: Sendable {
  /// How tightly the operators of the language bind.
  enum Level: Int { case comparison, sum, product, unary, primary }

  var rnn: String
  var python: String
  var level = Level.primary
  var type: ValueType
  /// Between which numbers all elements are.
  var range: ClosedRange<Double>

  /// The text as an operand that must bind at least this tightly.
  func text(_ level: Level) -> String { self.level.rawValue >= level.rawValue ? rnn : "(\(rnn))" }

  var bound: Double { max(abs(range.lowerBound), abs(range.upperBound)) }
  func avoids(_ radius: Double) -> Bool { range.lowerBound >= radius || range.upperBound <= -radius }
}

extension Term {
  /// A number; it prints alike in both languages.
  static func number(_ value: Double) -> Term {
    let text = "\(value)"
    return Term(
      rnn: text, python: text, level: value < 0 ? .unary : .primary, type: ValueType([], .fixed),
      range: value...value)
  }

  /// A built-in function of the language.
  static func call(
    _ name: String, python: String? = nil, _ arguments: [Term], _ type: ValueType,
    _ range: ClosedRange<Double>
  ) -> Term {
    Term(
      rnn: "\(name)(\(arguments.map(\.rnn).joined(separator: ", ")))",
      python: "\(python ?? name)(\(arguments.map(\.python).joined(separator: ", ")))",
      type: type, range: range)
  }

  /// An operator between two terms; all of the language group from the left.
  static func binary(
    _ symbol: String, _ python: String, _ level: Level, _ a: Term, _ b: Term, _ type: ValueType,
    _ range: ClosedRange<Double>
  ) -> Term {
    let tighter = Level(rawValue: level.rawValue + 1) ?? .primary
    return Term(
      rnn: "\(a.text(level == .comparison ? .sum : level)) \(symbol) \(b.text(tighter))",
      python: "\(python)(\(a.python), \(b.python))", level: level, type: type, range: range)
  }
}

extension ClosedRange<Double> {
  /// The range of a monotonic function of what is in this one.
  func through(_ function: (Double) -> Double) -> ClosedRange<Double> {
    let (a, b) = (function(lowerBound), function(upperBound))
    return Swift.min(a, b)...Swift.max(a, b)
  }

  /// The range of a function of two numbers that is monotonic in each.
  func combined(_ other: ClosedRange<Double>, _ function: (Double, Double) -> Double) -> ClosedRange<Double> {
    let all = [lowerBound, upperBound].flatMap { a in
      [other.lowerBound, other.upperBound].map { function(a, $0) }
    }
    return all.min()!...all.max()!
  }

  func union(_ other: ClosedRange<Double>) -> ClosedRange<Double> {
    Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }

  static func within(_ bound: Double) -> ClosedRange<Double> { -bound...bound }
}
