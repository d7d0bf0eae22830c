import RNNTestSupport

// MARK: - Functions along an axis of a matrix, and of vectors that have none

extension Construct {
  static let matrices: [Construct] = [
    // logsumexp(x) and norm(x) of a vector
    Construct(2) { scope, depth in
      guard let x = scope.operand(depth, where: \.type.isVector) else { return nil }
      let scalar = x.type.with(shape: [])
      if scope.random.chance(0.5) {
        return .call("logsumexp", [x], scalar, logSumExpRange(x, scope.width(x)))
      }
      let apart = scope.spread(x)
      return .call("norm", [apart], scalar, 0...(apart.bound * scope.width(x).squareRoot()))
    },
    // sum(m, over: rows) and the like
    Construct(5) { scope, depth in
      guard var x = scope.operand(depth, where: \.type.isMatrix) else { return nil }
      let isRows = scope.random.chance(0.5)
      let count = Double(x.type.shape[isRows ? 0 : 1].value(scope.sizes))
      let name = scope.random.pick([
        "sum", "mean", "max", "min", "logsumexp", "norm", "softmax", "log_softmax",
      ])!
      if ["max", "min", "norm"].contains(name) { x = scope.spread(x) }
      var type = x.type.with(shape: [x.type.shape[isRows ? 1 : 0]])
      let range: ClosedRange<Double>
      switch name {
      case "sum": range = .within(count * x.bound)
      case "logsumexp": range = logSumExpRange(x, count)
      case "norm": range = 0...(x.bound * count.squareRoot())
      case "softmax": (type, range) = (x.type, 0...1)
      case "log_softmax": (type, range) = (x.type, (-2 * x.bound - 3)...0)
      default: range = x.range
      }
      return Term(
        rnn: "\(name)(\(x.rnn), over: \(isRows ? "rows" : "columns"))",
        python: "\(name)_over(\(x.python), \(isRows ? 0 : 1))", type: type, range: range)
    },
    // outer(a, b)
    Construct(3) { scope, depth in
      guard let a = scope.operand(depth, where: \.type.isVector),
        let b = scope.operand(depth, where: \.type.isVector),
        let place = Place.join(a.type.place, b.type.place)
      else { return nil }
      return .call(
        "outer", [a, b], ValueType(a.type.shape + b.type.shape, place), a.range.combined(b.range, *))
    },
    // repeat(v, rows: n) and repeat(v, columns: n)
    Construct(2) { scope, depth in
      let (count, isRows) = (scope.extent(), scope.random.chance(0.5))
      guard let v = scope.operand(depth, where: { $0.type.isVector || isRows && $0.type.isScalar }) else {
        return nil
      }
      if isRows { return v.rows(count) }
      return Term(
        rnn: "repeat(\(v.rnn), columns: \(count.text))", python: "columns_of(\(v.python), \(count.text))",
        type: v.type.with(shape: v.type.shape + [count]), range: v.range)
    },
    // reshape(x, A, B)
    Construct(2) { scope, depth in
      guard let x = scope.operand(depth, where: { $0.type.isVector || $0.type.isMatrix }) else { return nil }
      var shape = x.type.shape
      if shape.count == 2 {
        let (rows, columns) = (shape[0], shape[1])
        shape = [columns, rows]
        for (one, other) in [(rows, columns), (columns, rows)] where one.multiples.isEmpty {
          if scope.random.chance(0.5) { shape = [one.constant * other] }
        }
      } else if let half = shape[0].divided(by: 2), half.minimum > 0, scope.random.chance(0.6) {
        shape = scope.random.chance(0.5) ? [Extent(2), half] : [half, Extent(2)]
      } else {
        shape.insert(Extent(1), at: scope.random.below(2))
      }
      return Term(
        rnn: "reshape(\(x.rnn), \(shape.map(\.text).joined(separator: ", ")))",
        python: "reshape(\(x.python), \(shape.python))", type: x.type.with(shape: shape), range: x.range)
    },
  ]

  private static func logSumExpRange(_ x: Term, _ count: Double) -> ClosedRange<Double> {
    x.range.lowerBound...(x.range.upperBound + 0.5 * count)
  }
}
