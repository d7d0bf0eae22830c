import RNNLanguage

/// What the elements of a parameter are before training.
public struct InitialValue: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  let expression: Expression
  let sizes: [Size]

  private init(_ kind: Expression.Kind, _ sizes: [Size] = []) {
    expression = Expression(kind)
    self.sizes = sizes
  }

  /// All elements are the same number.
  public static func constant(_ value: Size) -> InitialValue { InitialValue(value.expression.kind, [value]) }

  /// Uniform between −`bound` and `bound`.
  public static func uniform(_ bound: Size) -> InitialValue { call("uniform", bound) }

  /// Normal with mean 0.
  public static func normal(_ deviation: Size) -> InitialValue { call("normal", deviation) }

  /// A matrix with orthonormal rows or columns, whichever are fewer.
  public static var orthogonal: InitialValue { InitialValue(.name("orthogonal")) }

  /// All elements are 0.
  public static var zeros: InitialValue { InitialValue(.name("zeros")) }

  /// All elements are 1.
  public static var ones: InitialValue { InitialValue(.name("ones")) }

  /// All elements are the same number.
  public init(floatLiteral value: Double) { self = .constant(Size(floatLiteral: value)) }

  /// All elements are the same number.
  public init(integerLiteral value: Int) { self = .constant(Size(value)) }

  private static func call(_ name: String, _ size: Size) -> InitialValue {
    InitialValue(.call(Name(name), [Argument(size.expression)]), [size])
  }
}
