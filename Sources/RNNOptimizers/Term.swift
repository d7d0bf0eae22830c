import RNNGraph

/// A value under construction, so that rules read like their formulas.
///
/// A scalar beside a tensor stands for every element and takes its element type: numbers that all parameters share
/// are computed in f64.
struct Term {
  let value: ValueID
  let builder: GraphBuilder

  init(_ value: ValueID, _ builder: GraphBuilder) {
    self.value = value
    self.builder = builder
  }

  var type: TensorType { builder.type(value) }

  static func + (a: Term, b: Term) -> Term { combine(.add, a, b) }
  static func - (a: Term, b: Term) -> Term { combine(.subtract, a, b) }
  static func * (a: Term, b: Term) -> Term { combine(.multiply, a, b) }
  static func / (a: Term, b: Term) -> Term { combine(.divide, a, b) }

  static func + (a: Term, b: Double) -> Term { b == 0 ? a : a + a.constant(b) }
  static func - (a: Double, b: Term) -> Term { b.constant(a) - b }
  static func * (a: Double, b: Term) -> Term { a == 1 ? b : b.constant(a) * b }
  static func / (a: Double, b: Term) -> Term { b.constant(a) / b }
  static func / (a: Term, b: Double) -> Term { a / a.constant(b) }

  /// `min(max(self, low), high)`.
  func clamped(from low: Term, to high: Term) -> Term {
    Self.combine(.minimum, Self.combine(.maximum, self, low), high)
  }

  /// The greatest integer that is not above a term that is not negative.
  var floor: Term { converted(to: .i32).converted(to: type.element) }

  /// `self == number ? a : b`, of scalars.
  func equals(_ number: Double) -> Term {
    Term(builder.compare(.equal, value, constant(number).value), builder)
  }

  /// `self ? a : b` for a scalar truth.
  func choose(_ a: Term, _ b: Term) -> Term {
    let condition = builder.broadcast(scalar: value, like: a.value)
    return Term(builder.select(condition, a.value, b.value), builder)
  }

  func applying(_ function: UnaryFunction) -> Term { Term(builder.unary(function, value), builder) }

  func converted(to element: ElementType) -> Term { Term(builder.convert(value, to: element), builder) }

  func constant(_ number: Double) -> Term { Term(builder.constant(number, like: value), builder) }

  private func broadcast(like other: Term) -> Term {
    type == other.type
      ? self
      : Term(builder.broadcast(scalar: converted(to: other.type.element).value, like: other.value), builder)
  }

  static func combine(_ function: BinaryFunction, _ a: Term, _ b: Term) -> Term {
    let isScalar = a.type.shape.isEmpty
    let (a, b) = isScalar ? (a.broadcast(like: b), b) : (a, b.broadcast(like: a))
    return Term(a.builder.binary(function, a.value, b.value), a.builder)
  }
}

func sqrt(_ x: Term) -> Term { x.applying(.sqrt) }
func exp(_ x: Term) -> Term { x.applying(.exp) }
func cos(_ x: Term) -> Term { x.applying(.cos) }
func min(_ a: Term, _ b: Term) -> Term { Term.combine(.minimum, a, b) }
func max(_ a: Term, _ b: Double) -> Term { Term.combine(.maximum, a, a.constant(b)) }

/// The running mean `β old + (1 - β) new`, in a form that reads `old` where `new` is known and not before.
func mean(_ old: Term, _ new: Term, keeping beta: Double) -> Term { old + (1 - beta) * (new - old) }
