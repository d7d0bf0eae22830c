import RNNTestSupport

// MARK: - Products of stacks of matrices and vectors

extension Construct {
  static let stacks: [Construct] = [
    // [N, A, B] @ [N, B] and [N, A] @ [N, A, B], with a parameter
    Construct(2) { scope, depth in
      guard let x = scope.operand(depth, where: \.type.isMatrix) else { return nil }
      let (count, inner, outer) = (x.type.shape[0], x.type.shape[1], scope.extent())
      let isTransposed = scope.random.chance(0.4)
      func matrices(_ rows: Extent, _ columns: Extent) -> Term {
        isTransposed
          ? transposedStack(scope.parameter([count, columns, rows])) : scope.parameter([count, rows, columns])
      }
      let result = x.type.with(shape: [count, outer])
      return scope.random.chance(0.5)
        ? product(scope, matrices(outer, inner), x, result)
        : product(scope, x, matrices(inner, outer), result)
    },
    // [N, A, B] @ [N, B, C]: one of the matrices, or a row of each
    Construct(2) { scope, depth in
      let known = scope.operand(0, where: { $0.type.isNumber && $0.type.shape.count == 3 })
      guard
        let x = known ?? scope.operand(depth, where: \.type.isMatrix)?.rows(scope.random.pick([1, 2, 3].map { Extent($0) })!)
      else { return nil }
      let (count, rows, inner, columns) = (x.type.shape[0], x.type.shape[1], x.type.shape[2], scope.extent())
      let isLeft = scope.random.chance(0.5)
      let weights = scope.parameter(isLeft ? [count, columns, rows] : [count, columns, inner])
      let all =
        isLeft
        ? product(scope, weights, x, x.type.with(shape: [count, columns, inner]))
        : product(scope, x, transposedStack(weights), x.type.with(shape: [count, rows, columns]))
      return Term(
        rnn: "(\(all.rnn))[0]", python: "part(\(all.python), 0)",
        type: all.type.with(shape: Array(all.type.shape.dropFirst())), range: all.range)
    },
  ]

  private static func product(_ scope: Scope, _ a: Term, _ b: Term, _ type: ValueType) -> Term {
    .binary("@", "matmul", .product, a, b, type, .within(scope.width(a) * a.bound * b.bound))
  }

  private static func transposedStack(_ stack: Term) -> Term {
    let shape = stack.type.shape
    return Term(
      rnn: "\(stack.text(.primary)).T", python: "transpose(\(stack.python))",
      type: stack.type.with(shape: shape.dropLast(2) + shape.suffix(2).reversed()), range: stack.range)
  }
}

extension Term {
  /// `repeat(x, rows: n)`
  func rows(_ count: Extent) -> Term {
    Term(
      rnn: "repeat(\(rnn), rows: \(count.text))", python: "rows_of(\(python), \(count.text))",
      type: type.with(shape: [count] + type.shape), range: range)
  }
}
