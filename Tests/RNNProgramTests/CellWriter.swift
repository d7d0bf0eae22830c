import RNNTestSupport

extension ProgramGenerator {
  /// Writes a cell of random equations.
  func makeCell(_ name: String) -> CellDescription? {
    let names = random.pick([["I", "H"], ["I", "H"], ["H"], ["I", "H", "K"]])!
    let scope = Scope(
      self, isModel: false, sizes: Dictionary(uniqueKeysWithValues: names.map { ($0, 4) }), fork())
    var sizes: [(name: String, standard: Extent?)] = names.map { ($0, nil) }
    if names.count > 1, random.chance(0.3) {
      sizes[sizes.count - 1].standard = random.pick([2 * Extent("I"), Extent("I"), Extent(3)])
    }
    let inputs = makePorts(names)
    for (i, port) in inputs.enumerated() {
      scope.add(Term(rnn: port.name, python: port.name, type: port.type, range: .within(2)))
      if port.type.steps != nil, scope.sequences.isEmpty { scope.sequences.append(("T", inputs[i].name)) }
    }
    let states = makeStates(names, scope)
    scope.addStatements(3 + random.below(5))
    var lines: [(rnn: String, python: String)] = []
    for state in states {
      guard let next = scope.attempt({ scope.next(state.term) }) else { return nil }
      let python = "\(state.name)_ = new[c.path + \".\(state.name)\"]"
      scope.state.lines.append(("\(state.name)' = \(next.rnn)", "\(python) = \(next.python)"))
      scope.add(
        Term(rnn: "\(state.name)'", python: "\(state.name)_", type: state.term.type, range: .within(2)))
    }
    // Instances with a state are applied once in every step, so none is left over.
    guard let outputs = makeOutputs(scope, states.map(\.name)) else { return nil }
    lines += scope.state.lines
    return describe(name, sizes, inputs, states, outputs, lines, scope)
  }

  private func makePorts(_ names: [String]) -> [CellDescription.Port] {
    let first = Extent(names[0])
    var ports = [CellDescription.Port(name: "x", type: ValueType([first], .one))]
    if random.chance(0.1) {
      ports[0] = CellDescription.Port(name: "x", type: ValueType([], .one, token: first))
    }
    if random.chance(0.25) {
      let shape = random.pick([[first], [], [Extent(names[names.count - 1])]])!
      ports.append(CellDescription.Port(name: "u", type: ValueType(shape, .one)))
    }
    if options.attention, random.chance(0.3) {
      let shape = random.pick([[first], [Extent(names[names.count - 1])]])!
      ports.append(CellDescription.Port(name: "memory", type: ValueType(shape, .steps("T"))))
    }
    return ports
  }

  private struct OwnState {
    let name: String
    let term: Term
    let shape: [Extent]
    /// The first value that the cell declares, in both languages.
    let first: (rnn: String, python: String)?
  }

  private func makeStates(_ names: [String], _ scope: Scope) -> [OwnState] {
    guard random.chance(0.7) else { return [] }
    var states: [OwnState] = []
    for name in ["h", "k"].prefix(random.chance(0.7) ? 1 : 2) {
      let hidden = Extent(names[names.count - 1])
      let shape = random.pick([[hidden], [hidden], [hidden], [], [hidden, Extent(2)], [2 * hidden]])!
      var first: (rnn: String, python: String)?
      switch random.below(5) {
      case 0:
        let start = scope.parameter(shape)
        first = (start.rnn, start.python)
      case 1: first = ("0.75", "0.75")
      default: break
      }
      let term = Term(rnn: name, python: name, type: ValueType(shape, .one), range: .within(2))
      states.append(OwnState(name: name, term: scope.add(term), shape: shape, first: first))
    }
    return states
  }

  /// The values that a cell puts out: one or two of its own, into which goes what nothing else uses, and its draws.
  private func makeOutputs(_ scope: Scope, _ states: [String]) -> [Term]? {
    var outputs: [Term] = []
    for _ in 0..<(random.chance(0.75) ? 1 : 2) {
      let primed = states.first.map { $0 + "'" }
      if let state = scope.state.pool.first(where: { $0.rnn == primed }), random.chance(0.5) {
        outputs.append(scope.use(state))
      } else if let value = scope.attempt({
        scope.value([scope.extent()], .one, depth: 1)
      }) {
        outputs.append(value)
      }
    }
    guard var first = outputs.first else { return nil }
    for term in scope.unused.suffix(4) where term.type.place == .one || term.type.steps != nil {
      guard var scalar = scope.scalar(of: scope.use(term)) else { continue }
      if scalar.type.steps != nil { scalar = scope.total(scalar) }
      let part = scope.scaled(scope.calm(scalar), by: 0.2)
      first = .binary("+", "add", .sum, first, part, first.type, first.range.combined(part.range, +))
    }
    outputs[0] = scope.calm(first, bound: 4)
    if random.chance(0.1),
      let token = scope.operand(0, where: { $0.type.token != nil && $0.type.place == .one })
    {
      outputs.append(token)
    }
    return outputs + scope.state.draws.map(\.term)
  }

  private func describe(
    _ name: String, _ sizes: [(name: String, standard: Extent?)], _ inputs: [CellDescription.Port],
    _ states: [OwnState], _ outputs: [Term], _ lines: [(rnn: String, python: String)], _ scope: Scope
  ) -> CellDescription {
    let instances = scope.state.instances
    let own = states.map {
      CellDescription.StateDescription(path: ".\($0.name)", shape: $0.shape, isDeclared: $0.first != nil)
    }
    let inner = instances.flatMap { instance in
      instance.cell.states.map {
        CellDescription.StateDescription(
          path: ".\(instance.name)\($0.path)", shape: instance.shape($0.shape), isDeclared: $0.isDeclared)
      }
    }
    let firstDraw = outputs.count - scope.state.draws.count
    return CellDescription(
      name: name, sizes: sizes, inputs: inputs, outputs: outputs.map { ($0.type, $0.range) },
      states: own + inner, parameters: scope.allParameters,
      draws: scope.state.draws.enumerated().map { ($1.path, firstDraw + $0) },
      rnn: cellText(name, sizes, inputs, states, outputs, lines, scope),
      python: cellPython(name, sizes, inputs, states, outputs, lines, scope))
  }

  private func cellText(
    _ name: String, _ sizes: [(name: String, standard: Extent?)], _ inputs: [CellDescription.Port],
    _ states: [OwnState], _ outputs: [Term], _ lines: [(rnn: String, python: String)], _ scope: Scope
  ) -> String {
    let header = sizes.map { $0.name + ($0.standard.map { " = \($0.text)" } ?? "") }
    let ports = inputs.map { port in
      let type = port.type.token.map { "token(\($0.text))" } ?? port.type.shape.text
      return "\(port.name): \(port.type.steps == nil ? "" : "seq ")\(type)"
    }
    var text = scope.parameterLines + ["input \(ports.joined(separator: ", "))"]
    text += states.map { "state \($0.name): \($0.shape.text)" + ($0.first.map { " = \($0.rnn)" } ?? "") }
    text += lines.map(\.rnn) + ["output \(outputs.map(\.rnn).joined(separator: ", "))"]
    return "cell \(name)(\(header.joined(separator: ", "))) {\n" + text.map { "    \($0)\n" }.joined() + "}\n"
  }

  private func cellPython(
    _ name: String, _ sizes: [(name: String, standard: Extent?)], _ inputs: [CellDescription.Port],
    _ states: [OwnState], _ outputs: [Term], _ lines: [(rnn: String, python: String)], _ scope: Scope
  ) -> String {
    let names = sizes.map { "\($0.name)," }.joined(separator: " ")
    var setUp = ["Cell.__init__(c, path, P)", "\(names) = c.sizes = sizes"]
    setUp += scope.state.parameters.map { "c.\($0.name) = P[path + \".\($0.name)\"]" }
    for instance in scope.state.instances {
      setUp.append("c.\(instance.name) = \(instance.python(path: "path + \".\(instance.name)\""))")
    }
    let declared = states.map { "(\"\($0.name)\", \($0.shape.python), \($0.first?.python ?? "None"))" }
    setUp.append("c.states = [\(declared.joined(separator: ", "))]")
    setUp.append("c.inside = [\(scope.state.instances.map { "c.\($0.name)" }.joined(separator: ", "))]")
    var step = ["\(names) = c.sizes"]
    step += states.map { "\($0.name) = old[c.path + \".\($0.name)\"]" }
    step += lines.map(\.python).filter { !$0.isEmpty }
    step.append("return \(outputs.map(\.python).joined(separator: ", "))")
    let arguments = inputs.map(\.name).joined(separator: ", ")
    return "class \(name)(Cell):\n    outputs = \(outputs.count)\n\n    def __init__(c, path, P, sizes):\n"
      + setUp.map { "        \($0)\n" }.joined() + "\n    def step(c, old, new, \(arguments)):\n"
      + step.map { "        \($0)\n" }.joined()
  }
}

extension Scope {
  /// The parameters of the unit and of its instances, by path.
  var allParameters: [(path: String, shape: [Extent], bound: Double)] {
    state.parameters.map { (".\($0.name)", $0.shape, $0.bound) }
      + state.instances.flatMap { instance in
        instance.cell.parameters.map {
          (".\(instance.name)\($0.path)", instance.shape($0.shape), $0.bound)
        }
      }
  }
}
