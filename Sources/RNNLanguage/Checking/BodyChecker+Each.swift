import RNNSupport

// A function applied to each row of its arguments.
extension BodyChecker {
  /// `each(f, a, b, …)`: what `f` gives for the rows of the arguments, one by one, along a first axis.
  ///
  /// The function is written out in a body of its own, of which there is a copy for each row.
  mutating func each(_ arguments: [Expression], at site: SourceRange) -> NodeID? {
    let values = Array(arguments.dropFirst())
    if case .name(let name) = arguments[0].kind, case .instance(let index)? = scope.names[name]?.entity {
      _ = lookup(name, at: arguments[0].range)
      return each(index, values, at: site)
    }
    let checked = values.map { checkNumber($0) }
    guard let function = functionName(arguments[0]) else { return nil }
    var rows: [(node: NodeID, type: ValueType)] = []
    var count: Int?
    for (node, value) in zip(checked, values) {
      guard let node else { return nil }
      let found = type(node)
      guard let extent = found.shape.first else {
        return reportShape(.noRows(found, at: value.range))
      }
      guard count == nil || count == extent else {
        return reportShape(.rowsDiffer(type(rows[0].node), found, at: value.range))
      }
      count = extent
      rows.append((node, ValueType(Array(found.shape.dropFirst()), found.extent)))
    }
    let sites = values.map(\.range)
    guard let count, let (body, result) = body(of: function, zip(rows.map(\.type), sites), at: site) else {
      return nil
    }
    if case .token = result.element {
      return reportShape(
        .wrongType("what each gives for a row", expected: "numbers", found: result, at: site))
    }
    let copies = CheckedInstance(name: "", cell: body, heads: [count], site: site)
    guard copies.volume != nil else { return reportShape(.tooLarge(at: site)) }
    instances.append(Instance(name: Name(text: "", range: site), checked: copies, firstState: stateCount))
    return add(
      .each(instance: instances.count - 1), rows.map(\.node), result.with(heads: [count]), at: site)
  }

  /// What an instance gives for the rows of values.
  private mutating func each(_ index: Int, _ values: [Expression], at site: SourceRange) -> NodeID? {
    let instance = instances[index].checked
    if instance.cell.runsStepByStep || instance.cell.inputs.contains(where: { $0.type.element != .number }) {
      instances[index].isApplied = true
      report(.notForRows(instance, at: site))
      return nil
    }
    let arguments = values.map { Argument(label: nil, value: $0) }
    guard let results = apply(index, arguments, toRows: true, at: site) else { return nil }
    if results.count == 1 { return results[0] }
    report(.severalValues(results.count, at: site))
    return nil
  }

  /// The function that an expression names; nil after a report.
  private mutating func functionName(_ expression: Expression) -> Name? {
    if case .name(let name) = expression.kind, checker.program.isFunction(name, in: scope.module) {
      return Name(text: name, range: expression.range)
    }
    if expression.isInvalid {
      hasFaults = true
    } else {
      report(checker.notAFunction(expression, in: scope.module))
    }
    return nil
  }

  /// The body of a function of values of some types, and the type of what it gives; nil after a report.
  private mutating func body(
    of function: Name, _ parameters: some Sequence<(ValueType, SourceRange)>, at site: SourceRange
  ) -> (body: CheckedCell, result: ValueType)? {
    let outside = (nodes: nodes, instances: instances, scope: scope)
    defer { (nodes, instances, scope) = outside }
    (nodes, instances, scope.names) = ([], [], [:])
    scope.calls.insert(Diagnostic.Note("for each row, in this call of 'each'", at: site), at: 0)
    var inputs: [CheckedInput] = []
    var arguments: [Argument] = []
    for (index, (type, site)) in parameters.enumerated() {
      guard let node = add(.input(index), type, at: site) else { return nil }
      // No name of a program has such a sign.
      let name = "#\(index)"
      scope.names[name] = Binding(entity: .value(node), site: site, kind: nil)
      arguments.append(Argument(label: nil, value: Expression(.name(name), site)))
      inputs.append(CheckedInput(name: name, type: type, isTarget: false, site: site))
    }
    guard let result = check(Expression(.call(function, arguments), site)) else { return nil }
    let body = CheckedCell(
      name: function.text, isLibrary: false, sizes: [:], parameters: [], constants: [], inputs: inputs,
      states: [],
      instances: instances.map(\.checked), nodes: nodes, nextStates: [],
      outputs: [CheckedOutput(name: "", node: result)], losses: [], measures: [])
    return (body, type(result))
  }
}

extension Program {
  /// Whether a name is that of a function, of the program or of the language.
  func isFunction(_ name: String, in module: Int) -> Bool {
    guard let id = lookup(name, in: module) else { return Builtin(rawValue: name) != nil }
    if case .function = self[id] { return true }
    return false
  }
}

extension Checker {
  /// What is wrong with an expression that should name a function, and does not.
  func notAFunction(_ expression: Expression, in module: Int) -> Diagnostic {
    guard case .name(let name) = expression.kind, program.lookup(name, in: module) == nil else {
      return .notAFunction(at: expression.range)
    }
    let known = names(forReportAt: expression.range) {
      Builtin.names + program.names(in: module) { if case .function = $0 { true } else { false } }
    }
    return nearestName(to: name, among: known) == nil
      ? .notAFunction(at: expression.range)
      : .unknownFunction(Name(text: name, range: expression.range), "function", among: known)
  }
}

extension Diagnostic {
  fileprivate static func notAFunction(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-a-function", "expected the name of a function", at: site,
      notes: [
        Note(
          "each(f, x) applies f, a function of the language or one that 'fn' declares, to each row of x;"
            + " an instance without a state can stand in its place")
      ])
  }

  fileprivate static func notForRows(_ instance: CheckedInstance, at site: SourceRange) -> Diagnostic {
    let reason =
      !instance.cell.states.isEmpty
      ? "has a state" : instance.cell.runsStepByStep ? "takes whole sequences" : "takes tokens"
    return Diagnostic(
      "each", "'\(instance.name)' \(reason), and cannot be applied to rows one by one", at: site,
      notes: [Note("heads(n, Cell(…)) are n copies of a cell, with states and parameters of their own")])
  }

  fileprivate static func noRows(_ found: ValueType, at site: SourceRange) -> Diagnostic {
    wrongType(
      "an argument of each", expected: "a vector or matrix", found: found, at: site,
      notes: [Note("repeat(x, rows: n) gives each of n rows the same")])
  }

  fileprivate static func rowsDiffer(_ first: ValueType, _ other: ValueType, at site: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      "shape",
      "the arguments of each have \(counted(first.shape[0], "row")) and \(counted(other.shape[0], "row"))",
      at: site, notes: [Note("they are \(first.step) and \(other.step); a row of each goes to the function")])
  }
}
