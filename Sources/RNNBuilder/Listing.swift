import RNNLanguage
import RNNSupport

/// The units of a model as a file of the language.
struct Listing {
  private let model: UnitDescription
  /// The cells described in Swift, each behind those that it holds, and the model.
  private var units: [(unit: UnitDescription, name: String)] = []
  private var names: [ObjectIdentifier: String] = [:]
  private var takenNames: Set<String> = Set(Words.functions)
  private var namesOfTexts: [String: String] = [:]
  private var imports: [String] = []
  /// What is wrong with the units whatever the language makes of them.
  private(set) var faults = DiagnosticSet()

  init(_ model: UnitDescription) {
    self.model = model
    var visited: Set<ObjectIdentifier> = []
    survey(model, &visited)
    add(model)
  }

  /// The file as syntax.
  var syntax: SyntaxFile {
    SyntaxFile(
      imports.map { .importation(ImportDeclaration(path: $0)) } + units.map { .unit(declaration($0, $1)) })
  }

  /// The file as text, with the places where its lines were made.
  func source() -> SourceFile {
    let (name, text) = ("\(model.name) (Swift)", syntax.printed)
    guard let parsed = try? Frontend().parse(SourceFile(name: name, text: text)) else {
      return SourceFile(name: name, text: text)
    }
    let declarations = parsed.declarations.compactMap { if case .unit(let unit) = $0 { unit } else { nil } }
    var origins: [Int: String] = [:]
    for ((unit, _), declaration) in zip(units, declarations) {
      let range = declaration.name.range
      origins[range.file.line(at: range.start)] = unit.place.description
      for (made, statement) in zip(unit.statements, declaration.statements) {
        let line = statement.range.file.line(at: statement.range.start)
        origins[line] = (made.place ?? unit.place).description
      }
    }
    return SourceFile(name: name, text: text, origins: origins)
  }

  // MARK: Names

  /// Notes faults, and the names that a described cell cannot have: those of other cells, and those of values, which would hide it.
  private mutating func survey(_ unit: UnitDescription, _ visited: inout Set<ObjectIdentifier>) {
    guard visited.insert(ObjectIdentifier(unit)).inserted else { return }
    faults.report(unit.faults)
    takenNames.formUnion(unit.names)
    for cell in unit.cells {
      switch cell.source {
      case .described(let inner): survey(inner, &visited)
      case .library(let name): takenNames.insert(name)
      case .imported(let name, let path):
        takenNames.insert(name)
        if !imports.contains(path) { imports.append(path) }
      }
    }
  }

  /// Adds a unit behind the cells that it holds; cells of one name and text are the same cell.
  private mutating func add(_ unit: UnitDescription) {
    guard names[ObjectIdentifier(unit)] == nil else { return }
    for case .described(let inner) in unit.cells.map(\.source) { add(inner) }
    let text = SyntaxFile([.unit(declaration(unit, unit.name))]).printed
    if unit.kind == .cell, let known = namesOfTexts[text] {
      names[ObjectIdentifier(unit)] = known
      return
    }
    var (name, number) = (unit.name, 1)
    // The model keeps its name: it is added last, and no cell may have it.
    while unit.kind == .cell, name == model.name || takenNames.contains(name) {
      number += 1
      name = "\(unit.name)_\(number)"
    }
    takenNames.insert(name)
    namesOfTexts[text] = name
    names[ObjectIdentifier(unit)] = name
    units.append((unit, name))
  }

  // MARK: Syntax

  private func declaration(_ unit: UnitDescription, _ name: String) -> UnitDeclaration {
    let statements = unit.statements.map { statement in
      switch statement.content {
      case .plain(let kind): Statement(kind)
      case .instance(let instance):
        Statement(
          .definition(
            [DefinedName(instance.name)], instance.expression(cellName: self.name(of: instance.cell))))
      }
    }
    return UnitDeclaration(unit.kind, name, unit.sizes, statements)
  }

  private func name(of cell: Cell) -> String {
    switch cell.source {
    case .described(let unit): names[ObjectIdentifier(unit)] ?? unit.name
    case .library(let name), .imported(let name, _): name
    }
  }
}
