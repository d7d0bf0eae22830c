import Foundation
import RNNGraph

extension DenseArray {
  func mapped(_ function: UnaryFunction) -> DenseArray {
    DenseArray(element, shape, numbers.map(scalarFunction(function)))
  }

  func mapped(_ function: BinaryFunction, with other: DenseArray) -> DenseArray {
    let scalar = scalarFunction(function)
    return DenseArray(element, shape, zip(numbers, other.numbers).map { scalar($0, $1) })
  }

  /// Every comparison with NaN is false.
  func compared(_ comparison: Comparison, with other: DenseArray) -> DenseArray {
    let holds: (Double, Double) -> Bool =
      switch comparison {
      case .less: { $0 < $1 }
      case .lessOrEqual: { $0 <= $1 }
      case .equal: { $0 == $1 }
      }
    return DenseArray(exact: .bool, shape, zip(numbers, other.numbers).map { holds($0, $1) ? 1 : 0 })
  }

  /// Takes from `a` where this is true, from `b` elsewhere.
  func selected(_ a: DenseArray, _ b: DenseArray) -> DenseArray {
    let chosen = numbers.indices.map { numbers[$0] != 0 ? a.numbers[$0] : b.numbers[$0] }
    return DenseArray(exact: a.element, shape, chosen)
  }
}

private func scalarFunction(_ function: UnaryFunction) -> (Double) -> Double {
  switch function {
  case .negate: { -$0 }
  case .reciprocal: { 1 / $0 }
  case .abs: { Swift.abs($0) }
  case .sign: { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }  // Zeros and NaN stay what they are.
  case .exp: { Foundation.exp($0) }
  case .log: { Foundation.log($0) }
  case .sqrt: { $0.squareRoot() }
  case .rsqrt: { 1 / $0.squareRoot() }
  case .tanh: { Foundation.tanh($0) }
  case .sigmoid: sigmoid
  case .sin: { Foundation.sin($0) }
  case .cos: { Foundation.cos($0) }
  case .softplus: softplus
  }
}

private func scalarFunction(_ function: BinaryFunction) -> (Double, Double) -> Double {
  switch function {
  case .add: { $0 + $1 }
  case .subtract: { $0 - $1 }
  case .multiply: { $0 * $1 }
  case .divide: { $0 / $1 }
  case .maximum: maximum
  case .minimum: minimum
  }
}

/// 1 / (1 + exp(-x)), in two forms of which neither overflows where it is used.
private func sigmoid(_ x: Double) -> Double {
  if x >= 0 { return 1 / (1 + exp(-x)) }
  let e = exp(x)
  return e / (1 + e)
}

/// log(1 + exp(x)) without overflow.
private func softplus(_ x: Double) -> Double { x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)) }

/// The larger number, or NaN if one is NaN.
func maximum(_ a: Double, _ b: Double) -> Double { a > b || a.isNaN ? a : b }

/// The smaller number, or NaN if one is NaN.
func minimum(_ a: Double, _ b: Double) -> Double { a < b || a.isNaN ? a : b }
