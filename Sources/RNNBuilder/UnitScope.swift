import RNNLanguage
import RNNSupport
import Synchronization

/// What the closure of a cell or model declares in: sizes, parameters, inputs, instances and outputs.
public class UnitScope {
  let kind: UnitDeclaration.Kind
  let name: String
  let place: Place
  private(set) var sizes: [SizeParameter] = []
  private(set) var steps: [Step] = []
  private(set) var faults = DiagnosticSet()
  /// Names that something else of the unit has: none that is made up may be equal to one of them.
  private(set) var names: Set<String> = []
  /// How often each instance was applied.
  final var applicationCounts: [String: Int] = [:]
  private var isOpen = true
  /// Units that are described inside of others have greater numbers.
  private let number = UnitScope.count.add(1, ordering: .relaxed).newValue
  private static let count = Atomic(0)

  init(_ kind: UnitDeclaration.Kind, _ name: String, _ place: Place) {
    self.kind = kind
    self.name = name
    self.place = place
    requireName(name, "a \(kind.rawValue)", place)
  }

  /// Ends the description; what is written down later has no effect.
  func close() -> UnitDescription {
    isOpen = false
    var writer = StatementWriter(steps, names: names)
    return UnitDescription(
      kind: kind, name: name, place: place, sizes: sizes, statements: writer.run(), names: names,
      faults: faults)
  }

  // MARK: Declarations

  /// Declares a size, which the one who makes an instance or compiles the model chooses.
  ///
  /// - Parameter value: what it is if nothing is chosen; it can be made of sizes declared before.
  public final func size(
    _ name: String, default value: Size? = nil, fileID: String = #fileID, line: Int = #line
  ) -> Size {
    let place = Place(fileID, line)
    declare(name, "a size", place)
    sizes.append(SizeParameter(name, default: value.map { expression($0, place) }))
    return Size(Expression(.name(name)), [self])
  }

  /// Declares a parameter: a number, vector or matrix that is learned.
  ///
  /// - Parameter other: what other programs call it, such as the entries of their `state_dict`.
  public final func param(
    _ name: String, as other: String? = nil, _ shape: [Size], _ initial: InitialValue,
    fileID: String = #fileID, line: Int = #line
  ) -> Value {
    let place = Place(fileID, line)
    if let other { requireName(other, "a parameter", place) }
    for size in initial.sizes { _ = expression(size, place) }
    return declare(.param, name, as: other, tensor(shape, place), initial: initial.expression, place)
  }

  /// Declares a constant: numbers that are known when the model is compiled, and that no training changes.
  ///
  /// - Parameter value: one number for all elements, `.numbers`, a draw such as `.normal(0.1, seed: 3)`, or a `.tensor` of a
  ///   file.
  public final func const(
    _ name: String, _ shape: [Size], _ value: Size, fileID: String = #fileID, line: Int = #line
  ) -> Value {
    const(name, [], shape, value, Place(fileID, line))
  }

  /// Declares a constant vector by the formula of the element at a place, which counts from 0.
  public final func const(
    _ name: String, _ shape: [Size], fileID: String = #fileID, line: Int = #line, _ value: (Size) -> Size
  ) -> Value {
    let index = freeIndex("i")
    return const(name, [index], shape, value(self.index(index)), Place(fileID, line))
  }

  /// Declares a constant matrix by the formula of the element in a row and a column, which count from 0.
  public final func const(
    _ name: String, _ shape: [Size], fileID: String = #fileID, line: Int = #line,
    _ value: (Size, Size) -> Size
  ) -> Value {
    let (row, column) = (freeIndex("i"), freeIndex("j"))
    return const(name, [row, column], shape, value(index(row), index(column)), Place(fileID, line))
  }

  private func const(
    _ name: String, _ indices: [String], _ shape: [Size], _ value: Size, _ place: Place
  ) -> Value {
    let initial = expression(value, place)
    return declare(.const, name, indices: indices, tensor(shape, place), initial: initial, place)
  }

  private func index(_ name: String) -> Size { Size(Expression(.name(name)), [self]) }

  /// A name for an index that nothing else has so far.
  private func freeIndex(_ name: String) -> String {
    names.contains(name) ? freeIndex("_\(name)") : name
  }

  /// Declares what a cell is applied to, in the order of its inputs, or the data of a model.
  public final func input(
    _ name: String, _ type: InputType, fileID: String = #fileID, line: Int = #line
  ) -> Value {
    let place = Place(fileID, line)
    return declare(.input, name, syntax(type, place), place)
  }

  /// Makes an instance of a cell, with parameters of its own under its name.
  ///
  /// - Parameters:
  ///   - sizes: the cell's sizes in the order of their declaration; those that have a default can be left out.
  ///   - named: further sizes by their names.
  ///   - heads: how many copies of the cell stand side by side, each with parameters and states of its own; `[n, m]` for
  ///     n copies of m copies.
  public final func instance(
    _ name: String, of cell: Cell, _ sizes: Size..., named: KeyValuePairs<String, Size> = [:],
    heads: [Size] = [], fileID: String = #fileID, line: Int = #line
  ) -> Instance {
    let place = Place(fileID, line)
    declare(name, "an instance", place)
    if Words.functions.contains(name) {
      report(
        "an instance cannot have the name of the function '\(name)'", place, note: "choose another name")
    }
    for diagnostic in cell.ownFaults { faults.report(diagnostic) }
    for (label, _) in named { requireName(label, "a size", place) }
    let arguments =
      sizes.map { Argument(expression($0, place)) } + named.map { Argument(expression($1, place), label: $0) }
    if cell.depth >= Words.nestingLimit {
      report(
        "cells are inside of each other too deeply", place,
        note:
          "at most \(Words.nestingLimit) levels fit; many layers are instances beside each other in one cell")
    } else {
      let counts = heads.map { expression($0, place) }
      append(
        Step(.instance(MadeInstance(name: name, cell: cell, arguments: arguments, heads: counts)), place))
    }
    return Instance(name: name, scope: self)
  }

  /// Says what an application of the cell gives, or what the model puts out.
  public final func output(_ values: Value..., fileID: String = #fileID, line: Int = #line) {
    act(values, Place(fileID, line)) { .output($0.map { OutputItem($0) }) }
  }

  final func declare(
    _ role: DeclarationRole, _ name: String, as other: String? = nil, indices: [String] = [],
    _ type: TypeSyntax, initial: Expression? = nil, _ place: Place
  ) -> Value {
    declare(name, "\(role == .input ? "an" : "a") \(role.rawValue)", place)
    let group = DeclarationGroup(name, otherName: other, indices: indices, type)
    append(Step(.declaration(.declaration(role, [group], initial: initial)), place))
    return Value(.written(Expression(.name(name))), self)
  }

  private func declare(_ name: String, _ what: String, _ place: Place) {
    requireName(name, what, place)
    names.insert(name)
  }

  // MARK: Types

  final func tensor(_ shape: [Size], _ place: Place) -> TypeSyntax {
    TypeSyntax(.tensor(shape.map { expression($0, place) }))
  }

  final func syntax(_ type: InputType, _ place: Place) -> TypeSyntax {
    let kind: TypeSyntax.Kind =
      switch type.element {
      case .tensor(let shape): .tensor(shape.map { expression($0, place) })
      case .token(let size): .token(expression(size, place))
      }
    for case let steps? in type.steps { requireName(steps, "a number of steps", place) }
    if type.steps.count > 1 {
      report("a sequence cannot hold sequences", place, note: "write .seq([H]) or .seq(.token(V))")
    }
    return TypeSyntax(kind, isSequence: !type.steps.isEmpty, length: type.steps.first ?? nil)
  }

  /// The expression of a number or of something declared, which may stand in a declaration.
  final func written(_ value: Value, _ what: String, _ place: Place) -> Expression {
    if let other = value.scope, other !== self { reportForeign("a value", of: other, place) }
    if case .written(let expression) = value.term { return expression }
    report("\(what) from a parameter or a number", place, note: "not from a computed value")
    return Expression(.invalid)
  }

  /// The expression of a size, which must be one of this unit.
  private func expression(_ size: Size, _ place: Place) -> Expression {
    if let other = size.scopes.first(where: { $0 !== self }) {
      reportForeign("a size", of: other, place)
    } else if size.isInvalid {
      reportUnreadable("a size", place)
    }
    return size.expression
  }

  // MARK: Steps

  /// Writes down a step that computes values.
  final func record(_ operands: [Value], results: Int, _ form: @escaping ([Expression]) -> Expression.Kind)
    -> [Value]
  {
    for operand in operands { checkNumber(operand, place) }
    let terms = operands.map(\.term)
    guard isOpen else { return Array(repeating: Value(.faulty, self), count: results) }
    append(Step(.operation(terms, results: Array(repeating: nil, count: results), form), nil))
    return (0..<results).map { Value(.computed(step: steps.count - 1, result: $0), self) }
  }

  /// Writes down a statement that computes nothing new.
  final func act(_ values: [Value], _ place: Place?, _ form: @escaping ([Expression]) -> Statement.Kind) {
    for value in values {
      checkNumber(value, place ?? self.place)
      if let other = value.scope, other !== self { reportForeign("a value", of: other, place ?? self.place) }
    }
    append(Step(.action(values.map(\.term), form), place))
  }

  private func append(_ step: Step) {
    if isOpen { steps.append(step) }
  }

  /// Gives the latest step a place.
  final func locateLatestStep(_ place: Place) {
    if isOpen, !steps.isEmpty { steps[steps.count - 1].place = place }
  }

  /// Gives a result of a step its name.
  final func name(_ value: Value, _ name: String, _ place: Place) {
    declare(name, "a value", place)
    switch value.term {
    case .computed(let step, let result):
      if case .operation(let operands, var results, let form) = steps[step].kind, results[result] == nil {
        results[result] = name
        steps[step].kind = .operation(operands, results: results, form)
        steps[step].place = place
      } else {
        report("the value already has a name", place, note: "call 'named' once")
      }
    case .written, .faulty:
      report("only a computed value can be named", place, note: "a declaration has its name already")
    }
  }

  // MARK: States

  final func next(of value: Value) -> Value {
    if case .written(let expression) = value.term {
      switch expression.kind {
      case .name(let name): return Value(.written(Expression(.next(name))), self)
      case .member(let instance, let name, isNext: false):
        return Value.compute([Value(.written(instance), self)]) { .member($0[0], name, isNext: true) }
      default: break
      }
    }
    report("only a state has a next value", place, note: "a state is declared by 'state' of a cell")
    return Value(.faulty, self)
  }

  final func assign(_ value: Value, toNextOf state: Value) {
    guard case .written(let expression) = state.term, case .name(let name) = expression.kind else {
      report(
        "only a state of the cell itself has a next value that is assigned", place,
        note: "a state is declared by 'state' of a cell")
      return
    }
    act([value], nil) { .definition([DefinedName(name, isNext: true)], $0[0]) }
  }

  // MARK: Faults

  final func report(_ message: String, _ place: Place, note: String) {
    faults.report(
      Diagnostic(
        "embedded", "in \(kind.rawValue) '\(name)': \(message)", at: nil,
        notes: [Diagnostic.Note(note), Diagnostic.Note("made at \(place)")]))
  }

  private func reportForeign(_ what: String, of other: UnitScope, _ place: Place) {
    report(
      "\(what) of \(other.kind.rawValue) '\(other.name)' is used", place,
      note: "hand it over: a cell has sizes and inputs, and instances that it makes itself")
  }

  /// Reports that one expression has values or sizes of several units, in the one that is being described.
  static func reportMixed(_ what: String, _ scopes: [UnitScope]) {
    guard let scope = scopes.filter(\.isOpen).max(by: { $0.number < $1.number }) else { return }
    for other in scopes where other !== scope { scope.reportForeign(what, of: other, scope.place) }
  }

  /// Reports a value of no unit that could not be made.
  private func checkNumber(_ value: Value, _ place: Place) {
    if case .faulty = value.term, value.scope == nil { reportUnreadable("a number", place) }
  }

  private func reportUnreadable(_ what: String, _ place: Place) {
    report(
      "\(what) is computed of numbers in too many steps", place, note: "let Swift compute it")
  }

  final func requireName(_ text: String, _ what: String, _ place: Place) {
    guard !Name.isValid(text) || text == "_" else { return }
    report(
      "'\(text)' cannot be the name of \(what)", place,
      note:
        "a name is made of letters a to z, digits and '_', does not start with a digit, and is none of "
        + Words.keywords.joined(separator: ", "))
  }
}
