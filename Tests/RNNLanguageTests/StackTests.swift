import RNNGraph
import RNNInterpreter
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Products of stacks of matrices and vectors.
struct StackTests {
  /// The product of the places of two arrays' stacks, one element after the other.
  private func product(_ a: DenseArray, _ b: DenseArray, stack: Int) -> DenseArray {
    let (left, right) = (Array(a.shape.dropFirst(stack)), Array(b.shape.dropFirst(stack)))
    let count = a.shape.prefix(stack).reduce(1, *)
    let (rows, inner) = (left.count == 2 ? left[0] : 1, left[left.count - 1])
    let columns = right.count == 2 ? right[1] : 1
    var numbers: [Double] = []
    for place in 0..<count {
      for i in 0..<rows {
        for j in 0..<columns {
          let terms = (0..<inner).map {
            a.numbers[(place * rows + i) * inner + $0] * b.numbers[(place * inner + $0) * columns + j]
          }
          numbers.append(terms.reduce(0, +))
        }
      }
    }
    let own = left.dropLast() + right.dropFirst()
    return DenseArray(.f64, Array(a.shape.prefix(stack)) + own, numbers)
  }

  /// The array once more for each place of new axes in front.
  private func repeated(_ array: DenseArray, _ axes: [Int]) -> DenseArray {
    let count = axes.reduce(1, *)
    return DenseArray(.f64, axes + array.shape, (0..<count).flatMap { _ in array.numbers })
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let a: String
    let b: String
    var testDescription: String { "\(a) @ \(b)" }
  }

  /// Of an input or a parameter, in the order of the operands' shapes.
  private static let cases: [Case] = ["W", "A"].flatMap { matrix in
    ["v", "p"].flatMap { vector in
      [Case(a: matrix, b: vector), Case(a: vector, b: "\(matrix).T")]
    } + ["B", "Q"].map { Case(a: matrix, b: $0) }
  }

  /// What of the operands is a parameter has no batch.
  @Test(arguments: cases) func eachMultipliesWithEach(_ wanted: Case) throws {
    let graph = try loweredGraph(
      of: """
        model M(N = 3, I = 2, J = 4, K = 5) {
            input A: [2, N, I, J], B: [2, N, J, K], v: [2, N, J]
            param W: [2, N, I, J], Q: [2, N, J, K], p: [2, N, J] = normal(1)
            y = \(wanted.testDescription)
            output y
            loss mse(y, 0 * y)
        }
        """)
    let batch = 2
    var random = SplitMix64(seed: 5)
    let inputs = randomInputs(for: graph, sizes: [.batch: batch], using: &random)
    let isParameter = { (text: String) in "WQp".contains(text.prefix(1)) }
    func operand(_ text: String) throws -> DenseArray {
      var array = try #require(inputs[String(text.prefix(1))])
      if isParameter(text) { array = repeated(array, [batch]) }
      guard text.hasSuffix(".T") else { return array }
      let (rows, columns) = (array.shape[3], array.shape[4])
      let numbers = array.numbers.indices.map { i in
        let first = i / (rows * columns) * rows * columns
        return array.numbers[first + i % rows * columns + (i - first) / rows]
      }
      return DenseArray(.f64, array.shape.dropLast(2) + [columns, rows], numbers)
    }
    var expected = product(try operand(wanted.a), try operand(wanted.b), stack: 3)
    if isParameter(wanted.a), isParameter(wanted.b) {
      let count = expected.numbers.count / batch
      expected = DenseArray(.f64, Array(expected.shape.dropFirst()), Array(expected.numbers.prefix(count)))
    }
    #expect(difference(try checkedGradients(of: graph, inputs)["y"], expected) < 1e-12)
  }
}
