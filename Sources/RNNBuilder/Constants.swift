import RNNLanguage

// Numbers of constants: what `const` of a cell or model takes beside sizes, and the functions of formulas over indices.
extension Size {
  /// Normal numbers with mean 0, which follow from a seed.
  public static func normal(_ deviation: Size = 1, seed: Size) -> Size { draw("normal", [deviation], seed) }

  /// Uniform numbers between −`bound` and `bound`, which follow from a seed.
  public static func uniform(_ bound: Size, seed: Size) -> Size { draw("uniform", [bound], seed) }

  /// Uniform numbers between 0 and 1, which follow from a seed.
  public static func uniform(seed: Size) -> Size { draw("uniform", [], seed) }

  /// A matrix with orthonormal rows or columns, whichever are fewer, which follows from a seed.
  public static func orthogonal(seed: Size) -> Size { draw("orthogonal", [], seed) }

  /// The numbers of a vector.
  public static func numbers(_ numbers: [Double]) -> Size { Size(list(numbers), []) }

  /// The numbers of a matrix, row by row.
  public static func numbers(_ rows: [[Double]]) -> Size { Size(Expression(.tuple(rows.map(list))), []) }

  /// A tensor of a safetensors file; its path is relative to the current folder.
  public static func tensor(_ name: String, ofFile path: String) -> Size {
    let texts = [path, name].map { Argument(Expression(.text($0))) }
    return Size(Expression(.call(Name("file"), texts)), [])
  }

  private static func list(_ numbers: [Double]) -> Expression {
    numbers.count == 1 ? .literal(numbers[0]) : Expression(.tuple(numbers.map(Expression.literal)))
  }

  private static func draw(_ name: String, _ values: [Size], _ seed: Size) -> Size {
    call(name, values.map { (nil, $0) } + [("seed", seed)])
  }

  static func call(_ function: String, _ arguments: [(label: String?, value: Size)]) -> Size {
    let call = Expression.Kind.call(
      Name(function), arguments.map { Argument($0.value.expression, label: $0.label) })
    return Size(Expression(call), joined(arguments.map(\.value)))
  }

  /// Where the left is less, for `select`.
  public static func < (a: Size, b: Size) -> Condition { Condition(.less, a, b) }

  /// Where the left is less or equal, for `select`.
  public static func <= (a: Size, b: Size) -> Condition { Condition(.lessOrEqual, a, b) }

  /// Where the left is greater, for `select`.
  public static func > (a: Size, b: Size) -> Condition { Condition(.greater, a, b) }

  /// Where the left is greater or equal, for `select`.
  public static func >= (a: Size, b: Size) -> Condition { Condition(.greaterOrEqual, a, b) }

  /// Where both are equal, for `select`.
  public static func == (a: Size, b: Size) -> Condition { Condition(.equal, a, b) }

  /// Where both differ, for `select`.
  public static func != (a: Size, b: Size) -> Condition { Condition(.notEqual, a, b) }

  /// A comparison of numbers that are known when a model is compiled.
  public struct Condition {
    let value: Size

    init(_ comparison: BinaryOperator, _ a: Size, _ b: Size) {
      value = Size(Expression(.binary(comparison, a.expression, b.expression)), Size.joined([a, b]))
    }
  }
}

/// `a` where the condition holds, else `b`.
public func select(_ condition: Size.Condition, _ a: Size, _ b: Size) -> Size {
  .call("where", [(nil, condition.value), (nil, a), (nil, b)])
}

/// `x` to the power of `exponent`, in the formula of a constant.
public func pow(_ x: Size, _ exponent: Size) -> Size { .call("pow", [(nil, x), (nil, exponent)]) }

/// The largest whole number that is not larger, in the formula of a constant.
public func floor(_ x: Size) -> Size { .call("floor", [(nil, x)]) }

/// The absolute value, in the formula of a constant.
public func abs(_ x: Size) -> Size { .call("abs", [(nil, x)]) }

/// The sine, in the formula of a constant.
public func sin(_ x: Size) -> Size { .call("sin", [(nil, x)]) }

/// The cosine, in the formula of a constant.
public func cos(_ x: Size) -> Size { .call("cos", [(nil, x)]) }
