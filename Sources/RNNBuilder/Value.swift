import RNNLanguage

/// A value of a cell or model: one of its inputs, parameters or states, a number, or what is computed of them.
///
/// Operators and functions of values write a step of the computation down, in the order in which Swift evaluates them.
/// A value that is used twice is computed once. A literal is a value, so `1 - z` is one, too.
public struct Value: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  /// What stands for the value in an expression.
  enum Term {
    /// Written out wherever it is used: a number, or the name of what is declared.
    case written(Expression)
    /// A result of a step.
    case computed(step: Int, result: Int)
    /// At fault: reported by the unit that it belongs to, or else by the one that uses it.
    case faulty
  }

  let term: Term
  /// The cell or model that it belongs to; nil for numbers.
  let scope: UnitScope?

  init(_ term: Term, _ scope: UnitScope?) {
    self.term = term
    self.scope = scope
  }

  /// Makes a number of a literal.
  public init(floatLiteral value: Double) { self.init(value) }

  /// Makes a number of a literal.
  public init(integerLiteral value: Int) { self.init(Double(value)) }

  /// Makes a number.
  public init(_ number: Double) { self.init(.written(.literal(number)), nil) }

  /// Makes the number that a size is.
  public init(_ size: Size) {
    let scope = size.scopes.first
    if size.scopes.count > 1 { UnitScope.reportMixed("a size", size.scopes) }
    self.init(size.scopes.count > 1 || size.isInvalid ? .faulty : .written(size.expression), scope)
  }

  /// Gives a computed value a name in the listing of the model, in messages, and as an output.
  public func named(
    _ name: String, fileID: String = #fileID, line: Int = #line
  ) -> Value {
    scope?.name(self, name, Place(fileID, line))
    return self
  }

  /// The next value of a state, which is assigned once and can be read afterwards.
  ///
  ///     h.next = z * h + (1 - z) * n
  ///     c.output(h.next)
  ///
  /// Of a state of an instance, `rnn["h"].next`, it is the value after the latest application.
  public var next: Value {
    get { scope?.next(of: self) ?? Value(.faulty, nil) }
    nonmutating set { (scope ?? newValue.scope)?.assign(newValue, toNextOf: self) }
  }

  // MARK: Steps

  /// Writes down a step that computes one value.
  static func compute(_ operands: [Value], _ form: @escaping ([Expression]) -> Expression.Kind) -> Value {
    compute(operands, results: 1, form)[0]
  }

  /// Writes down a step that computes several values.
  static func compute(
    _ operands: [Value], results: Int, _ form: @escaping ([Expression]) -> Expression.Kind
  ) -> [Value] {
    var scopes: [UnitScope] = []
    for case let scope? in operands.map(\.scope) where !scopes.contains(where: { $0 === scope }) {
      scopes.append(scope)
    }
    guard scopes.count <= 1 else {
      UnitScope.reportMixed("a value", scopes)
      return Array(repeating: Value(.faulty, scopes[0]), count: results)
    }
    if let scope = scopes.first { return scope.record(operands, results: results, form) }
    // Numbers only: there is no step to write down, and the result is written out where it is used.
    let expressions = operands.compactMap { operand in
      if case .written(let expression) = operand.term { expression } else { nil }
    }
    let isComplete = expressions.count == operands.count
    let result = isComplete ? Value(Size(Expression(form(expressions)), [])) : Value(.faulty, nil)
    return Array(repeating: result, count: results)
  }

  /// Writes down a call of a function of the language.
  static func call(_ function: String, _ operands: Value..., labels: [String?] = []) -> Value {
    compute(operands) { .call(Name(function), arguments($0, labels)) }
  }

  static func arguments(_ values: [Expression], _ labels: [String?] = []) -> [Argument] {
    values.enumerated().map { Argument($1, label: $0 < labels.count ? labels[$0] : nil) }
  }
}
