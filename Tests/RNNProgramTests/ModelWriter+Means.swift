import RNNTestSupport

/// The losses and measures of a model.
struct Means {
  /// What is left to be written behind the outputs.
  var last: String?
  /// For each, its name and what it is a mean over, as Python has it.
  var kinds: [String] = []
  /// The values and their weights in Python.
  var python: [String] = []
}

extension ProgramGenerator {
  /// Writes one loss, or several with names, and perhaps a measure; nil if there is nothing to make small.
  func makeMeans(_ scope: Scope, _ targets: [Datum]) -> Means? {
    let terms = makeLossTerms(scope, targets)
    var means = Means()
    if terms.count > 1, random.chance(0.3) {
      let half = terms.count / 2
      for (name, part) in [("first", terms[..<half]), ("second", terms[half...])] {
        guard let sum = sum(Array(part), scope) else { return nil }
        let weights = random.chance(0.4) ? weights(scope, sum.type.place) : nil
        write("loss \(name) = \(sum.rnn)", name, sum, weights, isLoss: true, scope, &means)
      }
    } else {
      guard let sum = sum(terms, scope) else { return nil }
      if random.chance(0.3) {
        scope.state.lines.append(("small = \(sum.rnn)", "small = \(sum.python)"))
        means.last = "loss small"
        note(
          "loss", Term(rnn: "small", python: "small", type: sum.type, range: sum.range), nil, isLoss: true,
          &means)
      } else {
        let weights = random.chance(0.4) ? weights(scope, sum.type.place) : nil
        write("loss \(sum.rnn)", "loss", sum, weights, isLoss: true, scope, &means)
      }
    }
    if random.chance(0.3),
      let value = scope.operand(1, where: { $0.type.isScalar && $0.type.place != .fixed })
    {
      let weights = random.chance(0.5) ? weights(scope, value.type.place) : nil
      write("measure measured = \(value.rnn)", "measured", value, weights, isLoss: false, scope, &means)
    }
    return means
  }

  private func write(
    _ rnn: String, _ name: String, _ value: Term, _ weights: Term?, isLoss: Bool, _ scope: Scope,
    _ means: inout Means
  ) {
    let names = ["mean\(means.kinds.count)", "weights\(means.kinds.count)"]
    let python = zip(names, [value, weights].compactMap { $0 }).map { "\($0) = \($1.python)" }
    scope.state.lines.append(
      (rnn + (weights.map { ", weights: \($0.rnn)" } ?? ""), python.joined(separator: "; ")))
    func named(_ name: String, _ term: Term) -> Term {
      Term(rnn: name, python: name, type: term.type, range: term.range)
    }
    note(name, named(names[0], value), weights.map { named(names[1], $0) }, isLoss: isLoss, &means)
  }

  private func note(_ name: String, _ value: Term, _ weights: Term?, isLoss: Bool, _ means: inout Means) {
    let kind =
      switch value.type.place {
      case .fixed: "program"
      case .one: "example"
      case .steps: "steps"
      }
    means.kinds.append("(\"\(name)\", \"\(kind)\", \(isLoss ? "True" : "False"))")
    means.python.append("(\(value.python), \(weights?.python ?? "None"))")
  }

  /// How much each step or example of a place counts; some may count for nothing.
  private func weights(_ scope: Scope, _ place: Place) -> Term? {
    guard place != .fixed else { return nil }
    if random.chance(0.1) { return scope.literal(0.2...2) }
    guard let x = scope.operand(1, where: { $0.type.isScalar && $0.type.place == place }) else { return nil }
    if random.chance(0.5) { return .call("sigmoid", [x], x.type, 0...1) }
    let limit = scope.literal(-0.5...0.5)
    let mask = Term.binary(">", "greater", .comparison, x, limit, x.type, 0...1)
    return Term(rnn: mask.rnn, python: "where(\(mask.python), 1.0, 0.0)", type: x.type, range: 0...1)
  }

  /// What is made small: what fits the targets, and something of each value that nothing else uses.
  private func makeLossTerms(_ scope: Scope, _ targets: [Datum]) -> [Term] {
    var terms: [Term] = []
    for target in targets {
      let goal = Term(rnn: target.name, python: target.name, type: target.type, range: .within(1))
      let scalar = target.type.with(shape: [])
      if let count = target.type.token {
        guard let logits = scope.value([count], target.type.place, bound: 4) else { continue }
        let smoothing = random.chance(0.3) ? scope.literal(0.05...0.9).rnn : nil
        terms.append(
          Term(
            rnn: "cross_entropy(\(logits.rnn), \(goal.rnn)\(smoothing.map { ", smoothing: \($0)" } ?? ""))",
            python: "cross_entropy(\(logits.python), \(goal.python), \(smoothing ?? "0"))", type: scalar,
            range: 0...9))
      } else {
        guard let value = scope.value(target.type.shape, target.type.place) else { continue }
        terms.append(.call("mse", [value, goal], scalar, 0...9))
      }
    }
    let rest = scope.unused.filter { $0.type.isNumber }.suffix(6)
    for term in rest {
      if let scalar = scope.scalar(of: scope.use(term)) { terms.append(scope.calm(scalar)) }
    }
    if !terms.isEmpty, options.partialFunctions, random.chance(0.3) {
      terms.append(Construct.infinite(scope))
    }
    return terms
  }

  /// The sum of scalars, all brought to one place.
  private func sum(_ terms: [Term], _ scope: Scope) -> Term? {
    let steps = Set(terms.compactMap(\.type.steps))
    var place = Place.fixed
    if let only = steps.first, steps.count == 1, random.chance(0.6) {
      place = .steps(only)
    } else if terms.contains(where: { $0.type.place != .fixed }) {
      place = .one
    }
    var result: Term?
    for term in terms {
      var moved = term
      if term.type.place != .fixed, term.type.place != place {
        if case .steps(let steps) = place {
          guard let everywhere = scope.repeated(term, over: steps) else { continue }
          moved = everywhere
        } else {
          moved = random.chance(0.3) ? scope.last(term) : scope.total(term)
        }
      }
      if random.chance(0.5) { moved = scope.scaled(moved, by: random.pick([0.25, 0.7, 2, -0.5])!) }
      guard let sum = result else {
        result = moved
        continue
      }
      let type = ValueType([], Place.join(sum.type.place, moved.type.place)!)
      let (symbol, python) = random.chance(0.75) ? ("+", "add") : ("-", "subtract")
      result = .binary(symbol, python, .sum, sum, moved, type, .within(sum.bound + moved.bound))
    }
    return result
  }
}
