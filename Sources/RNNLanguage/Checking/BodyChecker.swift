import RNNGraph
import RNNSupport

/// Checks the body of a cell or model for given sizes, and makes its nodes.
///
/// A value that could not be checked is nil, and what is computed from it is nil without a further report.
struct BodyChecker {
  /// What a name of the body means.
  enum Entity {
    case size(Int)
    case value(NodeID)
    case instance(Int)
    /// At fault, and reported.
    case faulty
  }

  struct Binding {
    let entity: Entity
    let site: SourceRange
    /// What a warning calls the name if nothing uses it, or nil for names that need no use.
    let kind: String?
  }

  /// The names in force: those of the body or, in a function that is written out, its parameters.
  struct Scope {
    var names: [String: Binding] = [:]
    var module: Int
    /// The calls that led here.
    var calls: [Diagnostic.Note] = []
    var functions: [DeclarationID] = []
  }

  struct State {
    let name: Name
    let shape: [Int]
    let initial: InitialState
    /// Whether its declaration is at fault, and reported.
    var isFaulty = false
    var next: (node: NodeID?, site: SourceRange)?
  }

  struct Instance {
    let name: Name
    let cell: CheckedCell
    /// The number of its first state among all states of the body.
    let firstState: Int
    var applications: [NodeID] = []
    /// Whether an application is in the text, be it at fault.
    var isApplied = false
  }

  let checker: Checker
  let unit: UnitDeclaration
  let sizes: [String: Int]
  /// For which sizes the body is checked, as a note of every fault that depends on them.
  private let sizesNote: [Diagnostic.Note]

  var scope: Scope
  /// Where names are defined that may not be in force yet.
  var definitions: [String: SourceRange] = [:]
  private var used: Set<String> = []
  private var work = 0

  var nodes: [CheckedNode] = []
  var parameters: [CheckedParameter] = []
  /// Where each name that other programs use was given.
  var otherNameSites: [String: SourceRange] = [:]
  var inputs: [CheckedInput] = []
  var states: [State] = []
  var instances: [Instance] = []
  var outputs: [CheckedOutput] = []
  var outputSites: [String: SourceRange] = [:]
  var loss: (node: NodeID?, site: SourceRange)?
  /// The names of the lengths of the model's sequences, in the order of their declaration.
  var sequences: [String] = []
  /// Whether something of the body is missing from the result.
  var hasFaults = false
  /// The number of the body's own states.
  let ownStateCount: Int
  /// The number of all states, those of its instances included.
  var stateCount: Int

  init(_ checker: Checker, _ unit: UnitDeclaration, module: Int, sizes: [String: Int], origin: SourceRange?) {
    self.checker = checker
    self.unit = unit
    self.sizes = sizes
    let list = unit.sizes.compactMap { size in sizes[size.name.text].map { "\(size.name.text) = \($0)" } }
    sizesNote =
      list.isEmpty
      ? []
      : [
        Diagnostic.Note(
          "in \(unit.kind.rawValue) '\(unit.name.text)' with \(list.joined(separator: ", "))", at: origin)
      ]
    scope = Scope(module: module)
    ownStateCount = unit.statements.reduce(0) { count, statement in
      guard case .declaration(.state, let groups, _) = statement.kind else { return count }
      return count + groups.reduce(0) { $0 + $1.names.count }
    }
    stateCount = ownStateCount
  }

  var isModel: Bool { unit.kind == .model }

  var evaluator: SizeEvaluator {
    // A closure cannot change the checker of bodies: whether a report was a fault is known by the missing result.
    let (checker, notes, isIncomplete) = (checker, scope.calls + sizesNote, unit.isIncomplete)
    return SizeEvaluator(sizes: scope.calls.isEmpty ? sizes : [:]) { diagnostic in
      if isIncomplete, diagnostic.id == "unknown-name" { return }
      checker.report(diagnostic.adding(notes))
    }
  }

  // MARK: Reports

  mutating func report(_ diagnostic: Diagnostic) {
    if diagnostic.level == .error { hasFaults = true }
    if diagnostic.level == .warning, checker.program.isLibrary(scope.module) { return }
    checker.report(diagnostic.adding(scope.calls))
  }

  /// Reports a fault that depends on the sizes, of which a note tells.
  @discardableResult
  mutating func reportShape(_ diagnostic: Diagnostic) -> NodeID? {
    report(diagnostic.adding(sizesNote))
    return nil
  }

  // MARK: Nodes

  mutating func add(_ operation: CheckedOperation, _ type: ValueType, at site: SourceRange) -> NodeID? {
    add(operation, [], type, at: site)
  }

  mutating func add(
    _ operation: CheckedOperation, _ operands: [NodeID], _ type: ValueType, at site: SourceRange
  ) -> NodeID? {
    guard reserve() else { return nil }
    if let number = number(operation, operands) {
      nodes.append(CheckedNode(operation: .literal(number), operands: [], type: type, site: site))
    } else {
      nodes.append(CheckedNode(operation: operation, operands: operands, type: type, site: site))
    }
    return NodeID(index: nodes.count - 1)
  }

  /// Makes room for a node or for a function that is written out; false, after a report, if the body is too large.
  mutating func reserve() -> Bool {
    work += 1
    if work <= Checker.bodyLimit { return true }
    hasFaults = true
    if work == Checker.bodyLimit + 1 { checker.report(.tooManyOperations(unit)) }
    return false
  }

  func type(_ node: NodeID) -> ValueType { nodes[node.index].type }

  /// The number that a node is, if it is known when compiling.
  func number(_ node: NodeID) -> Double? {
    if case .literal(let number) = nodes[node.index].operation { number } else { nil }
  }

  /// What an operation gives whose operands are known when compiling.
  private func number(_ operation: CheckedOperation, _ operands: [NodeID]) -> Double? {
    guard let first = operands.first.flatMap(number), let last = operands.last.flatMap(number) else {
      return nil
    }
    return switch operation {
    case .unary(.negate): -first
    case .unary(.sqrt): first.squareRoot()
    case .binary(.add): first + last
    case .binary(.subtract): first - last
    case .binary(.multiply): first * last
    case .binary(.divide): first / last
    default: nil
    }
  }

  // MARK: Names

  /// Defines a name; a second definition is reported and changes nothing.
  mutating func define(_ name: Name, _ entity: Entity, kind: String?) {
    if name.text == "_" { return }
    if let old = scope.names[name.text] {
      if states.contains(where: { $0.name.text == name.text }) {
        report(.assignedWithoutPrime(name))
      } else {
        report(.redefinition(name.text, at: name.range, of: old.site))
      }
      return
    }
    scope.names[name.text] = Binding(entity: entity, site: name.range, kind: kind)
  }

  /// What a name means, or nil after a report.
  mutating func lookup(_ name: String, at site: SourceRange) -> Entity? {
    if let binding = scope.names[name] {
      used.insert(name)
      if case .faulty = binding.entity { return nil }
      return binding.entity
    }
    if scope.calls.isEmpty, let definition = definitions[name] {
      report(.usedBeforeDefinition(name, at: site, definedAt: definition))
    } else if checker.program.lookup(name, in: scope.module) != nil || Builtin(rawValue: name) != nil {
      report(
        .notAValue(name, "a function or cell", at: site, hint: "apply it to arguments: \(name)(…)"))
    } else if !unit.isIncomplete {
      report(.unknownName(name, "name", at: site, among: Array(scope.names.keys) + definitions.keys))
    }
    hasFaults = true
    return nil
  }

  func isUsed(_ name: String) -> Bool { used.contains(name) }

  // MARK: The whole body

  /// Checks the body; nil after a report of an error.
  mutating func run() -> CheckedCell? {
    collectDefinitions()
    for size in unit.sizes {
      guard let value = sizes[size.name.text] else { continue }
      define(size.name, .size(value), kind: nil)
    }
    for statement in unit.statements { check(statement) }
    let nextStates = checkStates()
    if !unit.isIncomplete { checkCompleteness() }
    guard !hasFaults, !unit.isIncomplete else { return nil }
    let result = CheckedCell(
      name: unit.name.text, sizes: sizes, parameters: parameters, inputs: inputs, states: allStates(),
      instances: instances.map { CheckedInstance(name: $0.name.text, cell: $0.cell) }, nodes: nodes,
      nextStates: nextStates, outputs: outputs, loss: loss?.node)
    if isModel, result.isRandom, let taken = scope.names["seed"] {
      report(.seedTaken(at: taken.site))
      return nil
    }
    if result.weight > Checker.weightLimit {
      report(.tooManyOperations(unit))
      return nil
    }
    return result
  }

  /// Notes where each name is first defined, to tell a name used too early from an unknown one.
  private mutating func collectDefinitions() {
    for statement in unit.statements {
      let names: [Name]
      switch statement.kind {
      case .declaration(_, let groups, _): names = groups.flatMap(\.names)
      case .definition(let defined, _): names = defined.filter { !$0.isNext }.map(\.name)
      case .output, .loss: names = []
      }
      for name in names where definitions[name.text] == nil { definitions[name.text] = name.range }
    }
  }

  /// The states of the body and of its instances; those of an instance go by their path.
  private func allStates() -> [CheckedState] {
    let own = states.map { CheckedState(name: $0.name.text, shape: $0.shape, initial: $0.initial) }
    guard !isModel else { return own }
    return own
      + instances.flatMap { instance in
        instance.cell.states.map { state in
          var initial = state.initial
          if case .parameter(let path) = initial { initial = .parameter("\(instance.name.text).\(path)") }
          return CheckedState(
            name: "\(instance.name.text).\(state.name)", shape: state.shape, initial: initial)
        }
      }
  }

  /// The next values of all states of a cell; reports those that have none.
  private mutating func checkStates() -> [NodeID] {
    guard !isModel, !unit.isIncomplete else { return [] }
    var next: [NodeID] = []
    for state in states {
      if let assigned = state.next {
        if let node = assigned.node { next.append(node) } else { hasFaults = true }
      } else if !state.isFaulty {
        report(.stateNeverAssigned(state.name))
      }
    }
    for instance in instances where !instance.cell.states.isEmpty {
      guard let application = instance.applications.first else {
        if !instance.isApplied { report(.neverApplied(instance.name.text, at: instance.name.range)) }
        continue
      }
      for (index, state) in instance.cell.states.enumerated() {
        let type = ValueType(state.shape, .example)
        let node = add(.nextState(index), [application], type, at: nodes[application.index].site)
        if let node { next.append(node) }
      }
    }
    return next
  }

  private mutating func checkCompleteness() {
    let hasOutput = unit.statements.contains { statement in
      switch statement.kind {
      case .output: true
      case .loss: isModel
      case .declaration, .definition: false
      }
    }
    if !hasOutput { report(.missingOutput(unit)) }
    let hasInput = unit.statements.contains { statement in
      if case .declaration(.input, _, _) = statement.kind { true } else { false }
    }
    if isModel, !hasInput { report(.missingInput(unit)) }
    // What is at fault may hide uses.
    if hasFaults { return }
    for (name, binding) in scope.names.sorted(by: { $0.key < $1.key }) {
      guard let kind = binding.kind, !name.hasPrefix("_"), !isUsed(name) else { continue }
      report(.unusedName(name, kind, at: binding.site))
    }
  }
}
