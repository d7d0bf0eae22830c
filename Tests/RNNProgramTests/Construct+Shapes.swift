import RNNTestSupport

// MARK: - Products

extension Construct {
  static let products: [Construct] = [
    // W @ x
    Construct(4) { scope, depth in
      if scope.random.chance(0.4),
        let matrix = scope.operand(0, where: \.type.isMatrix),
        let x = scope.operand(
          depth, where: { $0.type.isVector && $0.type.shape[0] == matrix.type.shape[1] }),
        let place = Place.join(matrix.type.place, x.type.place)
      {
        return product(scope, matrix, x, [matrix.type.shape[0]], place)
      }
      guard let x = scope.operand(depth, where: \.type.isVector) else { return nil }
      let rows = scope.extent()
      return product(scope, scope.parameter([rows, x.type.shape[0]]), x, [rows], x.type.place)
    },
    // x @ W, and with the transposed matrix
    Construct(2) { scope, depth in
      guard let x = scope.operand(depth, where: \.type.isVector) else { return nil }
      let columns = scope.extent()
      if scope.random.chance(0.5) {
        let matrix = transposed(scope.parameter([columns, x.type.shape[0]]))
        return product(scope, x, matrix, [columns], x.type.place)
      }
      return product(scope, x, scope.parameter([x.type.shape[0], columns]), [columns], x.type.place)
    },
    // A @ B
    Construct(1) { scope, depth in
      guard let a = scope.operand(depth, where: \.type.isMatrix) else { return nil }
      if let b = scope.operand(
        0, where: { $0.type.isMatrix && $0.type.shape[0] == a.type.shape[1] }),
        let place = Place.join(a.type.place, b.type.place)
      {
        return product(scope, a, b, [a.type.shape[0], b.type.shape[1]], place)
      }
      let columns = scope.extent()
      return product(
        scope, a, scope.parameter([a.type.shape[1], columns]), [a.type.shape[0], columns], a.type.place)
    },
    Construct(1) { scope, _ in scope.operand(0, where: \.type.isMatrix).map(transposed) },
  ]

  private static func product(
    _ scope: Scope, _ a: Term, _ b: Term, _ shape: [Extent], _ place: Place
  ) -> Term {
    .binary(
      "@", "matmul", .product, a, b, ValueType(shape, place), .within(scope.width(a) * a.bound * b.bound))
  }

  private static func transposed(_ matrix: Term) -> Term {
    Term(
      rnn: "\(matrix.text(.primary)).T", python: "transpose(\(matrix.python))",
      type: matrix.type.with(shape: matrix.type.shape.reversed()), range: matrix.range)
  }
}

// MARK: - Reductions of vectors

extension Construct {
  static let reductions: [Construct] = [
    Construct(3) { scope, depth in
      guard let x = scope.operand(depth, where: \.type.isVector) else { return nil }
      let scalar = x.type.with(shape: [])
      switch scope.random.below(4) {
      case 0:
        return .call(
          "sum", python: "sum_of", [x], scalar, .within(scope.width(x) * x.bound))
      case 1: return .call("mean", python: "mean_of", [x], scalar, x.range)
      case 2:
        let x = scope.spread(x)
        return .call("max", python: "max_of", [x], scalar, x.range)
      default:
        let x = scope.spread(x)
        return .call("min", python: "min_of", [x], scalar, x.range)
      }
    },
    Construct(2) { scope, depth in
      guard let a = scope.operand(depth, where: \.type.isVector),
        let b = scope.operand(depth, where: { $0.type.shape == a.type.shape && $0.type.isVector }),
        let type = combined(a.type, b.type)
      else { return nil }
      return .call("dot", [a, b], type.with(shape: []), .within(scope.width(a) * a.bound * b.bound))
    },
    Construct(2) { scope, depth in
      guard let x = scope.operand(depth, where: \.type.isVector) else { return nil }
      return scope.random.chance(0.6)
        ? .call("softmax", [x], x.type, 0...1)
        : .call("log_softmax", [x], x.type, (-2 * x.bound - 3)...0)
    },
    Construct(1) { scope, depth in
      guard let a = scope.operand(depth),
        let b = scope.operand(depth, where: { $0.type.shape == a.type.shape && $0.type.isNumber }),
        let type = combined(a.type, b.type)
      else { return nil }
      let bound = a.bound + b.bound
      return .call("mse", [a, b], type.with(shape: []), 0...(bound * bound))
    },
  ]
}

// MARK: - Parts

extension Construct {
  static let parts: [Construct] = [
    // x[i] and W[i]
    Construct(2) { scope, depth in
      guard let x = scope.operand(depth, where: { $0.type.isVector || $0.type.isMatrix }) else { return nil }
      let extent = x.type.shape[0]
      let place = extent.minimum > 1 && scope.random.chance(0.5) ? Extent(1) : Extent(0)
      let index = scope.random.chance(0.3) ? extent.without(1).text : place.text
      return Term(
        rnn: "\(x.text(.primary))[\(index)]", python: "part(\(x.python), \(index))",
        type: x.type.with(shape: Array(x.type.shape.dropFirst())), range: x.range)
    },
    // x[a:b]
    Construct(2) { scope, depth in
      guard
        let x = scope.operand(
          depth, where: { ($0.type.isVector || $0.type.isMatrix) && $0.type.shape[0].minimum > 1 })
      else { return nil }
      let extent = x.type.shape[0]
      let cut = Extent(1 + scope.random.below(extent.minimum - 1))
      var (from, to, rest): (String, String, Extent) = ("", cut.text, cut)
      if scope.random.chance(0.5) { (from, to, rest) = (cut.text, "", extent + Extent(-cut.constant)) }
      if from.isEmpty, scope.random.chance(0.3) { from = "0" }
      if to.isEmpty, scope.random.chance(0.3) { to = extent.text }
      let bounds = [from, to].map { $0.isEmpty ? "None" : $0 }.joined(separator: ", ")
      return Term(
        rnn: "\(x.text(.primary))[\(from):\(to)]", python: "part(\(x.python), slice(\(bounds)))",
        type: x.type.with(shape: [rest] + x.type.shape.dropFirst()), range: x.range)
    },
    // concat
    Construct(2) { scope, depth in
      guard let first = scope.operand(depth, where: { $0.type.isVector || $0.type.isMatrix }) else {
        return nil
      }
      var (terms, extent, place) = ([first], first.type.shape[0], first.type.place)
      for _ in 0..<(1 + scope.random.below(2)) {
        guard
          let next = scope.operand(
            depth,
            where: {
              $0.type.isNumber && $0.type.shape.count == first.type.shape.count
                && $0.type.shape.dropFirst() == first.type.shape.dropFirst()
                && Place.join(place, $0.type.place) != nil
            }), let joined = Place.join(place, next.type.place)
        else { break }
        (extent, place) = (extent + next.type.shape[0], joined)
        terms.append(next)
      }
      guard terms.count > 1 else { return nil }
      return .call(
        "concat", terms, ValueType([extent] + first.type.shape.dropFirst(), place),
        terms.map(\.range).reduce(first.range) { $0.union($1) })
    },
  ]
}

// MARK: - Tokens

extension Construct {
  static let tokens: [Construct] = [
    Construct(2) { scope, _ in
      guard let token = scope.operand(0, where: { $0.type.token != nil }), let count = token.type.token
      else { return nil }
      return Term(
        rnn: "onehot(\(token.rnn))", python: "onehot(\(token.python), \(count.text))",
        type: ValueType([count], token.type.place), range: 0...1)
    },
    // E[t]
    Construct(2) { scope, _ in
      guard let token = scope.operand(0, where: { $0.type.token != nil }), let count = token.type.token
      else { return nil }
      let known = scope.operand(
        0, where: { $0.type.isMatrix && $0.type.place == .fixed && $0.type.shape[0] == count && isName($0) })
      let table = known ?? scope.parameter([count, scope.extent()])
      return Term(
        rnn: "\(table.rnn)[\(token.rnn)]", python: "part(\(table.python), \(token.python))",
        type: ValueType([table.type.shape[1]], token.type.place), range: table.range)
    },
    Construct(1) { scope, depth in
      guard let x = scope.operand(depth, where: { $0.type.isVector && $0.type.place != .fixed }) else {
        return nil
      }
      return .call("argmax", [scope.spread(x)], ValueType([], x.type.place, token: x.type.shape[0]), 0...0)
    },
    // A choice between tokens
    Construct(1) { scope, depth in
      guard let a = scope.operand(0, where: { $0.type.token != nil }),
        let b = scope.operand(0, where: { $0.type == a.type && $0.rnn != a.rnn }),
        let mask = mask(scope, depth), mask.type.shape.isEmpty,
        let place = Place.join(mask.type.place, a.type.place)
      else { return nil }
      return .call("where", [mask, a, b], ValueType([], place, token: a.type.token), 0...0)
    },
    Construct(1) { scope, depth in
      guard let token = scope.operand(0, where: { $0.type.token != nil }), let count = token.type.token,
        let logits = scope.value([count], token.type.place, depth: depth)
      else { return nil }
      return .call("cross_entropy", [logits, token], token.type.with(shape: []), 0...8)
    },
  ]

  private static func isName(_ term: Term) -> Bool { term.rnn.allSatisfy { $0.isLetter || $0.isNumber } }
}

// MARK: - Whole sequences

extension Construct {
  static let sequences: [Construct] = [
    Construct(5) { scope, depth in
      guard let s = scope.operand(depth, where: { $0.type.steps != nil && $0.type.isNumber }) else {
        return nil
      }
      switch scope.random.below(5) {
      case 0: return scope.last(s)
      case 1: return scope.total(s)
      case 2, 3: return .call("reverse", [s], s.type, s.range)
      default: return .call("softmax_steps", [s], s.type, 0...1)
      }
    },
    Construct(2) { scope, depth in
      guard
        let v = scope.operand(depth, where: { $0.type.isNumber && $0.type.place == .one }),
        let like = scope.operand(0, where: { $0.type.steps != nil }), let steps = like.type.steps
      else { return nil }
      return scope.repeated(v, over: steps)
    },
    // Attention: a mean of a sequence, weighted by products with a query.
    Construct(2) { scope, _ in
      guard let memory = scope.operand(0, where: { $0.type.steps != nil && $0.type.isVector }),
        let steps = memory.type.steps,
        let query = scope.value(memory.type.shape, .one, depth: 0),
        let everywhere = scope.repeated(query, over: steps)
      else { return nil }
      let score = Term.call(
        "dot", [everywhere, memory], memory.type.with(shape: []),
        .within(scope.width(memory) * query.bound * memory.bound))
      let weights = scope.define(.call("softmax_steps", [score], score.type, 0...1))
      return scope.total(
        .binary("*", "multiply", .product, scope.use(weights), memory, memory.type, memory.range.union(0...0))
      )
    },
  ]
}

// MARK: - Random draws

extension Construct {
  static let draws: [Construct] = [
    Construct(1) { scope, _ in
      guard let like = scope.drawable() else { return nil }
      let p = scope.random.pick([0.2, 0.5, 0.75, 1.0])!
      return scope.draw(like.type, 0...1) { draw in
        ("bernoulli(\(p), like: \(like.rnn))", "bernoulli(\(p), \(like.python), \(draw))")
      }
    },
    // With a probability that is computed.
    Construct(1) { scope, depth in
      guard let like = scope.drawable(), like.type.place != .fixed,
        let logit = scope.value(
          scope.random.chance(0.5) ? [] : like.type.shape, like.type.place, depth: depth)
      else { return nil }
      return scope.draw(like.type, 0...1) { draw in
        (
          "bernoulli(sigmoid(\(logit.rnn)), like: \(like.rnn))",
          "bernoulli(sigmoid(\(logit.python)), \(like.python), \(draw))"
        )
      }
    },
    Construct(2) { scope, _ in
      guard let like = scope.drawable() else { return nil }
      let isNormal = scope.random.chance(0.5)
      let name = isNormal ? "normal" : "uniform"
      return scope.draw(like.type, isNormal ? -6...6 : 0...1) { draw in
        ("\(name)(like: \(like.rnn))", "drawn(\(isNormal ? 0 : 0.5), \(like.python), \(draw))")
      }
    },
    Construct(1) { scope, depth in
      guard let logits = scope.drawable(), logits.type.isVector, logits.type.place != .fixed else {
        return nil
      }
      let x = scope.calm(logits, bound: 3)
      if scope.random.chance(0.5) {
        let type = ValueType([], x.type.place, token: x.type.shape[0])
        return scope.draw(type, 0...1) { ("sample(\(x.rnn))", "sample(\(x.python), \($0))") }
      }
      let temperature: Term =
        scope.value([], x.type.place, bound: 2, depth: depth)
        .map {
          .binary("+", "add", .sum, .call("square", [$0], $0.type, 0...4), .number(0.7), $0.type, 0.7...5)
        }
        ?? .number(0.75)
      return scope.draw(x.type, 0...1) { draw in
        (
          "gumbel_softmax(\(x.rnn), \(temperature.rnn))",
          "gumbel_softmax(\(x.python), \(temperature.python), \(draw))"
        )
      }
    },
    Construct(1) { scope, depth in
      guard let (a, b, type) = Construct.pair(scope, depth) else { return nil }
      let mask = Term(
        rnn: "training > 0", python: "training > 0", level: .comparison, type: ValueType([], .fixed),
        range: 0...1)
      return .call("where", [mask, a, b], type, a.range.union(b.range))
    },
    Construct(1) { scope, _ in
      guard let x = scope.drawable() else { return nil }
      // Elements that are not zero tell by the result whether they were dropped.
      let away = Term.binary("+", "add", .sum, x, .number(x.bound + 0.5), x.type, 0.5...(2 * x.bound + 0.5))
      let rate = scope.random.pick([0.25, 0.5])!
      return scope.draw(x.type, 0...(away.bound / (1 - rate))) { draw in
        ("dropout(\(away.rnn), \(rate))", "dropout(\(away.python), \(rate), \(draw))")
      }
    },
  ]
}

extension Scope {
  /// A vector or matrix that numbers can be drawn like.
  fileprivate func drawable() -> Term? {
    guard program.options.draws else { return nil }
    return operand(
      0, where: { $0.type.isNumber && !$0.type.shape.isEmpty && (isModel || $0.type.steps == nil) })
  }

  /// Names a random draw, and has an output tell it.
  ///
  /// A draw like a parameter is told by a value of the step, since outputs are such values.
  fileprivate func draw(
    _ type: ValueType, _ range: ClosedRange<Double>, _ texts: (String) -> (rnn: String, python: String)
  ) -> Term? {
    let name = fresh("m")
    let told = type.place == .fixed ? fresh("m") : name
    let text = texts("\(isModel ? "run.draw" : "c.drawn")(\"\(told)\")")
    let term = Term(rnn: name, python: name, type: type, range: range)
    state.lines.append(("\(name) = \(text.rnn)", "\(name) = \(text.python)"))
    var teller = term
    if type.place == .fixed {
      guard let scalar = operand(0, where: { $0.type.isScalar && $0.type.place == .one }) else { return nil }
      state.lines.append(
        ("\(told) = \(name) + 0 * \(scalar.rnn)", "\(told) = add(\(name), multiply(0, \(scalar.python)))"))
      teller = Term(rnn: told, python: told, type: ValueType(type.shape, .one), range: range)
    }
    state.draws.append(("." + told, use(add(teller))))
    return told == name ? term : use(add(term))
  }
}
