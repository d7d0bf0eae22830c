import RNNTestSupport

extension Scope {
  /// Adds some random statements.
  func addStatements(_ count: Int) {
    for _ in 0..<count {
      switch random.below(11) {
      case 0: _ = attempt(split)
      case 1, 2: _ = applyInStatement()
      case 3: _ = attempt(derivative)
      default: if let term = grow(2) { define(term) }
      }
    }
  }

  /// `a, b = split(x, 2)`
  private func split() -> [Term]? {
    let parts = 2 + random.below(2)
    guard
      let x = operand(
        1, where: { ($0.type.isVector || $0.type.isMatrix) && $0.type.shape[0].divided(by: parts) != nil }),
      let part = x.type.shape[0].divided(by: parts)
    else { return nil }
    // A part that nothing needs is called '_'.
    let dropped = random.chance(0.2) ? random.below(parts) : parts
    let names = (0..<parts).map { $0 == dropped ? "_" : fresh("v") }
    let left = names.joined(separator: ", ")
    state.lines.append(("\(left) = split(\(x.rnn), \(parts))", "\(left) = split(\(x.python), \(parts))"))
    let type = x.type.with(shape: [part] + x.type.shape.dropFirst())
    return names.filter { $0 != "_" }.map { add(Term(rnn: $0, python: $0, type: type, range: x.range)) }
  }

  /// A scalar that depends on a value.
  func scalar(of term: Term) -> Term? {
    let type = term.type.with(shape: [])
    switch term.type.shape.count {
    case _ where !term.type.isNumber: return nil
    case 0: return random.chance(0.5) ? term : .call("sin", [calm(term)], type, .within(1))
    case 1:
      switch random.below(5) {
      case 0: return .call("sum", python: "sum_of", [term], type, .within(width(term) * term.bound))
      case 1:
        let square = Term.call("square", [term], term.type, 0...(term.bound * term.bound))
        return .call("mean", python: "mean_of", [square], type, square.range)
      case 2:
        let vector = spread(term)
        return .call("max", python: "max_of", [vector], type, vector.range)
      case 3:
        return Term(
          rnn: "\(term.text(.primary))[0]", python: "part(\(term.python), 0)", type: type, range: term.range)
      default:
        return .call(
          "dot", [term, parameter(term.type.shape)], type, .within(width(term) * term.bound))
      }
    case 3...:
      let away = Term.call("sin", [term], term.type, .within(1))
      return .call("mse", [term, away], type, 0...((term.bound + 1) * (term.bound + 1)))
    default:
      let product = Term.binary(
        "@", "matmul", .product, term, parameter([term.type.shape[1]]),
        term.type.with(shape: [term.type.shape[0]]), .within(width(term) * term.bound))
      return .call("mean", python: "mean_of", [product], type, product.range)
    }
  }

  /// The next value of a state, from its last one.
  func next(_ old: Term) -> Term? {
    let shape = old.type.shape
    func part(_ bound: Double = 2) -> Term? { value(shape, .one, bound: bound, depth: 2) }
    func gate() -> Term? { part().map { .call("sigmoid", [$0], $0.type, 0...1) } }
    switch random.below(6) {
    case 0:
      // Leaky: part of the old value stays.
      guard let new = part(1) else { return nil }
      return .binary("+", "add", .sum, scaled(use(old), by: 0.5), new, old.type, .within(2))
    case 1, 2:
      // Gated: a mean of old and new.
      guard let gate = gate(), let new = part() else { return nil }
      let z = define(gate)
      let kept = Term.binary(
        "-", "subtract", .sum, .number(1), use(z), z.type, 0...1)
      return .binary(
        "+", "add", .sum, .binary("*", "multiply", .product, use(z), use(old), old.type, .within(2)),
        .binary("*", "multiply", .product, kept, new, old.type, .within(2)), old.type, .within(2))
    case 3:
      guard let mask = attempt({ Construct.mask(self, 1) }), let new = part(),
        mask.type.place != .one || mask.type.shape.isEmpty || mask.type.shape == shape,
        mask.type.steps == nil, mask.type.shape.isEmpty || mask.type.shape == shape
      else { return nil }
      return .call("where", [mask, use(old), new], old.type, .within(2))
    default:
      // With a term that carries the old value on through a matrix.
      guard let new = part() else { return nil }
      guard shape.count == 1 else {
        return .call(
          "tanh", [.binary("+", "add", .sum, use(old), new, old.type, .within(4))], old.type, .within(1))
      }
      let carried = Term.binary(
        "@", "matmul", .product, parameter([shape[0], shape[0]]), use(old), old.type, .within(8))
      return .call(
        random.chance(0.8) ? "tanh" : "sin",
        [.binary("+", "add", .sum, carried, new, old.type, .within(10))], old.type, .within(1))
    }
  }

  // MARK: Text

  /// Parameters as the language declares them; those of one shape sometimes share a statement.
  var parameterLines: [String] {
    var lines: [String] = []
    var open: (names: [String], shape: [Extent])?
    func close() {
      guard let (names, shape) = open else { return }
      let initial = ["uniform(0.5)", "normal(0.3)", "zeros", "0.5"]
      lines.append("param \(names.joined(separator: ", ")): \(shape.longText) = \(initial[names.count % 4])")
      open = nil
    }
    for parameter in state.parameters {
      if open?.shape == parameter.shape {
        open?.names.append(parameter.name)
      } else {
        close()
        open = ([parameter.name], parameter.shape)
      }
    }
    close()
    return lines
  }
}
