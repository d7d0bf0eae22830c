import RNNGraph

extension DenseArray {
  /// Axis `i` becomes axis `axes[i]` of `shape`; along all others the result is constant.
  func broadcast(_ axes: [Int], _ shape: [Int]) -> DenseArray {
    var strides = [Int](repeating: 0, count: shape.count)
    for (axis, stride) in zip(axes, contiguousStrides(self.shape)) { strides[axis] = stride }
    return strided(shape, strides: strides)
  }

  /// Result axis `i` is axis `permutation[i]`.
  func transposed(_ permutation: [Int]) -> DenseArray {
    if permutation == Array(shape.indices) { return self }
    let strides = contiguousStrides(shape)
    return strided(permutation.map { shape[$0] }, strides: permutation.map { strides[$0] })
  }

  func sliced(_ axis: Int, start: Int, count: Int) -> DenseArray {
    var part = shape
    part[axis] = count
    let strides = contiguousStrides(shape)
    return strided(part, strides: strides, offset: start * strides[axis])
  }

  func reversed(_ axis: Int) -> DenseArray {
    var strides = contiguousStrides(shape)
    let offset = (shape[axis] - 1) * strides[axis]
    strides[axis].negate()
    return strided(shape, strides: strides, offset: offset)
  }

  static func concatenated(_ arrays: [DenseArray], _ axis: Int) -> DenseArray {
    var shape = arrays[0].shape
    shape[axis] = arrays.reduce(0) { $0 + $1.shape[axis] }
    var result = DenseArray(arrays[0].element, shape, repeating: 0)
    var start = 0
    for array in arrays {
      result.place(array, axis: axis, start: start)
      start += array.shape[axis]
    }
    return result
  }
}

extension Evaluation {
  func iota(_ extent: Int, _ element: ElementType) -> DenseArray {
    DenseArray(element, [extent], (0..<extent).map(Double.init))
  }

  func random(
    keys: DenseArray, counters: DenseArray, stream: Int, _ shape: [Int], _ element: ElementType
  ) -> DenseArray {
    let width = shape.dropFirst(keys.shape.count).reduce(1, *)
    let numbers = zip(keys.numbers, counters.numbers).flatMap { key, counter in
      (0..<width).map { position in
        uniformRandom(
          key: UInt32(bitPattern: Int32(key)), stream: stream,
          counter: UInt32(bitPattern: Int32(counter)), position: UInt32(truncatingIfNeeded: position))
      }
    }
    return DenseArray(element, shape, numbers)
  }

  /// The elements before each length in the opposite order.
  func reversedPrefix(
    _ id: OperationID, _ x: DenseArray, lengths: DenseArray, _ axis: Int
  ) throws(InterpreterError) -> DenseArray {
    let extent = x.shape[axis]
    let rows = x.shape[axis + 1]
    let width = x.shape.dropFirst(axis + 2).reduce(1, *)
    var numbers = x.numbers
    for (i, length) in lengths.numbers.enumerated() {
      guard length >= 0, length <= Double(extent) else {
        throw .lengthOutOfRange(operation: graph.description(of: id), length: Int(length), extent: extent)
      }
      let first = (i / rows * extent * rows + i % rows) * width
      for place in 0..<Int(length) {
        let source = first + (Int(length) - 1 - place) * rows * width
        for j in 0..<width { numbers[first + place * rows * width + j] = x.numbers[source + j] }
      }
    }
    return DenseArray(exact: x.element, x.shape, numbers)
  }

  func padded(
    _ id: OperationID, _ x: DenseArray, axis: Int, start: Int, _ anchor: Anchor, extent: Int
  ) throws(InterpreterError) -> DenseArray {
    let first = try position(id, anchor, start, x.shape[axis], in: extent)
    var shape = x.shape
    shape[axis] = extent
    var result = DenseArray(x.element, shape, repeating: 0)
    result.place(x, axis: axis, start: first)
    return result
  }

  func oneHot(
    _ id: OperationID, _ ids: DenseArray, _ extent: Int, _ element: ElementType
  ) throws(InterpreterError) -> DenseArray {
    var numbers = [Double](repeating: 0, count: ids.numbers.count * extent)
    for (i, row) in try rows(id, ids, below: extent).enumerated() { numbers[i * extent + row] = 1 }
    return DenseArray(exact: element, ids.shape + [extent], numbers)
  }

  func gather(
    _ id: OperationID, table: DenseArray, ids: DenseArray
  ) throws(InterpreterError) -> DenseArray {
    let width = table.shape.dropFirst().reduce(1, *)
    var numbers: [Double] = []
    numbers.reserveCapacity(ids.numbers.count * width)
    for row in try rows(id, ids, below: table.shape[0]) {
      numbers += table.numbers[(row * width)..<((row + 1) * width)]
    }
    return DenseArray(exact: table.element, ids.shape + table.shape.dropFirst(), numbers)
  }

  func scatterAdd(
    _ id: OperationID, ids: DenseArray, rows: DenseArray, _ extent: Int, from start: DenseArray?
  ) throws(InterpreterError) -> DenseArray {
    let rest = Array(rows.shape.dropFirst(ids.shape.count))
    let width = rest.reduce(1, *)
    var sums = start?.numbers ?? [Double](repeating: 0, count: extent * width)
    for (i, row) in try self.rows(id, ids, below: extent).enumerated() {
      for j in 0..<width { sums[row * width + j] += rows.numbers[i * width + j] }
    }
    return DenseArray(rows.element, [extent] + rest, sums)
  }

  /// The ids as positions.
  private func rows(
    _ id: OperationID, _ ids: DenseArray, below limit: Int
  ) throws(InterpreterError) -> [Int] {
    var rows: [Int] = []
    for number in ids.numbers {
      guard number >= 0, number < Double(limit) else {
        throw .idOutOfRange(operation: graph.description(of: id), id: Int(number), limit: limit)
      }
      rows.append(Int(number))
    }
    return rows
  }
}
