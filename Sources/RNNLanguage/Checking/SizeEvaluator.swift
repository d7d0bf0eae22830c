import Foundation
import RNNSupport

/// Computes what is known when compiling: sizes, and the numbers of initial values.
struct SizeEvaluator {
  /// The sizes in scope.
  let sizes: [String: Int]
  let report: (Diagnostic) -> Void

  /// The greatest size, and the greatest number of elements of a tensor.
  static let limit = 1 << 40

  /// Whether an expression is made of numbers and sizes only.
  func isSize(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .number: true
    case .name(let name): sizes[name] != nil
    case .negate(let operand): isSize(operand)
    case .binary(let operation, let left, let right):
      !operation.isComparison && operation != .product && isSize(left) && isSize(right)
    case .text, .next, .call, .element, .slice, .member, .tuple, .invalid: false
    }
  }

  /// The whole number that an expression stands for, or nil after a report.
  func integer(_ expression: Expression) -> Int? {
    switch expression.kind {
    case .number(let value):
      guard let whole = Int(exactly: value), whole <= Self.limit else {
        report(value > Double(Self.limit) ? .tooLarge(at: expression.range) : .notASize(at: expression.range))
        return nil
      }
      return whole
    case .name(let name):
      if let size = sizes[name] { return size }
      report(.unknownName(name, "size", at: expression.range, among: Array(sizes.keys)))
      return nil
    case .negate(let operand): return integer(operand).map { -$0 }
    case .binary(let operation, let left, let right):
      guard let a = integer(left), let b = integer(right) else { return nil }
      return combine(operation, a, b, at: expression.range)
    case .invalid: return nil
    case .text, .next, .call, .element, .slice, .member, .tuple:
      report(.notASize(at: expression.range))
      return nil
    }
  }

  private func combine(_ operation: BinaryOperator, _ a: Int, _ b: Int, at site: SourceRange) -> Int? {
    let value: (partialValue: Int, overflow: Bool)
    switch operation {
    case .add: value = a.addingReportingOverflow(b)
    case .subtract: value = a.subtractingReportingOverflow(b)
    case .multiply: value = a.multipliedReportingOverflow(by: b)
    case .divide:
      guard b != 0, a % b == 0 else {
        report(.notDivisible(a, by: b, at: site))
        return nil
      }
      value = (a / b, false)
    case .product, .less, .greater, .lessOrEqual, .greaterOrEqual, .equal, .notEqual:
      report(.notASize(at: site))
      return nil
    }
    guard !value.overflow, abs(value.partialValue) <= Self.limit else {
      report(.tooLarge(at: site))
      return nil
    }
    return value.partialValue
  }

  /// The positive size that an expression stands for, or nil after a report.
  func size(_ expression: Expression) -> Int? {
    guard let value = integer(expression) else { return nil }
    if value > 0 { return value }
    report(.notPositive(value, at: expression.range))
    return nil
  }

  /// The shape that a list of sizes stands for, or nil after a report.
  func shape(_ expressions: [Expression], at site: SourceRange) -> [Int]? {
    let shape = expressions.compactMap(size)
    return shape.count == expressions.count && holds(shape, at: site) ? shape : nil
  }

  /// Whether a tensor can be as large as this; false after a report.
  func holds(_ shape: [Int], at site: SourceRange) -> Bool {
    if shape.volume != nil { return true }
    report(.tooLarge(at: site))
    return false
  }

  /// The number that an expression stands for, or nil if it is not made of numbers, sizes and functions of them.
  func number(_ expression: Expression) -> Double? {
    switch expression.kind {
    case .number(let value): return value
    case .name(let name): return sizes[name].map(Double.init)
    case .negate(let operand): return number(operand).map { -$0 }
    case .binary(let operation, let left, let right):
      guard let a = number(left), let b = number(right) else { return nil }
      switch operation {
      case .add: return a + b
      case .subtract: return a - b
      case .multiply: return a * b
      case .divide: return a / b
      case .product, .less, .greater, .lessOrEqual, .greaterOrEqual, .equal, .notEqual: return nil
      }
    case .call(let name, let arguments):
      let values = arguments.compactMap { $0.label == nil ? number($0.value) : nil }
      guard values.count == arguments.count else { return nil }
      switch (name.text, values.count) {
      case ("sqrt", 1): return values[0].squareRoot()
      case ("exp", 1): return exp(values[0])
      case ("log", 1): return log(values[0])
      case ("max", 2): return max(values[0], values[1])
      case ("min", 2): return min(values[0], values[1])
      default: return nil
      }
    case .text, .next, .element, .slice, .member, .tuple, .invalid: return nil
    }
  }
}

extension [Int] {
  /// The number of elements of a tensor of this shape; nil if there are too many.
  var volume: Int? {
    var volume = 1
    for extent in self {
      let product = volume.multipliedReportingOverflow(by: extent)
      guard !product.overflow, product.partialValue <= SizeEvaluator.limit else { return nil }
      volume = product.partialValue
    }
    return volume
  }
}
