import RNNLanguage

infix operator • : MultiplicationPrecedence

extension Value {
  /// The sum, element by element.
  public static func + (a: Value, b: Value) -> Value { binary(.add, a, b) }

  /// The difference, element by element.
  public static func - (a: Value, b: Value) -> Value { binary(.subtract, a, b) }

  /// The product, element by element.
  public static func * (a: Value, b: Value) -> Value { binary(.multiply, a, b) }

  /// The quotient, element by element.
  public static func / (a: Value, b: Value) -> Value { binary(.divide, a, b) }

  /// The product of two matrices, or of a matrix and a vector: `@` of the language.
  public static func • (a: Value, b: Value) -> Value { binary(.product, a, b) }

  /// The mask of where the left is less, for `select`.
  public static func < (a: Value, b: Value) -> Value { binary(.less, a, b) }

  /// The mask of where the left is less or equal, for `select`.
  public static func <= (a: Value, b: Value) -> Value { binary(.lessOrEqual, a, b) }

  /// The mask of where the left is greater, for `select`.
  public static func > (a: Value, b: Value) -> Value { binary(.greater, a, b) }

  /// The mask of where the left is greater or equal, for `select`.
  public static func >= (a: Value, b: Value) -> Value { binary(.greaterOrEqual, a, b) }

  /// The mask of where both are equal, for `select`; of numbers or tokens.
  public static func == (a: Value, b: Value) -> Value { binary(.equal, a, b) }

  /// The mask of where both differ, for `select`; of numbers or tokens.
  public static func != (a: Value, b: Value) -> Value { binary(.notEqual, a, b) }

  /// The negative value.
  public static prefix func - (a: Value) -> Value { compute([a]) { .negate($0[0]) } }

  private static func binary(_ operation: BinaryOperator, _ a: Value, _ b: Value) -> Value {
    compute([a, b]) { .binary(operation, $0[0], $0[1]) }
  }

  // MARK: Parts

  /// The transpose of a matrix.
  public var transposed: Value { Value.compute([self]) { .member($0[0], Name("T"), isNext: false) } }

  /// The element or row at a place, counted from 0.
  public subscript(place: Size) -> Value {
    Value.compute([self, Value(place)]) { .element($0[0], $0[1]) }
  }

  /// The element or row at a place, counted from 0.
  public subscript(place: Int) -> Value { self[Size(place)] }

  /// The row that belongs to a token, of a parameter.
  public subscript(token: Value) -> Value {
    Value.compute([self, token]) { .element($0[0], $0[1]) }
  }

  /// The elements or rows from `start` up to but without `end`; to the last one if `end` is left out.
  public subscript(from start: Size, to end: Size? = nil) -> Value {
    let ends = [start, end].compactMap { $0.map { Value($0) } }
    return Value.compute([self] + ends) { .slice($0[0], $0[1], $0.count > 2 ? $0[2] : nil) }
  }

  /// The elements or rows from the first up to but without `end`.
  public subscript(to end: Size) -> Value {
    Value.compute([self, Value(end)]) { .slice($0[0], nil, $0[1]) }
  }
}

/// The product of two matrices, or of a matrix and a vector: what `a • b` is.
public func matmul(_ a: Value, _ b: Value) -> Value { a • b }
