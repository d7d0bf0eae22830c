import RNNLanguage
import RNNSupport

/// The source of models that edits make smaller. See Note [Reduction].
struct ReducibleSource: Reducible {
  let declarations: [Declaration]

  enum Edit {
    /// A declaration goes.
    case dropDeclaration(Int)
    /// A step of a cell stands in place of all models.
    case makeModel(Int)
    /// A size of a cell or a model goes.
    case dropSize(Int, Int)
    /// A statement of a cell or a model goes.
    case dropStatement(Int, Int)
    /// A name of a declaration, or an item of `output`, goes; counted through all groups.
    case dropName(Int, Int, Int)
    /// The first value of parameters or states goes.
    case dropInitial(Int, Int)
    /// An argument of a call, or an element of a tuple, goes.
    case dropArgument(expression: Int, Int)
    /// An expression becomes one of those directly inside.
    case child(expression: Int, Int)
    /// An expression becomes a number.
    case number(expression: Int, Double)
  }

  init(_ declarations: [Declaration]) { self.declarations = declarations }

  /// The declarations of a text; nil if it cannot be parsed.
  init?(text: String) {
    guard let file = try? Frontend().parse(SourceFile(name: "", text: text)) else { return nil }
    self.init(file.declarations)
  }

  var text: String { SyntaxFile(declarations).printed }

  /// Declarations, statements, names and expressions count most, and then the numbers.
  var cost: Int {
    var (parts, numbers) = (0, 0.0)
    for declaration in declarations {
      parts += 8
      guard case .unit(let unit) = declaration else { continue }
      parts += unit.sizes.count
      for statement in unit.statements { parts += 8 + statement.names + (statement.hasInitial ? 1 : 0) }
    }
    var scan = ExpressionRewriting { expression, _ in
      // A number is simpler than a name, which has to come from somewhere.
      if case .number(let value) = expression.kind {
        parts += 1
        numbers += min(abs(value), 1e6)
      } else {
        parts += 2
      }
      return nil
    }
    _ = scan.rewrite(declarations)
    return parts << 32 + Int(min(numbers * 16, 1e9))
  }

  static let stages = 12

  func edits(stage: Int) -> [Edit] {
    switch stage {
    case 0: declarations.indices.map { .dropDeclaration($0) }
    case 1: units { i, unit in unit.kind == .cell ? [.makeModel(i)] : [] }
    case 2: statements { unit, place, _ in [.dropStatement(unit, place)] }
    case 3: statements { unit, place, statement in statement.hasInitial ? [.dropInitial(unit, place)] : [] }
    case 4:
      statements { unit, place, statement in
        statement.names > 1 ? (0..<statement.names).map { .dropName(unit, place, $0) } : []
      }
    case 5: units { i, unit in unit.sizes.indices.map { .dropSize(i, $0) } }
    case 6...8:
      expressions { id, expression in
        expression.kind.children.count > stage - 6 ? [.child(expression: id, stage - 6)] : []
      }
    case 9:
      expressions { id, expression in
        if case .call(_, let arguments) = expression.kind {
          return arguments.indices.map { .dropArgument(expression: id, $0) }
        }
        guard case .tuple(let elements) = expression.kind, elements.count > 2 else { return [] }
        return elements.indices.map { .dropArgument(expression: id, $0) }
      }
    case 10:
      expressions { id, expression in
        if case .number = expression.kind { [] } else { [.number(expression: id, 1)] }
      }
    default:
      expressions { id, expression in
        guard case .number(let value) = expression.kind, abs(value) > 2, value == value.rounded() else {
          return []
        }
        return [.number(expression: id, 2)]
      }
    }
  }

  func applying(_ edits: [Edit]) -> ReducibleSource? {
    let changes = Changes(edits)
    var rewriting = ExpressionRewriting { expression, id in changes.replacement(of: expression, id) }
    let rewritten = rewriting.rewrite(declarations)
    let kept = rewritten.enumerated().compactMap { changes.applied(to: $1, $0) }
    // What is printed must be what is meant.
    return ReducibleSource(text: SyntaxFile(kept).printed)
  }

  private func units(_ edits: (Int, UnitDeclaration) -> [Edit]) -> [Edit] {
    declarations.enumerated().flatMap { i, declaration -> [Edit] in
      if case .unit(let unit) = declaration { edits(i, unit) } else { [] }
    }
  }

  private func statements(_ edits: (Int, Int, Statement) -> [Edit]) -> [Edit] {
    units { i, unit in unit.statements.enumerated().flatMap { edits(i, $0, $1) } }
  }

  private func expressions(_ edits: @escaping (Int, Expression) -> [Edit]) -> [Edit] {
    var found: [Edit] = []
    var scan = ExpressionRewriting { expression, id in
      found += edits(id, expression)
      return nil
    }
    _ = scan.rewrite(declarations)
    return found
  }
}

/// Edits that are made together.
private struct Changes {
  private struct Place: Hashable {
    let unit: Int
    let statement: Int
  }

  private(set) var declarations: Set<Int> = []
  /// The cell that becomes the model.
  private var model: Int?
  private var sizes: [Int: Set<Int>] = [:]
  private var statements: Set<Place> = []
  private var initials: Set<Place> = []
  private var names: [Place: Set<Int>] = [:]
  private var arguments: [Int: Set<Int>] = [:]
  private var expressions: [Int: ReducibleSource.Edit] = [:]

  init(_ edits: [ReducibleSource.Edit]) {
    for edit in edits { note(edit) }
  }

  private mutating func note(_ edit: ReducibleSource.Edit) {
    switch edit {
    case .dropDeclaration(let declaration): declarations.insert(declaration)
    case .makeModel(let cell): model = cell
    case .dropSize(let unit, let place): sizes[unit, default: []].insert(place)
    case .dropStatement(let unit, let place): statements.insert(Place(unit: unit, statement: place))
    case .dropInitial(let unit, let place): initials.insert(Place(unit: unit, statement: place))
    case .dropName(let unit, let place, let name):
      names[Place(unit: unit, statement: place), default: []].insert(name)
    case .dropArgument(let id, let place): arguments[id, default: []].insert(place)
    case .child(let id, _), .number(let id, _): expressions[id] = edit
    }
  }

  /// What stands in place of an expression whose inner ones are replaced already; nil for itself.
  func replacement(of expression: Expression, _ id: Int) -> Expression? {
    if case .child(_, let place) = expressions[id] { return expression.kind.children[place] }
    if case .number(_, let number) = expressions[id] { return Expression(.number(number)) }
    guard let dropped = arguments[id] else { return nil }
    func kept<Item>(_ items: [Item]) -> [Item] {
      items.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
    }
    if case .call(let name, let arguments) = expression.kind {
      return Expression(.call(name, kept(arguments)))
    }
    guard case .tuple(let elements) = expression.kind else { return nil }
    let rest = kept(elements)
    return rest.count == 1 ? rest[0] : Expression(.tuple(rest))
  }

  /// What is left of a declaration; nil if nothing is.
  func applied(to declaration: Declaration, _ place: Int) -> Declaration? {
    if declarations.contains(place) { return nil }
    guard case .unit(let unit) = declaration else { return declaration }
    if model != nil, unit.kind == .model { return nil }
    let kept = unit.statements.enumerated().compactMap { i, statement -> Statement? in
      let place = Place(unit: place, statement: i)
      if statements.contains(place) { return nil }
      return statement.dropping(names[place] ?? [], initial: initials.contains(place))
    }
    let dropped = sizes[place] ?? []
    let sizes = unit.sizes.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
    let isModel = model == place
    let new = UnitDeclaration(
      isModel ? .model : unit.kind, unit.name.text, isModel ? sizes.map(\.withDefault) : sizes, kept)
    return isModel ? Self.step(of: new) : .unit(new)
  }

  /// A step of a cell on its own: what its states are before and after it are inputs and values.
  private static func step(of unit: UnitDeclaration) -> Declaration {
    func after(_ state: String) -> String { "\(state)_next" }
    let statements = unit.statements.map { statement -> Statement in
      if case .declaration(.state, let groups, _) = statement.kind {
        return Statement(.declaration(.input, groups, initial: nil))
      }
      guard case .definition(let names, let value) = statement.kind else { return statement }
      return Statement(
        .definition(names.map { $0.isNext ? DefinedName(after($0.name.text)) : $0 }, value))
    }
    var rewriting = ExpressionRewriting { expression, _ in
      if case .next(let state) = expression.kind { Expression(.name(after(state))) } else { nil }
    }
    return rewriting.rewrite([.unit(UnitDeclaration(unit.kind, unit.name.text, unit.sizes, statements))])[0]
  }
}

extension SizeParameter {
  fileprivate var withDefault: SizeParameter { with(defaultValue ?? Expression(.number(2))) }
}

extension Statement {
  /// The number of names that it declares, defines or gives out.
  fileprivate var names: Int {
    switch kind {
    case .declaration(_, let groups, _): groups.reduce(0) { $0 + $1.names.count }
    case .definition(let names, _): names.count
    case .output(let items): items.count
    case .loss, .measure: 0
    }
  }

  fileprivate var hasInitial: Bool {
    if case .declaration(_, _, .some) = kind { true } else { false }
  }

  /// The statement without some of its names; nil if none is left.
  fileprivate func dropping(_ dropped: Set<Int>, initial: Bool) -> Statement? {
    if dropped.isEmpty, !initial { return self }
    func kept<Item>(_ items: [Item], from first: Int = 0) -> [Item] {
      items.enumerated().filter { !dropped.contains(first + $0.offset) }.map(\.element)
    }
    switch kind {
    case .declaration(let role, let groups, let value):
      var first = 0
      let rest = groups.compactMap { group -> DeclarationGroup? in
        let names = kept(group.names, from: first)
        first += group.names.count
        return names.isEmpty ? nil : group.with(names: names)
      }
      return rest.isEmpty ? nil : Statement(.declaration(role, rest, initial: initial ? nil : value))
    case .definition(let names, let value):
      let rest = kept(names)
      return rest.isEmpty ? nil : Statement(.definition(rest, value))
    case .output(let items):
      let rest = kept(items)
      return rest.isEmpty ? nil : Statement(.output(rest))
    case .loss, .measure: return self
    }
  }
}

/// A walk over all expressions of a file in the order of the text, which numbers them and may replace each.
private struct ExpressionRewriting {
  private let replace: (Expression, Int) -> Expression?
  private var count = 0

  init(_ replace: @escaping (Expression, Int) -> Expression?) { self.replace = replace }

  mutating func rewrite(_ declarations: [Declaration]) -> [Declaration] {
    declarations.map { declaration in
      switch declaration {
      case .importation: return declaration
      case .function(let function):
        return .function(
          FunctionDeclaration(function.name, function.parameters, rewrite(function.body)))
      case .unit(let unit):
        let sizes = unit.sizes.map { $0.with($0.defaultValue.map { rewrite($0) }) }
        return .unit(
          UnitDeclaration(unit.kind, unit.name.text, sizes, unit.statements.map { rewrite($0) }))
      }
    }
  }

  private mutating func rewrite(_ statement: Statement) -> Statement {
    switch statement.kind {
    case .declaration(let role, let groups, let initial):
      let groups = groups.map { $0.with(type: rewrite($0.type)) }
      return Statement(.declaration(role, groups, initial: initial.map { rewrite($0) }))
    case .definition(let names, let value): return Statement(.definition(names, rewrite(value)))
    case .output(let items): return Statement(.output(items.map { $0.with(rewrite($0.value)) }))
    case .loss(let item): return Statement(.loss(item.mapping { rewrite($0) }))
    case .measure(let item): return Statement(.measure(item.mapping { rewrite($0) }))
    }
  }

  private mutating func rewrite(_ type: TypeSyntax) -> TypeSyntax {
    switch type.kind {
    case .tensor(let extents): type.with(.tensor(extents.map { rewrite($0) }))
    case .token(let extent): type.with(.token(rewrite(extent)))
    case .invalid: type
    }
  }

  private mutating func rewrite(_ expression: Expression) -> Expression {
    let id = count
    count += 1
    let children = expression.kind.children.map { rewrite($0) }
    let new = Expression(expression.kind.replacingChildren(children))
    return replace(new, id) ?? new
  }
}
