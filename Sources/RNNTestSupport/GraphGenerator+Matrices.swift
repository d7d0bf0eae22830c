import RNNGraph

// Matrices, one for each example, and what is read of them: sweeps are made of these.
extension GraphGenerator {
  /// Some operations in a row on matrices, their rows and their columns.
  func makeMatrices() -> ValueID? {
    let (rows, columns) = (fixed(), fixed())
    let shape = [.batch, rows, columns]
    guard isSmall(shape) else { return nil }
    var matrix = value(shape)
    for _ in 0..<(2 + random.below(4)) {
      switch random.below(5) {
      case 0: matrix = scaled(matrix, shape)
      case 1:
        let (a, b) = (value([.batch, rows]), value([.batch, columns]))
        let axes = DotAxes(lhsContracting: [], rhsContracting: [], lhsBatch: [0], rhsBatch: [0])
        let product = note(builder.dot(a, b, axes), bound: bound(a) * bound(b))
        matrix = note(builder.add(matrix, product), bound: bound(matrix) + bound(product))
      case 2: pool.append(vector(of: matrix, shape))
      case 3: pool.append(reduced(matrix, shape))
      default:
        // What is read of it changes it.
        let axis = 1 + random.below(2)
        let read = combined(matrix, over: 3 - axis, shape)
        let change = builder.broadcast(read, axes: [0, axis], shape: shape)
        matrix = note(
          builder.subtract(matrix, builder.scale(change, by: 0.5)), bound: bound(matrix) + bound(read) / 2)
      }
    }
    // What is given is read by none of these.
    return note(builder.scale(matrix, by: 0.9), bound: bound(matrix))
  }

  /// The matrix with each row, each column or all of it multiplied by a number.
  private func scaled(_ matrix: ValueID, _ shape: [Dimension]) -> ValueID {
    let axes = [[0], [0, 1], [0, 2]][random.below(3)]
    let factor = value(axes.map { shape[$0] })
    let factors = builder.broadcast(factor, axes: axes, shape: shape)
    return note(builder.multiply(factors, matrix), bound: bound(factor) * bound(matrix))
  }

  /// The product of the matrix with a vector on one of its sides.
  private func vector(of matrix: ValueID, _ shape: [Dimension]) -> ValueID {
    let axis = 1 + random.below(2)
    let other = value([.batch, shape[axis]])
    let axes = DotAxes(lhsContracting: [axis], rhsContracting: [1], lhsBatch: [0], rhsBatch: [0])
    let terms = Double(volume([shape[axis]]))
    return note(
      builder.scale(builder.dot(matrix, other, axes), by: 1 / terms), bound: bound(matrix) * bound(other))
  }

  private func combined(_ matrix: ValueID, over axis: Int, _ shape: [Dimension]) -> ValueID {
    let sum = builder.reduce(.sum, builder.multiply(matrix, matrix), axes: [axis])
    let terms = Double(volume([shape[axis]]))
    return note(builder.scale(sum, by: 1 / terms), bound: bound(matrix) * bound(matrix))
  }

  private func reduced(_ matrix: ValueID, _ shape: [Dimension]) -> ValueID {
    let axes = [[1], [2], [1, 2]][random.below(3)]
    let reduction = random.pick(Reduction.allCases) ?? .sum
    let terms = reduction == .sum ? Double(volume(axes.map { shape[$0] })) : 1
    return note(
      builder.scale(builder.reduce(reduction, matrix, axes: axes), by: 1 / terms), bound: bound(matrix))
  }
}
