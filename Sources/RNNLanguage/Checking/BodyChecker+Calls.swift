import RNNGraph
import RNNSupport

extension BodyChecker {
  /// Checks a call of an instance, a function of the program, or a function of the language.
  mutating func checkCall(_ name: Name, _ arguments: [Argument], at site: SourceRange) -> [NodeID]? {
    if let binding = scope.names[name.text], !isBuiltinOrDeclared(name.text) || binding.isInstance {
      guard let entity = lookup(name.text, at: name.range) else { return nil }
      if case .instance(let index) = entity { return apply(index, arguments, at: site) }
      report(.notCallable(name.text, at: name.range))
      return nil
    }
    if let id = checker.program.lookup(name.text, in: scope.module) {
      switch checker.program[id] {
      case .function(let function):
        return inline(function, id, arguments, at: site, callee: name.range).map { [$0] }
      case .unit(let unit):
        report(
          .notAValue(
            name.text, "a \(unit.kind.rawValue)", at: name.range,
            hint: "name an instance first: inner = \(name.text)(…), then apply it: inner(x)"))
        return nil
      case .importation: return nil
      }
    }
    if let builtin = Builtin(rawValue: name.text) {
      return call(builtin, arguments, at: site, callee: name.range)
    }
    hasFaults = true
    if let definition = definitions[name.text], scope.calls.isEmpty {
      report(.usedBeforeDefinition(name.text, at: name.range, definedAt: definition))
    } else if name.text == Self.copier {
      report(.headsAreNoValue(name))
    } else if !unit.isIncomplete {
      let (scope, program) = (scope, checker.program)
      let known = checker.names(forReportAt: name.range) {
        Builtin.names + StandardLibrary.names + scope.names.keys
          + program.names(in: scope.module) { $0.name != nil }
      }
      report(.unknownFunction(name, "function or cell", among: known))
    }
    return nil
  }

  private func isBuiltinOrDeclared(_ name: String) -> Bool {
    Builtin(rawValue: name) != nil || checker.program.lookup(name, in: scope.module) != nil
  }

  /// Writes a function out in place of its call.
  private mutating func inline(
    _ function: FunctionDeclaration, _ id: DeclarationID, _ arguments: [Argument], at site: SourceRange,
    callee: SourceRange
  ) -> NodeID? {
    if function.isInvalid {
      hasFaults = true
      return nil
    }
    if let label = arguments.compactMap(\.label).first {
      report(.unknownLabel(label, notes: [Diagnostic.Note("it is used as \(function.signature)")]))
      return nil
    }
    let count = function.parameters.count
    guard arguments.count == count else {
      report(.argumentCount(function.signature, expected: count...count, found: arguments.count, at: callee))
      return nil
    }
    let values = arguments.map { check($0.value) }
    guard reserve() else { return nil }
    if checker.faultyFunctions.contains(id) || scope.functions.contains(id) {
      hasFaults = true
      return nil
    }
    var inner = Scope(module: id.module)
    inner.calls = [Diagnostic.Note("in this call of '\(function.name.text)'", at: site)] + scope.calls
    inner.functions = scope.functions + [id]
    inner.equation = function.name.text
    let call = SourcePlace(site, name: scope.equation)
    inner.callPlaces = Array(([call] + scope.callPlaces).prefix(SourcePlaces.limit))
    for (parameter, value) in zip(function.parameters, values) {
      guard let value else { return nil }
      inner.names[parameter.text] = Binding(entity: .value(value), site: parameter.range, kind: nil)
    }
    let outer = scope
    scope = inner
    defer { scope = outer }
    return check(function.body)
  }

  // MARK: Application of cells

  /// - Parameter toRows: whether it is applied to the rows of the arguments one by one.
  mutating func apply(_ index: Int, _ arguments: [Argument], toRows: Bool = false, at site: SourceRange)
    -> [NodeID]?
  {
    let instance = instances[index].checked
    let cell = instance.cell
    instances[index].isApplied = true
    let name = instances[index].name.text
    var values: [NodeID?] = []
    var initial: [NodeID?] = []
    for argument in arguments {
      guard let label = argument.label else {
        values.append(check(argument.value))
        continue
      }
      guard label.text == "from" else {
        report(.unknownLabel(label, notes: [Diagnostic.Note("the initial states are given by 'from:'")]))
        return nil
      }
      guard let states = checkInitialStates(argument.value, of: instance) else { return nil }
      initial = states
    }
    let count = cell.inputs.count
    guard values.count == count else {
      let signature = "\(name)(\(cell.inputs.map(\.name).joined(separator: ", ")))"
      report(.argumentCount(signature, expected: count...count, found: values.count, at: site))
      return nil
    }
    var operands: [NodeID] = []
    var iterated: [NodeID] = []
    let rows = toRows ? values[0].flatMap { type($0).shape.first } ?? 1 : nil
    let inputs = instance.inputs.map { $0.with(heads: rows.map { [$0] } ?? []) }
    // The steps that each length of the cell's own sequences stands for.
    var lengths: [String: String] = [:]
    for (offset, argument) in arguments.filter({ $0.label == nil }).enumerated() {
      guard let value = values[offset] else { continue }
      let input = inputs[offset]
      let note = Diagnostic.Note("the input is declared here", at: input.site)
      guard type(value).matches(input.type), type(value).isSequence || !input.type.isSequence else {
        reportShape(
          .wrongType(
            "input '\(input.name)' of '\(name)'", expected: input.type.described, found: type(value),
            at: argument.value.range,
            notes: Diagnostic.Note.numbers(of: type(value), for: input.type)
              + instance.headNotes(type(value), for: cell.inputs[offset].type) + [note]))
        continue
      }
      if case .steps(let own) = input.type.extent, case .steps(let given) = type(value).extent {
        if let known = lengths[own], known != given {
          report(.extentsDiffer(.steps(known), .steps(given), at: argument.value.range).adding([note]))
          continue
        }
        lengths[own] = given
      } else {
        iterated.append(value)
      }
      operands.append(value)
    }
    let given = initial.compactMap { $0 }
    guard operands.count == count, given.count == initial.count else { return nil }
    guard let extent = join(iterated, at: site) else { return nil }
    if !isModel, cell.runsStepByStep, case .steps = extent {
      report(.sequenceInsideCell(name, hasState: !cell.states.isEmpty, at: site))
      return nil
    }
    if let rows, ([rows] + instance.heads + [cell.volume]).volume == nil {
      reportShape(.tooLarge(at: site))
      return nil
    }
    // What stands inside of the arguments was applied before: applications count in the order of computation.
    let earlier = instances[index].applications
    if !isModel, !cell.states.isEmpty, let first = earlier.first {
      report(.appliedTwice(name, at: site, first: nodes[first.index].site))
      return nil
    }
    let steps: String? = if case .steps(let length) = extent { length } else { nil }
    let application = Application(
      instance: index, ordinal: earlier.count + 1, steps: steps, inputCount: count, rows: rows)
    let resultExtent = steps.map(Extent.steps) ?? .example
    guard
      let node = add(.apply(application), operands + given, ValueType([], resultExtent), at: site)
    else { return nil }
    instances[index].applications.append(node)
    let results = instance.outputTypes.enumerated().map { offset, type in
      let all = type.with(heads: rows.map { [$0] } ?? []).with(extent: resultExtent)
      return add(.result(offset), [node], all, at: site)
    }
    return results.contains { $0 == nil } ? nil : results.compactMap { $0 }
  }

  /// The values behind `from:`; nil after a report.
  private mutating func checkInitialStates(_ expression: Expression, of instance: CheckedInstance)
    -> [NodeID]?
  {
    let (name, states) = (instance.name, instance.states)
    guard isModel else {
      report(
        .misplaced(
          "'from:'", in: .cell, at: expression.range,
          hint:
            "a cell speaks of one step; where its state starts is said at 'state h: [H] = …' or in the model")
      )
      return nil
    }
    let values: [(NodeID?, SourceRange)]
    switch expression.kind {
    case .tuple(let elements): values = elements.map { (check($0), $0.range) }
    case .name(let source):
      if case .instance(let index)? = scope.names[source]?.entity {
        _ = lookup(source, at: expression.range)
        guard let application = instances[index].applications.last else {
          report(.notYetApplied(source, at: expression.range))
          return nil
        }
        values = instances[index].checked.states.enumerated().map { offset, state in
          let type = ValueType(state.shape, .example)
          return (add(.nextState(offset), [application], type, at: expression.range), expression.range)
        }
      } else {
        values = [(check(expression), expression.range)]
      }
    default: values = [(check(expression), expression.range)]
    }
    guard values.count == states.count else {
      let list = states.map { "\($0.name): \($0.shape.bracketed)" }.joined(separator: ", ")
      report(
        Diagnostic(
          "value-count",
          "\(counted(values.count, "initial state")) for \(counted(states.count, "state"))",
          at: expression.range,
          notes: [
            Diagnostic.Note(list.isEmpty ? "'\(name)' has no state" : "the states of '\(name)' are \(list)")
          ]))
      return nil
    }
    var nodes: [NodeID] = []
    for ((value, site), state) in zip(values, states) {
      guard let value else { return nil }
      guard type(value).element == .number, type(value).shape == state.shape else {
        reportShape(
          .wrongType(
            "the initial value of '\(name).\(state.name)'", expected: state.shape.bracketed,
            found: type(value),
            at: site))
        return nil
      }
      if type(value).isSequence {
        report(
          .wrongType(
            "an initial state", expected: "a single value", found: type(value), at: site,
            notes: [Diagnostic.Note("last(x) is the last value of a sequence")]))
        return nil
      }
      nodes.append(value)
    }
    return nodes
  }
}

extension BodyChecker.Binding {
  fileprivate var isInstance: Bool { if case .instance = entity { true } else { false } }
}
