import RNNTestSupport

// MARK: - Products of stacks of matrices and vectors, and functions of rows

extension Construct {
  static let stacks: [Construct] = [
    Construct(2) { ofEachRow($0, $1) },
    // [N, A, B] @ [N, B] and [N, A] @ [N, A, B], with a parameter
    Construct(2) { scope, depth in
      guard let x = scope.operand(depth, where: \.type.isMatrix) else { return nil }
      let (count, inner, outer) = (x.type.shape[0], x.type.shape[1], scope.extent())
      let isTransposed = scope.random.chance(0.4)
      func matrices(_ rows: Extent, _ columns: Extent) -> Term {
        isTransposed
          ? transposedStack(scope.parameter([count, columns, rows]))
          : scope.parameter([count, rows, columns])
      }
      let result = x.type.with(shape: [count, outer])
      return scope.random.chance(0.5)
        ? product(scope, matrices(outer, inner), x, result)
        : product(scope, x, matrices(inner, outer), result)
    },
    // [N, A, B] @ [N, B, C]: one of the matrices, or a row of each
    Construct(2) { scope, depth in
      let known = scope.operand(0, where: { $0.type.isNumber && $0.type.shape.count == 3 })
      let matrix = known == nil ? scope.operand(depth, where: \.type.isMatrix) : nil
      guard let x = known ?? matrix?.rows(Extent(1 + scope.random.below(3))) else { return nil }
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

  /// A function of each row of one or two matrices.
  private static func ofEachRow(_ scope: Scope, _ depth: Int) -> Term? {
    guard let x = scope.operand(depth, where: \.type.isMatrix) else { return nil }
    let (count, width) = (x.type.shape[0], scope.width(x))
    func each(_ name: String, _ python: String, _ rows: [Term], _ type: ValueType, _ bound: Double) -> Term {
      Term(
        rnn: "each(\(name), \(rows.map(\.rnn).joined(separator: ", ")))",
        python: "each(\(python), \(rows.map(\.python).joined(separator: ", ")))", type: type,
        range: .within(bound))
    }
    if scope.random.chance(0.4),
      let y = scope.operand(0, where: { $0.type.isMatrix && $0.type.shape[0] == count }),
      let place = Place.join(x.type.place, y.type.place)
    {
      return scope.random.chance(0.5) && x.type.shape == y.type.shape
        ? each("dot", "dot", [x, y], ValueType([count], place), width * x.bound * y.bound)
        : each(
          "outer", "outer", [x, y], ValueType(x.type.shape + y.type.shape.dropFirst(), place),
          x.bound * y.bound)
    }
    if let function = scope.random.pick(scope.program.functions.filter { $0.parameters == 1 }),
      scope.random.chance(0.4)
    {
      let bound = max(-function.range.lowerBound, function.range.upperBound)
      return each(function.name, function.name, [scope.calm(x, bound: 2)], x.type, bound)
    }
    let numbers = x.type.with(shape: [count])
    switch scope.random.below(4) {
    case 0: return each("sum", "sum_of", [x], numbers, width * x.bound)
    case 1: return each("logsumexp", "logsumexp", [x], numbers, x.bound + 0.5 * width)
    case 2: return each("softmax", "softmax", [x], x.type, 1)
    default: return each("tanh", "tanh", [x], x.type, 1)
    }
  }

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
