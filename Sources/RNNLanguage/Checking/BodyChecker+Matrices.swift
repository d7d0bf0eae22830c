import RNNGraph
import RNNSupport

// Functions that make matrices, or go along an axis of one.
extension BodyChecker {
  /// A function over the elements of a vector, or of each column or row of a matrix.
  mutating func along(
    _ function: AxisFunction, _ builtin: Composition, _ value: Expression, over: Argument?,
    at site: SourceRange
  ) -> NodeID? {
    let checked = checkNumber(value)
    var axis: MatrixAxis?
    if let over {
      guard let named = matrixAxis(over.value) else { return nil }
      axis = named
    }
    guard let x = checked else { return nil }
    let shape = type(x).shape
    let what = "the argument of \(builtin.rawValue)"
    if axis == nil, shape.count != 1 {
      return reportShape(
        .wrongType(
          what, expected: "a vector", found: type(x), at: value.range,
          notes: .fitting(builtin, function, shape)))
    }
    if axis != nil, shape.count != 2 {
      return reportShape(
        .wrongType(
          "\(what) with 'over:'", expected: "a matrix", found: type(x), at: value.range,
          notes: .fitting(builtin, function, shape)))
    }
    let index = axis?.index ?? 0
    var result = shape
    if !function.keepsAxis { result.remove(at: index) }
    return add(.along(axis: index, function), [x], ValueType(result, type(x).extent), at: site)
  }

  /// The axis that stands behind `over:`; nil after a report.
  private mutating func matrixAxis(_ expression: Expression) -> MatrixAxis? {
    if let axis = MatrixAxis(expression) { return axis }
    if expression.isInvalid { hasFaults = true } else { report(.notAnAxis(expression)) }
    return nil
  }

  /// The matrix of the products of the elements of two vectors.
  mutating func outer(_ left: Expression, _ right: Expression, at site: SourceRange) -> NodeID? {
    let (a, b) = (checkVector(left, of: "outer"), checkVector(right, of: "outer"))
    guard let a, let b, let extent = join([a, b], at: site) else { return nil }
    return add(.outer, [a, b], ValueType(type(a).shape + type(b).shape, extent), at: site)
  }

  /// A value as each of so many rows, along a new first axis, or a vector as each of so many columns of a matrix.
  mutating func tile(_ value: Expression, _ axis: MatrixAxis, _ count: Expression, at site: SourceRange)
    -> NodeID?
  {
    let checked =
      axis == .rows ? checkNumber(value) : checkVector(value, of: "repeat with '\(axis.rawValue):'")
    let (x, count) = (checked, evaluator.size(count))
    guard let x, let count else {
      hasFaults = true
      return nil
    }
    var shape = type(x).shape
    shape.insert(count, at: axis.index)
    return add(.tile(axis), [x], ValueType(shape, type(x).extent), at: site)
  }

  /// The same elements in another shape.
  mutating func reshape(_ value: Expression, _ sizes: [Expression], at site: SourceRange) -> NodeID? {
    let (x, shape) = (checkNumber(value), evaluator.shape(sizes, at: site))
    guard let x, let shape else {
      hasFaults = true
      return nil
    }
    guard type(x).shape.reduce(1, *) == shape.reduce(1, *) else {
      return reportShape(.doesNotHold(shape, type(x), at: site))
    }
    return add(.reshape, [x], ValueType(shape, type(x).extent), at: site)
  }
}
