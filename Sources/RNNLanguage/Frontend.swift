import RNNGraph
import RNNSupport

/// A size that data can decide: inputs of a model hold tokens below it.
public struct TokenSize: Hashable, Sendable {
  /// The name of the size, such as `V`.
  public let size: String
  /// The names of the inputs and targets whose tokens it bounds.
  public let inputs: [String]
}

/// From source to graph: parses, checks and lowers.
public struct Frontend: Sendable {
  private let loader: SourceLoader

  /// Makes a front end that reads imported files through `loader`.
  public init(loader: SourceLoader = .disk) { self.loader = loader }

  /// Parses a file, without what it imports.
  public func parse(_ source: SourceFile) throws(DiagnosticError) -> SyntaxFile {
    var parser = Parser(source)
    let syntax = parser.run()
    try parser.diagnostics.throwIfErrors()
    return syntax
  }

  /// A file with the declarations of what it imports in place of the imports; models of imported files are left out,
  /// as nobody sees them. Tensors are found from any folder.
  public func inlined(_ source: SourceFile, folder: String) throws(DiagnosticError) -> SyntaxFile {
    var declarations: [Declaration] = []
    var open = [source]
    var seen: Set<String> = [source.name]
    while !open.isEmpty {
      let file = open.removeFirst()
      for declaration in try parse(file).declarations {
        switch declaration {
        case .importation(let other):
          let path = resolvedPath(other.path, relativeTo: file.name)
          if seen.insert(path).inserted { open.append(try loader.read(path)) }
        case .unit(let unit) where unit.kind == .model && file !== source: continue
        case .unit, .function:
          declarations.append(
            declaration.mappingFiles { absolutePath($0, relativeTo: file.name, folder: folder) })
        }
      }
    }
    return SyntaxFile(declarations)
  }

  /// A file whose imports and tensors are found from any folder.
  public func withAbsoluteImports(_ source: SourceFile, folder: String) throws(DiagnosticError) -> SyntaxFile
  {
    SyntaxFile(
      try parse(source).declarations.map { declaration in
        declaration.mappingFiles { absolutePath($0, relativeTo: source.name, folder: folder) }
      })
  }

  private func absolutePath(_ path: String, relativeTo file: String, folder: String) -> String {
    let path = resolvedPath(path, relativeTo: file)
    return path.hasPrefix("/") ? path : "\(folder)/\(path)"
  }

  /// Checks a file and what it imports: every model, for the sizes given, and every cell and function.
  ///
  /// With the name of a model, only that model is checked for the given sizes.
  public func check(_ source: SourceFile, model: String? = nil, sizes: [String: Int] = [:]) -> CheckedFile {
    let program = Program(main: source, loader: loader)
    if program.hasNewerLanguage { return CheckedFile(program, program.diagnostics, []) }
    let checker = Checker(program)
    let chosen = program.models.filter { model == nil || program[$0].name?.text == model }
    let checked = checker.check(models: chosen, given: sizes)
    if let model, chosen.isEmpty { checker.report(noModel(named: model, program)) }
    checker.checkUnreached()
    let models = checker.diagnostics.hasErrors ? [] : checked.compactMap { $0 }
    return CheckedFile(program, checker.diagnostics, models)
  }

  /// The sizes of a model that data can decide; nothing is checked but that the model is there.
  ///
  /// - Parameter model: the name of the model; may be nil if the file has one.
  public func tokenSizes(of source: SourceFile, model: String? = nil) throws(DiagnosticError) -> [TokenSize] {
    let program = Program(main: source, loader: loader)
    try program.diagnostics.throwIfErrors()
    return try select(model, program).unit.tokenSizes
  }

  /// Checks a file and lowers one of its models.
  ///
  /// - Parameters:
  ///   - model: the name of the model; may be nil if the file has one.
  ///   - sizes: values of the model's sizes, in place of their defaults.
  ///   - element: the type of all numbers, `f32` or `f64`.
  ///   - ragged: numbers of steps, such as `T`, whose sequences have a number of valid steps for each example.
  ///   - isTraining: whether `training` is 1, and random draws are made; else each is its middle.
  public func lower(
    _ source: SourceFile, model: String? = nil, sizes: [String: Int] = [:], element: ElementType = .f32,
    ragged: Set<String> = [], isTraining: Bool = false
  ) throws(DiagnosticError) -> LoweredModel {
    let program = Program(main: source, loader: loader)
    if program.hasNewerLanguage { throw DiagnosticError(program.diagnostics) }
    let checker = Checker(program)
    let selected: (id: DeclarationID, unit: UnitDeclaration)
    do throws(DiagnosticError) {
      selected = try select(model, program)
    } catch {
      checker.diagnostics.report(error.diagnostics)
      throw DiagnosticError(checker.diagnostics)
    }
    let checked = checker.check(models: [selected.id], given: sizes)
    checker.checkUnreached()
    try checker.diagnostics.throwIfErrors()
    guard let checked = checked.first.flatMap({ $0 }) else {
      preconditionFailure("model \(selected.unit.name.text) is at fault, but nothing was reported")
    }
    try checked.numbersOutOfRange(of: element).throwIfErrors()
    return try LoweredModel(
      checked, element, ragged: ragged, isTraining: isTraining, isDrawing: isTraining,
      diagnostics: checker.diagnostics)
  }

  private func select(_ name: String?, _ program: Program) throws(DiagnosticError) -> (
    id: DeclarationID, unit: UnitDeclaration
  ) {
    let models = program.models.compactMap { id -> (id: DeclarationID, unit: UnitDeclaration)? in
      if case .unit(let unit) = program[id] { (id, unit) } else { nil }
    }
    if let name {
      if let model = models.first(where: { $0.unit.name.text == name }) { return model }
      throw DiagnosticError(noModel(named: name, program))
    }
    guard let first = models.first else {
      throw DiagnosticError(
        Diagnostic(
          "no-model", "'\(program.mainSource.name)' has no model", at: nil,
          notes: [Diagnostic.Note("a model is declared by 'model Name(sizes) { … }' and uses cells")]))
    }
    if models.count > 1 {
      throw DiagnosticError(
        Diagnostic(
          "several-models", "'\(program.mainSource.name)' has several models", at: nil,
          notes: [Diagnostic.Note("choose one of \(models.map(\.unit.name.text).joined(separator: ", "))")]))
    }
    return first
  }

  private func noModel(named name: String, _ program: Program) -> Diagnostic {
    let models = program.models.compactMap { program[$0].name?.text }
    let near = Diagnostic.Note.didYouMean(name, among: models)
    let all = Diagnostic.Note(
      models.isEmpty ? "the file has no model" : "its models are \(models.joined(separator: ", "))")
    return Diagnostic(
      "no-model", "'\(program.mainSource.name)' has no model '\(name)'", at: nil,
      notes: near.isEmpty ? [all] : near)
  }
}

extension Declaration {
  /// The same with other paths of the files that it names.
  fileprivate func mappingFiles(_ path: (String) -> String) -> Declaration {
    switch self {
    case .importation(let other): return .importation(ImportDeclaration(path: path(other.path)))
    case .function(let function):
      return .function(
        FunctionDeclaration(function.name, function.parameters, function.body.mappingFiles(path)))
    case .unit(let unit):
      let statements = unit.statements.map { statement -> Statement in
        guard case .declaration(.const, let groups, let value?) = statement.kind else { return statement }
        return Statement(.declaration(.const, groups, initial: value.mappingFiles(path)))
      }
      return .unit(UnitDeclaration(unit.kind, unit.name.text, unit.sizes, statements))
    }
  }
}

extension Expression {
  fileprivate func mappingFiles(_ path: (String) -> String) -> Expression {
    var children = kind.children.map { $0.mappingFiles(path) }
    if case .call(let name, _) = kind, name.text == "file", case .text(let text)? = children.first?.kind {
      children[0] = Expression(.text(path(text)))
    }
    return Expression(kind.replacingChildren(children))
  }
}

extension UnitDeclaration {
  /// The sizes that bound tokens of inputs and targets.
  fileprivate var tokenSizes: [TokenSize] {
    var inputs: [String: [String]] = [:]
    for statement in statements {
      guard case .declaration(_, let groups, _) = statement.kind else { continue }
      for group in groups {
        if case .token(let size) = group.type.kind, case .name(let name) = size.kind {
          inputs[name, default: []] += group.names.map(\.text)
        }
      }
    }
    return sizes.compactMap { size in
      inputs[size.name.text].map { TokenSize(size: size.name.text, inputs: $0) }
    }
  }
}
