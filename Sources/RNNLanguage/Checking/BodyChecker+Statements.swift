import RNNGraph
import RNNSupport

extension BodyChecker {
  mutating func check(_ statement: Statement) {
    switch statement.kind {
    case .declaration(.const, let groups, let value): declareConstants(groups, value)
    case .declaration(let role, let groups, let initial): declare(role, groups, initial)
    case .definition(let names, let value):
      scope.equation = names.first.map { $0.name.text + ($0.isNext ? "'" : "") } ?? ""
      checkDefinition(names, value, at: statement.range)
    case .output(let items): items.forEach { checkOutput($0) }
    case .loss(let item): checkLoss(item, at: statement.range)
    case .measure(let item): checkMeasure(item, at: statement.range)
    }
  }

  // MARK: Declarations

  private mutating func declare(_ role: DeclarationRole, _ groups: [DeclarationGroup], _ initial: Expression?)
  {
    if let misplaced = misplacement(of: role, at: groups[0].names[0].range) { report(misplaced) }
    if let initial, role == .input || role == .target {
      report(
        .misplaced(
          "an initial value", in: unit.kind, at: initial.range,
          hint: "\(role.described) is given by the caller"))
    }
    let initializer = role == .param ? checkInitializer(initial, of: groups[0].names[0]) : nil
    for group in groups {
      let type = checkType(group.type, of: role)
      let initialState = type.flatMap { role == .state ? checkInitialState(initial, shape: $0.shape) : nil }
      if role == .state, initialState == nil { hasFaults = true }
      for name in group.names {
        guard let type else {
          hasFaults = true
          if role == .state { add(State(name: name, shape: [], initial: .given, isFaulty: true)) }
          define(name, .faulty, kind: nil)
          continue
        }
        let operation: CheckedOperation
        switch role {
        case .param:
          operation = .parameter(name.text)
          let otherName = group.otherNames[name.text]
          checkOtherName(otherName)
          if initializer == .orthogonal, let initial, type.shape.count < 2 {
            reportShape(.notOrthogonal(name.text, type, at: initial.range))
          }
          parameters.append(
            CheckedParameter(
              name: name.text, otherName: otherName?.text, shape: type.shape,
              initializer: initializer ?? .constant(0), site: name.range))
        case .input, .target:
          operation = .input(inputs.count)
          inputs.append(
            CheckedInput(name: name.text, type: type, isTarget: role == .target, site: name.range))
        case .const: preconditionFailure("a constant has no operation of its own")
        case .state:
          operation = .state(states.count)
          add(State(name: name, shape: type.shape, initial: initialState ?? .given))
        }
        scope.equation = name.text
        let kind: String? =
          switch role {
          case .param: "parameter"
          case .const: "constant"
          case .input: "input"
          case .target: "target"
          case .state: nil
          }
        define(name, add(operation, type, at: name.range).map(Entity.value) ?? .faulty, kind: kind)
      }
    }
  }

  /// Reports a second parameter of the same name in other programs.
  private mutating func checkOtherName(_ name: Name?) {
    guard let name, let old = otherNameSites.updateValue(name.range, forKey: name.text) else { return }
    report(.redefinition(name.text, at: name.range, of: old))
  }

  private func misplacement(of role: DeclarationRole, at site: SourceRange) -> Diagnostic? {
    switch (role, unit.kind) {
    case (.state, .model):
      .misplaced(
        "a state", in: .model, at: site, hint: "declare it in a cell and apply the cell to a sequence")
    case (.target, .cell):
      .misplaced(
        "a target", in: .cell, at: site, hint: "the model knows what is to be learned; a cell has inputs")
    case (.param, _), (.const, _), (.input, _), (.state, .cell), (.target, .model): nil
    }
  }

  mutating func checkType(_ syntax: TypeSyntax, of role: DeclarationRole) -> ValueType? {
    var extent: Extent
    switch role {
    case .param, .const: extent = .constant
    case .input, .target, .state: extent = .example
    }
    if syntax.isSequence {
      guard role == .input || role == .target else {
        let hint =
          role == .state
          ? "a state is a single value, which goes from step to step"
          : "\(role.described) is the same at every step"
        report(.misplaced("a sequence", in: unit.kind, at: syntax.range, hint: hint))
        return nil
      }
      let length = syntax.length?.text ?? Extent.defaultSteps
      if let name = syntax.length, sizes[name.text] != nil || name.text == "B" {
        report(
          Diagnostic(
            "redefinition", "'\(name.text)' cannot be a number of steps", at: name.range,
            notes: [
              Diagnostic.Note(
                name.text == "B"
                  ? "'B' is the number of examples in a batch"
                  : "it is a size; the number of steps is known only when the program runs")
            ]))
        return nil
      }
      if !sequences.contains(length) { sequences.append(length) }
      extent = .steps(length)
    }
    switch syntax.kind {
    case .invalid: return nil
    case .tensor(let sizes):
      guard let shape = evaluator.shape(sizes, at: syntax.range) else { return nil }
      return ValueType(shape, extent)
    case .token(let size):
      if role != .input, role != .target {
        report(
          .misplaced("a token", in: unit.kind, at: syntax.range, hint: "\(role.described) holds numbers: [H]")
        )
        return nil
      }
      guard let size = evaluator.size(size) else { return nil }
      if size > Int(Int32.max) {
        report(.tooLarge(at: syntax.range))
        return nil
      }
      return ValueType(.token(size), [], extent)
    }
  }

  private mutating func checkInitializer(_ expression: Expression?, of name: Name) -> Initializer? {
    guard let expression else {
      report(.missingInitializer(name))
      return nil
    }
    if case .invalid = expression.kind {
      hasFaults = true
      return nil
    }
    let initializer: Initializer?
    switch expression.kind {
    case .name("zeros"): initializer = .constant(0)
    case .name("ones"): initializer = .constant(1)
    case .name("orthogonal"): initializer = .orthogonal
    case .call(let name, let arguments) where name.text == "uniform" && arguments.count == 1:
      initializer = evaluator.number(arguments[0].value).map { .uniform(bound: $0) }
    case .call(let name, let arguments) where name.text == "normal" && arguments.count == 1:
      initializer = evaluator.number(arguments[0].value).map { .normal(deviation: $0) }
    default: initializer = evaluator.number(expression).map { .constant($0) }
    }
    guard let initializer, initializer.isFinite else {
      report(.badInitializer(at: expression.range))
      return nil
    }
    return initializer
  }

  private mutating func checkInitialState(_ expression: Expression?, shape: [Int]) -> InitialState? {
    guard let expression else { return .given }
    if let number = evaluator.number(expression), number.isFinite { return .constant(number) }
    guard let node = check(expression) else { return nil }
    guard case .parameter(let path) = nodes[node.index].operation else {
      report(
        Diagnostic(
          "bad-initializer", "expected a parameter or a number", at: expression.range,
          notes: [
            Diagnostic.Note("a state starts from a learned 'param', a number, or what the caller gives")
          ]))
      return nil
    }
    guard type(node).shape == shape else {
      reportShape(
        .wrongType("the initial value", expected: shape.bracketed, found: type(node), at: expression.range))
      return nil
    }
    return .parameter(path)
  }

  // MARK: Definitions

  private mutating func checkDefinition(_ names: [DefinedName], _ value: Expression, at site: SourceRange) {
    if case .invalid = value.kind {
      hasFaults = true
      for name in names { assign(name, nil) }
      return
    }
    if names.count == 1, !names[0].isNext, makesInstance(value) {
      defineInstance(names[0].name, value)
      return
    }
    guard let values = checkValues(value) else {
      hasFaults = true
      for name in names { assign(name, nil) }
      return
    }
    if values.count != names.count {
      report(.valueCount(names: names.count, values: values.count, at: site))
    }
    for (index, name) in names.enumerated() {
      assign(name, values.count == names.count ? values[index] : nil)
    }
  }

  private mutating func assign(_ target: DefinedName, _ node: NodeID?) {
    if target.isNext {
      assignState(target.name, node)
    } else {
      define(target.name, node.map(Entity.value) ?? .faulty, kind: node == nil ? nil : "value")
    }
  }

  private mutating func assignState(_ name: Name, _ node: NodeID?) {
    guard let index = stateNumbers[name.text] else {
      if !unit.isIncomplete { reportNotAState(name.text, at: name.range) }
      return
    }
    if let old = states[index].next {
      report(.stateAssignedTwice(name, at: old.site))
      return
    }
    var node = node
    if let found = node.map(type), case .value(let state)? = scope.names[name.text]?.entity,
      !found.matches(type(state))
    {
      reportShape(
        .wrongType(
          "the next value of state '\(name.text)'", expected: type(state).step, found: found, at: name.range,
          notes: [Diagnostic.Note("the state is declared here", at: states[index].name.range)]))
      node = nil
    } else if let found = node.map(type), found.isSequence {
      report(.notOneStep("the next value of state '\(name.text)'", found, at: name.range))
      node = nil
    }
    setNext(ofState: index, node, at: name.range)
  }

  // MARK: Results

  private mutating func checkOutput(_ item: OutputItem) {
    let defaultName: String =
      switch item.value.kind {
      case .name(let name) where !name.hasPrefix("_"): name
      case .next(let name): name
      default: "output"
      }
    scope.equation = item.name?.text ?? defaultName
    guard let node = check(item.value) else {
      hasFaults = true
      return
    }
    if type(node).element == .mask {
      report(.notANumber(type(node), at: item.value.range))
      return
    }
    if !isModel, type(node).isSequence {
      report(.notOneStep("an output of a cell", type(node), at: item.value.range))
      return
    }
    let name = item.name?.text ?? defaultName
    // The outputs of a cell go by their order.
    if !isModel, item.name == nil {
      outputs.append(CheckedOutput(name: name, node: node))
      return
    }
    let site = item.name?.range ?? item.value.range
    guard takeOutputName(name, at: site, "output second = …") else { return }
    outputs.append(CheckedOutput(name: name, node: node))
  }
}

extension Initializer {
  fileprivate var isFinite: Bool {
    switch self {
    case .constant(let value): value.isFinite
    case .uniform(let bound): bound.isFinite && bound >= 0
    case .normal(let deviation): deviation.isFinite && deviation >= 0
    case .orthogonal: true
    }
  }
}
