import RNNGraph

/// A tensor whose every element is kept as a `Double`, whatever its element type: that holds each `f32`, `i32` and
/// `bool` (as 0 or 1) exactly.
public struct DenseArray: Sendable, Hashable {
  /// The type of each element; `numbers` holds nothing that it cannot.
  public let element: ElementType
  /// The extents, outermost axis first.
  public let shape: [Int]
  /// The elements, the last axis contiguous.
  public private(set) var numbers: [Double]

  /// Makes an array; each number is rounded to the element type.
  ///
  /// - Requires: there are as many numbers as the shape has places.
  public init(_ element: ElementType, _ shape: [Int], _ numbers: [Double]) {
    precondition(numbers.count == shape.reduce(1, *), "\(numbers.count) numbers do not fill \(shape)")
    self.element = element
    self.shape = shape
    self.numbers = numbers
    round()
  }

  /// Makes an array with the same number in each place.
  public init(_ element: ElementType, _ shape: [Int], repeating number: Double) {
    self.init(element, shape, [Double](repeating: number, count: shape.reduce(1, *)))
  }

  /// Makes an array without axes.
  public init(_ element: ElementType, scalar number: Double) { self.init(element, [], [number]) }

  /// Makes an array of numbers that are exact in the element type already.
  init(exact element: ElementType, _ shape: [Int], _ numbers: [Double]) {
    self.element = element
    self.shape = shape
    self.numbers = numbers
  }

  /// Rounds each number to the element type.
  private mutating func round() {
    if element == .f64 { return }
    for i in numbers.indices { numbers[i] = element.rounded(numbers[i]) }
  }

  /// The type and shape, such as `f32[35, 32]`.
  var typeDescription: String {
    TensorType(element, shape.map(Dimension.fixed)).description
  }
}

/// Distances in `numbers` between neighbours along each axis of an array of this shape.
func contiguousStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}

/// Calls `body` with the distance from the first element to each row along the last axis, rows in order.
///
/// There is one row, at 0, if the shape has no axes.
func forEachRow(_ shape: [Int], strides: [Int], _ body: (Int) -> Void) {
  if shape.contains(0) { return }
  let outer = shape.count - 1
  var index = [Int](repeating: 0, count: max(outer, 0))
  var offset = 0
  while true {
    body(offset)
    var axis = outer - 1
    while axis >= 0 {
      index[axis] += 1
      offset += strides[axis]
      if index[axis] < shape[axis] { break }
      offset -= strides[axis] * shape[axis]
      index[axis] = 0
      axis -= 1
    }
    if axis < 0 { return }
  }
}

extension DenseArray {
  /// A copy that walks through the numbers in steps: element `i` is number `offset + Σ i[k] * strides[k]`.
  func strided(_ shape: [Int], strides: [Int], offset: Int = 0) -> DenseArray {
    var result: [Double] = []
    let count = shape.last ?? 1
    let step = strides.last ?? 1
    result.reserveCapacity(shape.reduce(1, *))
    numbers.withUnsafeBufferPointer { source in
      forEachRow(shape, strides: strides) { row in
        let start = offset + row
        if step == 1 {
          result.append(contentsOf: source[start..<(start + count)])
        } else {
          for i in 0..<count { result.append(source[start + i * step]) }
        }
      }
    }
    return DenseArray(exact: element, shape, result)
  }

  /// Copies `part` into the block of its shape that starts at `start` along `axis`.
  mutating func place(_ part: DenseArray, axis: Int, start: Int) {
    let inner = shape[(axis + 1)...].reduce(1, *)
    let rows = part.shape[axis] * inner
    for outer in 0..<shape[..<axis].reduce(1, *) {
      let target = (outer * shape[axis] + start) * inner
      numbers.replaceSubrange(
        target..<(target + rows), with: part.numbers[(outer * rows)..<((outer + 1) * rows)])
    }
  }
}
