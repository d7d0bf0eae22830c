import RNNSupport

/// Checks the units of a program for given sizes, each unit once for the same sizes.
final class Checker {
  private struct Key: Hashable {
    let declaration: DeclarationID
    let sizes: [String: Int]
  }

  let program: Program
  var diagnostics = DiagnosticSet()
  /// The functions that `FunctionChecker` found at fault; calls of them are no further faults.
  var faultyFunctions: Set<DeclarationID> = []
  private var checked: [Key: CheckedCell?] = [:]
  private var chain: [DeclarationID] = []
  private var isNestedTooDeeply = false
  /// The cell that is being checked for sizes that are made up, since no model uses it, and one of these sizes.
  private var unusedCell: (name: String, size: String)?
  private var reached: Set<DeclarationID> = []

  /// The most nodes of a program that are made before it is refused.
  static let weightLimit = 1_000_000
  /// The most nodes and calls of functions in the body of one unit.
  static let bodyLimit = 50_000
  /// The most cells inside of each other: bounds the recursion of everything that walks them.
  static let nestingLimit = 128
  /// The most levels of an expression, functions written out: bounds the recursion of the walk over it.
  static let depthLimit = 512

  init(_ program: Program) {
    self.program = program
    diagnostics.report(program.diagnostics)
    FunctionChecker(self).run()
  }

  func report(_ diagnostic: Diagnostic) { diagnostics.report(diagnostic) }

  /// The names among which the one at `site` may have been meant; none if the report of it is not shown, since to
  /// compare with all names takes time.
  func names(
    forReportAt site: SourceRange, of id: String = "unknown-name", _ names: () -> [String]
  ) -> [String] {
    diagnostics.wantsError(id, at: site) ? names() : []
  }

  /// Checks models with the sizes that the user set, of which each model takes those that it has.
  @discardableResult
  func check(models ids: [DeclarationID], given: [String: Int]) -> [CheckedCell?] {
    let units = ids.compactMap { id -> (DeclarationID, UnitDeclaration)? in
      if case .unit(let unit) = program[id] { (id, unit) } else { nil }
    }
    for name in given.keys.sorted() {
      let isKnown = units.contains { $0.1.sizes.contains { $0.name.text == name } }
      if !isKnown, let unit = units.first?.1 { report(.unknownSize(name, of: unit)) }
    }
    return units.map { id, unit in
      defaultSizes(unit, given: given).flatMap { check(id, unit, sizes: $0, origin: nil) }
    }
  }

  /// Checks the user's cells that no checked model uses, with sizes made up where they have no default.
  func checkUnreached() {
    for id in program.userDeclarations where !reached.contains(id) {
      guard case .unit(let unit) = program[id], !reached.contains(id) else { continue }
      // Sizes with many divisors, far apart, so that a wrong shape shows and a right division goes through.
      var given: [String: Int] = [:]
      for (index, size) in unit.sizes.enumerated() where size.defaultValue == nil {
        given[size.name.text] = 120 * (index + 2)
      }
      unusedCell = unit.sizes.first { $0.defaultValue == nil }.map { (unit.name.text, $0.name.text) }
      _ = defaultSizes(unit, given: given).flatMap { check(id, unit, sizes: $0, origin: nil) }
      unusedCell = nil
    }
  }

  /// A note that tells for which sizes a unit is checked; nothing for a unit without sizes.
  func sizesNote(
    _ unit: UnitDeclaration, _ sizes: [String: Int], at origin: SourceRange?
  ) -> [Diagnostic.Note] {
    let list = unit.sizes.compactMap { size in sizes[size.name.text].map { "\(size.name.text) = \($0)" } }
    guard !list.isEmpty else { return [] }
    let place = "in \(unit.kind.rawValue) '\(unit.name.text)' with \(list.joined(separator: ", "))"
    guard let unusedCell else { return [Diagnostic.Note(place, at: origin)] }
    let (name, size) = unusedCell
    return [
      Diagnostic.Note("\(place), made up since no model uses '\(name)'", at: origin),
      Diagnostic.Note("a default in '\(name)', such as \(size) = 64, would be used instead"),
    ]
  }

  /// The sizes of a unit: those given, then the defaults; nil after a report.
  private func defaultSizes(_ unit: UnitDeclaration, given: [String: Int]) -> [String: Int]? {
    var sizes: [String: Int] = [:]
    var isComplete = true
    for size in unit.sizes {
      var value = given[size.name.text]
      if value == nil {
        if let expression = size.defaultValue {
          value = evaluator(sizes, sizesNote(unit, sizes, at: nil)).integer(expression)
        } else {
          report(.missingSize(size.name, of: unit))
        }
      }
      guard let value else {
        isComplete = false
        continue
      }
      isComplete = define(size, value, in: &sizes, at: size.name.range) && isComplete
    }
    return isComplete ? sizes : nil
  }

  /// Makes an instance of a cell with sizes from the arguments of its call; nil after a report.
  func instantiate(
    _ id: DeclarationID, _ unit: UnitDeclaration, _ call: Name, _ arguments: [Argument],
    sizes outer: [String: Int], _ notes: [Diagnostic.Note]
  ) -> CheckedCell? {
    guard unit.kind == .cell else {
      report(.modelInside(unit.name.text, at: call.range))
      return nil
    }
    if let start = chain.firstIndex(of: id) {
      let names = (chain[start...] + [id]).compactMap { program[$0].name?.text }
      report(.recursion("cell", names, at: call.range))
      return nil
    }
    guard chain.count < Self.nestingLimit else {
      reportNesting(unit, at: call.range)
      return nil
    }
    // Its sizes are among what could not be read.
    if unit.isIncomplete, unit.sizes.isEmpty { return nil }
    let outside = evaluator(outer, notes)
    let positional = arguments.filter { $0.label == nil }
    let signature = "\(unit.name.text)(\(unit.sizes.map(\.name.text).joined(separator: ", ")))"
    if positional.count > unit.sizes.count {
      report(
        .argumentCount(
          signature, expected: unit.sizes.count...unit.sizes.count, found: arguments.count, at: call.range))
      return nil
    }
    var given: [String: Int] = [:]
    var isComplete = true
    func give(_ name: String, _ value: Expression) {
      guard let number = outside.size(value) else {
        isComplete = false
        return
      }
      given[name] = number
    }
    for (size, argument) in zip(unit.sizes, positional) { give(size.name.text, argument.value) }
    for argument in arguments {
      guard let label = argument.label else { continue }
      if unit.sizes.contains(where: { $0.name.text == label.text }), given[label.text] == nil {
        give(label.text, argument.value)
      } else {
        report(
          .unknownLabel(label, notes: [Diagnostic.Note("the sizes are \(signature)", at: unit.name.range)]))
        isComplete = false
      }
    }
    guard isComplete else { return nil }
    var sizes: [String: Int] = [:]
    for size in unit.sizes {
      let value =
        given[size.name.text]
        ?? size.defaultValue.flatMap {
          evaluator(sizes, sizesNote(unit, sizes, at: call.range)).integer($0)
        }
      guard let value else {
        if size.defaultValue == nil { report(.missingSizeArgument(size.name, of: unit, at: call.range)) }
        return nil
      }
      guard define(size, value, in: &sizes, at: size.name.range) else { return nil }
    }
    guard let cell = check(id, unit, sizes: sizes, origin: call.range) else { return nil }
    guard chain.count + cell.depth <= Self.nestingLimit else {
      reportNesting(unit, at: call.range)
      return nil
    }
    return cell
  }

  /// Reports cells inside of each other that are too many, once: each that holds one of them is at fault, too.
  private func reportNesting(_ unit: UnitDeclaration, at site: SourceRange) {
    if !isNestedTooDeeply { report(.cellsTooDeep(unit.name.text, at: site)) }
    isNestedTooDeeply = true
  }

  private func define(
    _ size: SizeParameter, _ value: Int, in sizes: inout [String: Int], at site: SourceRange
  )
    -> Bool
  {
    let name = size.name.text
    if sizes[name] != nil {
      report(.redefinition(name, at: size.name.range, of: nil))
      return false
    }
    guard value > 0, value <= SizeEvaluator.limit else {
      report(value > 0 ? .tooLarge(at: site) : .notPositive(value, at: site, name: name))
      return false
    }
    sizes[name] = value
    return true
  }

  private func check(_ id: DeclarationID, _ unit: UnitDeclaration, sizes: [String: Int], origin: SourceRange?)
    -> CheckedCell?
  {
    let key = Key(declaration: id, sizes: sizes)
    if let known = checked[key] { return known }
    reached.insert(id)
    chain.append(id)
    var body = BodyChecker(self, unit, module: id.module, sizes: sizes, origin: origin)
    let cell = body.run()
    chain.removeLast()
    checked[key] = .some(cell)
    return cell
  }

  private func evaluator(_ sizes: [String: Int], _ notes: [Diagnostic.Note]) -> SizeEvaluator {
    SizeEvaluator(sizes: sizes) { [self] in report($0.adding(notes)) }
  }
}
