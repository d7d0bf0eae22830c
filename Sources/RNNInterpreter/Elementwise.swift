import RNNGraph

extension DenseArray {
  func mapped(_ function: UnaryFunction) -> DenseArray {
    DenseArray(element, shape, numbers.map(function.evaluate))
  }

  func mapped(_ function: BinaryFunction, with other: DenseArray) -> DenseArray {
    DenseArray(element, shape, zip(numbers, other.numbers).map(function.evaluate))
  }

  func compared(_ comparison: Comparison, with other: DenseArray) -> DenseArray {
    let holds = zip(numbers, other.numbers).map(comparison.evaluate)
    return DenseArray(exact: .bool, shape, holds.map { $0 ? 1 : 0 })
  }

  /// Takes from `a` where this is true, from `b` elsewhere.
  func selected(_ a: DenseArray, _ b: DenseArray) -> DenseArray {
    let chosen = numbers.indices.map { numbers[$0] != 0 ? a.numbers[$0] : b.numbers[$0] }
    return DenseArray(exact: a.element, shape, chosen)
  }
}
