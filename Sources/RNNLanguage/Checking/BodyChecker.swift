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
    /// What is being defined: a name or, in a function that is written out, its name.
    var equation = ""
    /// The places of the innermost calls that led here, the innermost first.
    var callPlaces: [SourcePlace] = []
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
    let checked: CheckedInstance
    /// The number of its first state among all states of the body.
    let firstState: Int
    var applications: [NodeID] = []
    /// Whether an application is in the text, be it at fault.
    var isApplied = false

    var cell: CheckedCell { checked.cell }
  }

  let checker: Checker
  let unit: UnitDeclaration
  let sizes: [String: Int]
  /// For which sizes the body is checked, as a note of every fault that depends on them.
  let sizesNote: [Diagnostic.Note]

  var scope: Scope
  /// Where names are defined that may not be in force yet.
  var definitions: [String: SourceRange] = [:]
  /// Where the next values of states are assigned.
  var nextDefinitions: [String: SourceRange] = [:]
  private var used: Set<String> = []
  private var work = 0
  /// The levels of the expression that is being checked, and of the calls that led to it.
  private var depth = 0

  var nodes: [CheckedNode] = []
  var parameters: [CheckedParameter] = []
  var constants: [CheckedConstant] = []
  /// Where each name that other programs use was given.
  var otherNameSites: [String: SourceRange] = [:]
  var inputs: [CheckedInput] = []
  private(set) var states: [State] = []
  /// Which of the states has a name.
  private(set) var stateNumbers: [String: Int] = [:]
  var instances: [Instance] = []
  var outputs: [CheckedOutput] = []
  var outputSites: [String: SourceRange] = [:]
  var losses: [CheckedMean] = []
  /// Where the losses are, those at fault too, and whether each has a name.
  var lossSites: [(site: SourceRange, isNamed: Bool)] = []
  var measures: [CheckedMean] = []
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
    sizesNote = checker.sizesNote(unit, sizes, at: origin)
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
    let (checker, notes, isIncomplete) = (checker, callNotes + sizesNote, unit.isIncomplete)
    return SizeEvaluator(sizes: scope.calls.isEmpty ? sizes : wholeParameters) { diagnostic in
      if isIncomplete, diagnostic.id == "unknown-name" { return }
      checker.report(diagnostic.adding(notes))
    }
  }

  /// The parameters of the function that is written out that stand for whole numbers: they can be sizes in it.
  private var wholeParameters: [String: Int] {
    scope.names.compactMapValues { binding in
      guard case .value(let node) = binding.entity, let value = number(node),
        let whole = Int(exactly: value), abs(whole) <= SizeEvaluator.limit
      else { return nil }
      return whole
    }
  }

  // MARK: Reports

  mutating func report(_ diagnostic: Diagnostic) {
    if diagnostic.level == .error { hasFaults = true }
    if diagnostic.level == .warning, checker.program.isLibrary(scope.module) { return }
    checker.report(diagnostic.adding(callNotes))
  }

  /// The calls that led here; of a long chain the ends.
  private var callNotes: [Diagnostic.Note] {
    let (calls, ends) = (scope.calls, 3)
    guard calls.count > 2 * ends + 1 else { return calls }
    return calls.prefix(ends) + [Diagnostic.Note("and \(calls.count - 2 * ends) calls between")]
      + calls.suffix(ends)
  }

  /// Reports a fault that depends on the sizes, of which a note tells.
  @discardableResult
  mutating func reportShape(_ diagnostic: Diagnostic) -> NodeID? {
    report(diagnostic.adding(sizesNote))
    return nil
  }

  /// Reports a prime behind what is no state.
  mutating func reportNotAState(_ name: String, at site: SourceRange) {
    let states = states
    let known = checker.names(forReportAt: site, of: "not-a-state") { states.map(\.name.text) }
    report(.notAState(name, at: site, states: known))
  }

  // MARK: Nodes

  mutating func add(_ operation: CheckedOperation, _ type: ValueType, at site: SourceRange) -> NodeID? {
    add(operation, [], type, at: site)
  }

  mutating func add(
    _ operation: CheckedOperation, _ operands: [NodeID], _ type: ValueType, at site: SourceRange
  ) -> NodeID? {
    guard reserve() else { return nil }
    guard type.shape.volume != nil else { return reportShape(.tooLarge(at: site)) }
    let number = number(operation, operands)
    nodes.append(
      CheckedNode(
        operation: number.map(CheckedOperation.literal) ?? operation, operands: number == nil ? operands : [],
        type: type, site: site, equation: scope.equation, calls: scope.callPlaces))
    return NodeID(index: nodes.count - 1)
  }

  /// Makes room for nodes or for a function that is written out; false, after a report, if the body is too large.
  mutating func reserve(_ count: Int = 1) -> Bool {
    let wasPossible = work <= Checker.bodyLimit
    work += count
    if work <= Checker.bodyLimit { return true }
    hasFaults = true
    if wasPossible { checker.report(.tooManyOperations(unit)) }
    return false
  }

  /// Runs a check one level further inside of an expression; nil, after a report, if there are too many.
  mutating func nested<Result>(at site: SourceRange, _ check: (inout BodyChecker) -> Result?) -> Result? {
    guard depth < Checker.depthLimit else {
      hasFaults = true
      checker.report(.tooDeep(at: scope.calls.last?.site ?? site))
      return nil
    }
    depth += 1
    defer { depth -= 1 }
    return check(&self)
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
    if case .unary(let function) = operation, [.negate, .sqrt].contains(function) {
      return function.evaluate(first)
    }
    guard case .binary(let function) = operation,
      [.add, .subtract, .multiply, .divide].contains(function)
    else { return nil }
    return function.evaluate(first, last)
  }

  // MARK: Names

  /// Defines a name; a second definition is reported and changes nothing.
  mutating func define(_ name: Name, _ entity: Entity, kind: String?) {
    if name.text == "_" { return }
    if let old = scope.names[name.text] {
      if stateNumbers[name.text] != nil {
        report(.assignedWithoutPrime(name))
      } else {
        report(.redefinition(name.text, at: name.range, of: old.site))
      }
      return
    }
    scope.names[name.text] = Binding(entity: entity, site: name.range, kind: kind)
  }

  /// Adds a state; of several with one name, the first counts.
  mutating func add(_ state: State) {
    if stateNumbers[state.name.text] == nil { stateNumbers[state.name.text] = states.count }
    states.append(state)
  }

  /// Sets the next value of a state.
  mutating func setNext(ofState number: Int, _ node: NodeID?, at site: SourceRange) {
    states[number].next = (node, site)
  }

  /// Whether nothing has a name, here or further on.
  func isUnknown(_ name: String) -> Bool {
    scope.names[name] == nil && name != "training" && definitions[name] == nil && !unit.isIncomplete
      && Builtin(rawValue: name) == nil
      && checker.program.lookup(name, in: scope.module) == nil
  }

  /// Whether neither the body nor the program gives a name a meaning.
  func isFree(_ name: String) -> Bool {
    scope.names[name] == nil && (!scope.calls.isEmpty || definitions[name] == nil)
      && checker.program.lookup(name, in: scope.module) == nil
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
      let (names, definitions) = (scope.names, definitions)
      let known = checker.names(forReportAt: site) { Array(names.keys) + definitions.keys }
      report(.unknownName(name, "name", at: site, among: known, hint: hint(forUnknown: name)))
    }
    hasFaults = true
    return nil
  }

  /// The way out for a name that nothing is near to.
  private func hint(forUnknown name: String) -> String {
    if !scope.calls.isEmpty { return "a function sees its parameters only" }
    return ForeignWords.hint(forOperator: name)
      ?? "a value is defined before it is used: \(name) = …"
      + (isModel
        ? "; data are declared by 'input \(name): …' or 'target \(name): …'"
        : "; what the caller gives is declared by 'input \(name): [H]'")
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
      name: unit.name.text, isLibrary: checker.program.isLibrary(scope.module), sizes: sizes,
      parameters: parameters, constants: constants, inputs: inputs, states: allStates(),
      instances: instances.map(\.checked),
      nodes: nodes, nextStates: nextStates, outputs: outputs, losses: losses, measures: measures)
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
      case .definition(let defined, _):
        names = defined.filter { !$0.isNext }.map(\.name)
        for next in defined where next.isNext && nextDefinitions[next.name.text] == nil {
          nextDefinitions[next.name.text] = next.name.range
        }
      case .output, .loss, .measure: names = []
      }
      for name in names where definitions[name.text] == nil { definitions[name.text] = name.range }
    }
  }
}
