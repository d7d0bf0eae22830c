import RNNSupport

/// Why operands do not fit an operation.
public struct ShapeError: Error, CustomStringConvertible {
  /// The reason, lower-case, without a full stop.
  public let description: String

  init(_ description: String) { self.description = description }
}

extension Graph {
  /// The types of the results of an operation, by its kind and its operands' types.
  ///
  /// - Throws: `ShapeError` if the operands do not fit.
  public func resultTypes(_ kind: OperationKind, _ operands: [ValueID]) throws(ShapeError) -> [TensorType] {
    let types = operands.map { type($0) }
    if case .scan(let scan) = kind { return try scanTypes(scan, types) }
    return [try Self.resultType(kind, types)]
  }

  private static func resultType(_ kind: OperationKind, _ types: [TensorType]) throws(ShapeError)
    -> TensorType
  {
    switch kind {
    case .constant(_, let type):
      try expect(0, types)
      return type
    case .table(let table, let type):
      try expect(0, types)
      let count = type.shape.reduce(Optional(1)) { count, extent in
        extent.fixed.flatMap { count?.multipliedReportingOverflow(by: $0) }.flatMap {
          $0.overflow ? nil : $0.partialValue
        }
      }
      guard count == table.numbers.count else {
        throw ShapeError("\(counted(table.numbers.count, "number")) do not fill \(type)")
      }
      return try float(type)
    case .size(_, let element):
      try expect(0, types)
      return TensorType(element, [])
    case .iota(let extent, let element):
      try expect(0, types)
      guard element != .bool else { throw ShapeError("positions are numbers, not truth values") }
      return TensorType(element, [extent])
    case .random(let stream, let shape, let element):
      try expect(2, types)
      try ids(try same(types[0], types[1]))
      guard stream >= 0, Array(shape.prefix(types[0].rank)) == types[0].shape else {
        throw ShapeError("keys \(types[0]) are not in front of \(shape), or the stream \(stream) is negative")
      }
      return try float(TensorType(element, shape))
    case .unary:
      try expect(1, types)
      return try float(types[0])
    case .surrogate(let surrogate):
      try expect(surrogate.operandCount, types)
      if case .clip(let bound) = surrogate, !(bound > 0 && bound.isFinite) {
        throw ShapeError("\(exactText(bound)) bounds no derivative")
      }
      return try float(try same(types[0], types[types.count - 1]))
    case .binary:
      try expect(2, types)
      return try float(try same(types[0], types[1]))
    case .compare:
      try expect(2, types)
      return try same(types[0], types[1]).with(element: .bool)
    case .select:
      try expect(3, types)
      guard types[0] == types[1].with(element: .bool) else {
        throw ShapeError("a condition \(types[0]) does not fit values \(types[1])")
      }
      return try same(types[1], types[2])
    case .convert(let element):
      try expect(1, types)
      return types[0].with(element: element)
    case .dot(let axes):
      let type = try dotType(axes, Array(types.prefix(2)))
      try expectStart(of: type, 2, types)
      return type
    case .reduce(let reduction, let axes, _):
      if reduction != .sum || types.isEmpty { try expect(1, types) }
      guard axes == axes.sorted(), Set(axes).count == axes.count,
        axes.allSatisfy({ $0 >= 0 && $0 < types[0].rank })
      else { throw ShapeError("axes \(axes) are not sorted axes of \(types[0])") }
      let type = try float(types[0]).with(
        shape: types[0].shape.indices.filter { !axes.contains($0) }.map { types[0].shape[$0] })
      try expectStart(of: type, 1, types)
      return type
    case .broadcast(let axes, let shape):
      try expect(1, types)
      guard axes.count == types[0].rank, zip(axes, axes.dropFirst()).allSatisfy(<) else {
        throw ShapeError("axes \(axes) are not rising places for the axes of \(types[0])")
      }
      for (i, axis) in axes.enumerated() {
        guard shape.indices.contains(axis), shape[axis] == types[0].shape[i] else {
          throw ShapeError("\(types[0]) does not broadcast to \(shape) along \(axes)")
        }
      }
      return types[0].with(shape: shape)
    case .reshape(let shape):
      try expect(1, types)
      guard volume(shape) == volume(types[0].shape) else {
        throw ShapeError("\(types[0]) does not reshape to \(shape)")
      }
      return types[0].with(shape: shape)
    case .transpose(let permutation):
      try expect(1, types)
      guard permutation.sorted() == Array(0..<types[0].rank) else {
        throw ShapeError("\(permutation) is not a permutation of the axes of \(types[0])")
      }
      return types[0].with(shape: permutation.map { types[0].shape[$0] })
    case .slice(let axis, let start, let count, _):
      try expect(1, types)
      try check(axis, types[0])
      guard start >= 0, count > 0, start + count <= types[0].shape[axis].fixed ?? Int.max else {
        throw ShapeError("\(count) elements from \(start) are not in axis \(axis) of \(types[0])")
      }
      return replacing(axis, types[0], .fixed(count))
    case .pad(let axis, let start, let to, _):
      try expect(1, types)
      try check(axis, types[0])
      guard let count = types[0].shape[axis].fixed, start >= 0, start + count <= to.fixed ?? Int.max else {
        throw ShapeError("axis \(axis) of \(types[0]) at \(start) is not in an extent of \(to)")
      }
      return replacing(axis, try float(types[0]), to)
    case .concat(let axis):
      guard let first = types.first else { throw ShapeError("nothing to concatenate") }
      try check(axis, first)
      var extent = 0
      for type in types {
        guard type.rank == first.rank, let count = type.shape[axis].fixed,
          replacing(axis, type, 1) == replacing(axis, first, 1)
        else { throw ShapeError("\(type) does not follow \(first) along axis \(axis)") }
        extent += count
      }
      return replacing(axis, first, .fixed(extent))
    case .reverse(let axis):
      try expect(1, types)
      try check(axis, types[0])
      return types[0]
    case .reversePrefix(let axis):
      try expect(2, types)
      try ids(types[1])
      let shape = types[0].shape
      guard axis >= 0, axis + 1 < shape.count, types[1].shape == Array(shape[..<axis] + [shape[axis + 1]])
      else {
        throw ShapeError("lengths \(types[1]) do not fit \(types[0]) along axis \(axis)")
      }
      return types[0]
    case .oneHot(let extent, let element):
      try expect(1, types)
      try ids(types[0])
      return TensorType(element, types[0].shape + [.fixed(extent)])
    case .gather:
      try expect(2, types)
      try ids(types[1])
      guard types[0].rank >= 1 else { throw ShapeError("\(types[0]) has no rows") }
      return types[0].with(shape: types[1].shape + types[0].shape.dropFirst())
    case .scatterAdd(let extent, _):
      if types.count < 2 { try expect(2, types) }
      try ids(types[0])
      guard Array(types[1].shape.prefix(types[0].rank)) == types[0].shape else {
        throw ShapeError("rows \(types[1]) do not fit ids \(types[0])")
      }
      let type = try float(types[1]).with(
        shape: [.fixed(extent)] + types[1].shape.dropFirst(types[0].rank))
      try expectStart(of: type, 2, types)
      return type
    case .scan:
      preconditionFailure("a scan's types need its body")
    }
  }

  private static func dotType(_ axes: DotAxes, _ types: [TensorType]) throws(ShapeError) -> TensorType {
    try expect(2, types)
    let (a, b) = (types[0], types[1])
    let lhs = axes.lhsContracting + axes.lhsBatch
    let rhs = axes.rhsContracting + axes.rhsBatch
    guard axes.lhsContracting.count == axes.rhsContracting.count, lhs.count == rhs.count,
      Set(lhs).count == lhs.count, Set(rhs).count == rhs.count,
      lhs.allSatisfy(a.shape.indices.contains), rhs.allSatisfy(b.shape.indices.contains)
    else { throw ShapeError("axes of the product are not distinct axes of \(a) and \(b)") }
    guard a.element == b.element, zip(lhs, rhs).allSatisfy({ a.shape[$0] == b.shape[$1] }) else {
      throw ShapeError("\(a) and \(b) do not multiply along \(lhs) and \(rhs)")
    }
    let shape =
      axes.lhsBatch.map { a.shape[$0] } + axes.lhsFree(rank: a.rank).map { a.shape[$0] }
      + axes.rhsFree(rank: b.rank).map { b.shape[$0] }
    let type = try float(a).with(shape: shape)
    if !axes.isWide { return type }
    guard type.element == .f32 else { throw ShapeError("a wide product has factors of f32, not \(a)") }
    return type.with(element: .f64)
  }

  private func scanTypes(_ scan: ScanAttributes, _ types: [TensorType]) throws(ShapeError) -> [TensorType] {
    let body = self[scan.body]
    try Self.expect(scan.invariants + scan.carries + scan.sequences, types)
    guard body.arguments.count == types.count, body.results.count >= scan.carries else {
      throw ShapeError(
        "the body has \(counted(body.arguments.count, "argument")) and \(counted(body.results.count, "result"))"
      )
    }
    for (i, operand) in types.enumerated() {
      let argument = type(body.arguments[i])
      let expected = i < scan.invariants + scan.carries ? argument : scan.stepping.stack(of: argument)
      guard operand == expected else {
        throw ShapeError("operand \(i) is \(operand), the body wants \(expected)")
      }
    }
    let results = body.results.map { type($0) }
    for i in 0..<scan.carries where results[i] != types[scan.invariants + i] {
      throw ShapeError("carry \(i) is \(types[scan.invariants + i]) before a step and \(results[i]) after it")
    }
    return Array(results.prefix(scan.carries))
      + results.dropFirst(scan.carries).map { scan.stepping.stack(of: $0) }
  }

  /// Sums may have one operand more, what they start from.
  private static func expectStart(
    of type: TensorType, _ count: Int, _ types: [TensorType]
  ) throws(ShapeError) {
    if types.count == count { return }
    try expect(count + 1, types)
    guard types[count] == type else { throw ShapeError("\(types[count]) does not start a sum of \(type)") }
  }

  private static func expect(_ count: Int, _ types: [TensorType]) throws(ShapeError) {
    guard types.count == count else {
      throw ShapeError("expected \(counted(count, "operand")), found \(types.count)")
    }
  }

  private static func float(_ type: TensorType) throws(ShapeError) -> TensorType {
    guard type.element.isFloat else { throw ShapeError("\(type) has no arithmetic") }
    return type
  }

  private static func ids(_ type: TensorType) throws(ShapeError) {
    guard type.element == .i32 else { throw ShapeError("\(type) does not hold ids") }
  }

  private static func same(_ a: TensorType, _ b: TensorType) throws(ShapeError) -> TensorType {
    guard a == b else { throw ShapeError("\(a) and \(b) differ") }
    return a
  }

  private static func check(_ axis: Int, _ type: TensorType) throws(ShapeError) {
    guard type.shape.indices.contains(axis) else { throw ShapeError("\(type) has no axis \(axis)") }
  }

  private static func replacing(_ axis: Int, _ type: TensorType, _ extent: Dimension) -> TensorType {
    var type = type
    type.shape[axis] = extent
    return type
  }

  /// The number of elements: the fixed extents' product, which stops at the largest `Int`, and the symbols.
  private static func volume(_ shape: [Dimension]) -> [Dimension] {
    let fixed = shape.reduce(1) { product, dimension in
      let (next, overflows) = product.multipliedReportingOverflow(by: dimension.fixed ?? 1)
      return overflows ? Int.max : next
    }
    return [.fixed(fixed)] + shape.compactMap(\.symbol).sorted().map(Dimension.symbol)
  }
}
