import RNNTestSupport

// MARK: - Instances of cells

extension Construct {
  /// The application of an instance with one result, which may stand in an expression.
  static func application(_ scope: Scope, _ depth: Int) -> Term? {
    scope.apply(depth) { $0.isSimple }?.first
  }

  /// `concat(forward(x), reverse(backward(reverse(x))))`
  static func bothDirections(_ scope: Scope) -> Term? {
    guard scope.isModel,
      let x = scope.operand(0, where: { $0.type.isVector && $0.type.steps != nil }),
      let forward = scope.apply(x),
      let backward = scope.apply(.call("reverse", [x], x.type, x.range))
    else { return nil }
    let reversed = Term.call("reverse", [backward], backward.type, backward.range)
    return .call(
      "concat", [forward, reversed],
      forward.type.with(shape: [forward.type.shape[0] + backward.type.shape[0]]),
      forward.range.union(backward.range))
  }
}

extension Scope {
  /// Applies an instance in a statement of its own, behind which its states can be read.
  func applyInStatement() -> Bool {
    attempt {
      guard let terms = apply(2, where: { _ in true }) else { return nil }
      if terms.count == 1, !state.pool.contains(where: { $0.rnn == terms[0].rnn }) { define(terms[0]) }
      for instance in state.instances where instance.applications > 0 {
        if random.chance(0.3) { tie(instance) }
        for own in instance.cell.states {
          let path = instance.name + own.path
          let values =
            isModel
            ? [("'", "\(instance.name).final[\"\(path)\"]")]
            : [("", "old[c.path + \".\(path)\"]"), ("'", "new[c.path + \".\(path)\"]")]
          for (prime, python) in values where !state.pool.contains(where: { $0.rnn == path + prime }) {
            add(
              Term(
                rnn: path + prime, python: python, type: ValueType(instance.shape(own.shape), .one),
                range: .within(2)))
          }
        }
      }
      return true
    } ?? false
  }

  /// Lets the unit read a parameter of an instance, as in `layer.W @ x`.
  private func tie(_ instance: Instance) {
    guard let parameter = random.pick(instance.cell.parameters) else { return }
    let name = instance.name + parameter.path
    if state.pool.contains(where: { $0.rnn == name }) { return }
    add(
      Term(
        rnn: name, python: isModel ? name : "c.\(name)",
        type: ValueType(instance.shape(parameter.shape), .fixed), range: .within(parameter.bound)))
  }

  /// Applies an old or a new instance of a cell; several results are named.
  func apply(_ depth: Int, where fits: (CellDescription) -> Bool) -> [Term]? {
    let known = state.instances.indices.filter {
      fits(state.instances[$0].cell) && (isModel || state.instances[$0].cell.states.isEmpty)
    }
    if random.chance(0.4), let old = random.pick(known) { return apply(old, [:], depth) }
    guard let cell = random.pick(program.cells.filter { fits($0) && (isModel || !isNestedDeep($0)) }) else {
      return nil
    }
    guard let made = instance(of: cell) else { return nil }
    return apply(made.number, made.first, depth)
  }

  /// Applies a new instance of a cell with one input and a state to a value.
  fileprivate func apply(_ x: Term) -> Term? {
    let fitting = program.cells.filter {
      $0.isSimple && !$0.states.isEmpty && $0.inputs.count == 1 && $0.inputs[0].type.isVector
        && $0.outputs[0].type.isVector
    }
    guard let cell = random.pick(fitting), let made = instance(of: cell, for: [0: calm(x, bound: 2)]) else {
      return nil
    }
    return apply(made.number, made.first, 0)?.first
  }

  /// Cells that are large already make programs that take long to compile.
  private func isNestedDeep(_ cell: CellDescription) -> Bool { cell.parameters.count > 8 }

  /// Declares an instance, with sizes that fit to a value that is there, which becomes its first argument.
  private func instance(
    of cell: CellDescription, for given: [Int: Term] = [:]
  ) -> (number: Int, first: [Int: Term])? {
    var sizes: [String: Extent] = [:]
    var first = given
    let heads = given.isEmpty && cell.canHaveHeads && random.chance(0.25) ? headCount() : nil
    for (i, term) in given {
      if let name = cell.inputs[i].type.shape[0].multiples.keys.first { sizes[name] = term.type.shape[0] }
    }
    for (i, port) in cell.inputs.enumerated() where first.isEmpty && port.type.steps == nil && heads == nil {
      if let count = port.type.token {
        guard let token = operand(0, where: { $0.type.token != nil }) else { return nil }
        guard let name = count.multiples.keys.first else { return nil }
        sizes[name] = token.type.token
        first[i] = token
      } else if let extent = port.type.shape.first, let name = extent.multiples.keys.first,
        extent == Extent(name),
        let vector = operand(1, where: { $0.type.isVector && $0.type.place != .fixed })
      {
        if port.type.shape.count == 1 {
          sizes[name] = vector.type.shape[0]
          first[i] = calm(vector, bound: 2)
        }
      }
    }
    var texts: [String] = []
    var isNamed = random.chance(0.2)
    for size in cell.sizes {
      let standard = size.standard?.replacing(sizes)
      if sizes[size.name] == nil, let standard, random.chance(0.6) {
        sizes[size.name] = standard
        isNamed = true
        continue
      }
      let extent = sizes[size.name] ?? extent()
      sizes[size.name] = extent
      texts.append((isNamed ? "\(size.name): " : "") + extent.text)
    }
    let name = fresh(cell.states.isEmpty ? "layer" : "rnn")
    let instance = Instance(name: name, cell: cell, sizes: sizes, heads: heads)
    state.instances.append(instance)
    let call = "\(cell.name)(\(texts.joined(separator: ", ")))"
    state.lines.append(
      (
        "\(name) = " + (heads.map { "heads(\($0.text), \(call))" } ?? call),
        isModel ? "\(name) = \(instance.python(path: "\"\(name)\""))" : ""
      ))
    return (state.instances.count - 1, first)
  }

  /// A number of copies; few, since each is computed by itself in Python.
  private func headCount() -> Extent {
    let size = random.pick(sizes.keys.sorted().filter { sizes[$0]! < 6 })
    return size.flatMap { random.chance(0.3) ? Extent($0) : nil } ?? Extent(1 + random.below(3))
  }

  /// Applies an instance to given and further values.
  private func apply(_ number: Int, _ given: [Int: Term], _ depth: Int) -> [Term]? {
    let cell = state.instances[number].cell
    guard let place = random.pick(places(given, cell)) else { return nil }
    var arguments: [Term] = []
    var hasValue = false
    for (i, port) in cell.inputs.enumerated() {
      let type = state.instances[number].type(port.type)
      var argument = given[i]
      if argument == nil, port.type.steps != nil {
        argument = operand(
          0, where: { $0.type.steps != nil && $0.type.shape == type.shape && $0.type.isNumber })
        argument = argument ?? sequence(type.shape)
        argument = argument.map { calm($0, bound: 2) }
      } else if argument == nil, type.token != nil {
        argument = operand(0, where: { $0.type.token == type.token && $0.type.place == place })
      } else if argument == nil {
        let isFixed = hasValue && random.chance(0.1)
        argument = value(type.shape, isFixed ? .fixed : place, depth: depth)
      }
      guard let argument else { return nil }
      if port.type.steps == nil, argument.type.place == place { hasValue = true }
      arguments.append(argument)
    }
    let isNested = arguments.contains { $0.rnn.contains("\(state.instances[number].name)(") }
    guard hasValue, !isNested || cell.states.isEmpty || program.options.nestedApplications else { return nil }
    return isModel ? applyInModel(number, arguments, place) : applyInCell(number, arguments, place)
  }

  /// Where the values may be that a cell is applied to.
  private func places(_ given: [Int: Term], _ cell: CellDescription) -> [Place] {
    let steps = state.pool.compactMap(\.type.steps).map { Place.steps($0) }
    let maps = cell.states.isEmpty && !cell.takesSequences && cell.isSimple
    if let place = given.values.first?.type.place { return isModel || maps || place == .one ? [place] : [] }
    if isModel { return steps + steps + [.one] }
    return [.one] + (maps ? Array(steps.prefix(1)) : [])
  }

  /// A whole sequence of values of this shape.
  private func sequence(_ shape: [Extent]) -> Term? {
    let steps = Set(state.pool.compactMap(\.type.steps)).sorted()
    guard let name = random.pick(steps) else { return nil }
    return value(shape, .steps(name), depth: 0)
  }

  private func results(_ instance: Instance, _ place: Place) -> [(
    type: ValueType, range: ClosedRange<Double>
  )] {
    instance.cell.outputs.map { output in
      let type = instance.type(output.type)
      return (ValueType(type.shape, place, token: type.token), output.range)
    }
  }

  private func applyInCell(_ number: Int, _ arguments: [Term], _ place: Place) -> [Term]? {
    let instance = state.instances[number]
    if place != .one, !instance.cell.draws.isEmpty { return nil }
    if instance.applications > 0, !(instance.cell.states.isEmpty && instance.cell.draws.isEmpty) {
      return nil
    }
    state.instances[number].applications += 1
    let values = arguments.map(\.python).joined(separator: ", ")
    let python =
      place == .one
      ? "c.\(instance.name).step(old, new, \(values))"
      : "stepwise(lambda *a: c.\(instance.name).step(old, new, *a))(\(values))"
    let rnn = "\(instance.name)(\(arguments.map(\.rnn).joined(separator: ", ")))"
    let terms = name(results(instance, place), rnn, python, isInline: instance.cell.isSimple)
    for draw in instance.cell.draws {
      state.draws.append((".\(instance.name)\(draw.path)", use(terms[draw.output])))
    }
    return terms
  }

  private func applyInModel(_ number: Int, _ arguments: [Term], _ place: Place) -> [Term]? {
    let instance = state.instances[number]
    let cell = instance.cell
    let isInline = cell.isSimple
    var (rnn, python) = (arguments.map(\.rnn).joined(separator: ", "), "")
    if !cell.states.isEmpty, random.chance(0.4), let start = start(of: instance, number) {
      rnn += ", from: \(start.rnn)"
      python += ", start=\(start.python)"
    }
    state.instances[number].applications += 1
    let whole = cell.inputs.indices.filter { cell.inputs[$0].type.steps != nil }
    if !whole.isEmpty { python += ", whole=(\(whole.map { "\($0)," }.joined(separator: " ")))" }
    let types = results(instance, place)
    let names = isInline ? [] : types.map { _ in fresh("v") }
    if !cell.draws.isEmpty {
      let told = cell.draws.map { "(\"\($0.path)\", \"\(names[$0.output])\")" }
      python += ", draws=[\(told.joined(separator: ", "))]"
    }
    let application = state.instances[number].applications
    let terms = name(
      types, "\(instance.name)(\(rnn))",
      "run.apply(\(instance.name), \(application), [\(arguments.map(\.python).joined(separator: ", "))]\(python))",
      isInline: isInline, names: names)
    for draw in cell.draws { state.draws.append((draw.path, use(terms[draw.output]))) }
    return terms
  }

  /// First values of all states, for `from:`.
  private func start(of instance: Instance, _ number: Int) -> (rnn: String, python: String)? {
    let shapes = instance.cell.states.map { instance.shape($0.shape) }
    let others = state.instances.filter { other in
      other.applications > 0 && other.cell.states.map { other.shape($0.shape) } == shapes
    }
    if random.chance(0.6), let other = random.pick(others) { return (other.name, "\(other.name).finals") }
    var values: [Term] = []
    for shape in shapes {
      guard let value = value(shape, random.chance(0.3) ? .fixed : .one, depth: 0) else { return nil }
      values.append(value)
    }
    let python = "[\(values.map(\.python).joined(separator: ", "))]"
    return (values.count == 1 ? values[0].rnn : "(\(values.map(\.rnn).joined(separator: ", ")))", python)
  }

  /// The results of an application: in place, or named by a statement.
  private func name(
    _ types: [(type: ValueType, range: ClosedRange<Double>)], _ rnn: String, _ python: String, isInline: Bool,
    names: [String] = []
  ) -> [Term] {
    if isInline { return [Term(rnn: rnn, python: python, type: types[0].type, range: types[0].range)] }
    let names = names.isEmpty ? types.map { _ in fresh("v") } : names
    let left = names.joined(separator: ", ")
    state.lines.append(("\(left) = \(rnn)", "\(left) = \(python)"))
    return zip(names, types).map { add(Term(rnn: $0, python: $0, type: $1.type, range: $1.range)) }
  }
}
