import RNNSupport

/// What a file holds, and what is wrong with it.
public struct CheckedFile: Sendable {
  /// Errors and warnings.
  public let diagnostics: DiagnosticSet
  /// The names of the models, cells and functions that the file declares, and the paths that it imports, in the order of
  /// the text.
  public let models: [String], cells: [String], functions: [String], imports: [String]
  private let checked: [CheckedCell]

  init(_ program: Program, _ diagnostics: DiagnosticSet, _ checked: [CheckedCell]) {
    self.diagnostics = diagnostics
    self.checked = checked
    let declarations = program.mainSyntax.declarations
    func units(_ kind: UnitDeclaration.Kind) -> [String] {
      declarations.compactMap { declaration in
        if case .unit(let unit) = declaration, unit.kind == kind { unit.name.text } else { nil }
      }
    }
    models = units(.model)
    cells = units(.cell)
    functions = declarations.compactMap {
      if case .function(let function) = $0 { function.name.text } else { nil }
    }
    imports = declarations.compactMap { if case .importation(let other) = $0 { other.path } else { nil } }
  }

  /// The models that were checked, as graphs in `f32`; none if there are errors.
  public func lowered() throws(DiagnosticError) -> [LoweredModel] {
    var models: [LoweredModel] = []
    for model in checked {
      models.append(
        try LoweredModel(
          model, .f32, ragged: [], isTraining: false, isDrawing: false, diagnostics: diagnostics)
      )
    }
    return models
  }

  /// What the file holds, in words: `no model, 2 cells (A, B), no function`.
  public var contents: String {
    [("model", models), ("cell", cells), ("function", functions), ("import", imports)]
      .filter { $0.0 != "import" || !$0.1.isEmpty }
      .map { $1.isEmpty ? "no \($0)" : "\(counted($1.count, $0)) (\(list($1)))" }
      .joined(separator: ", ")
  }

  /// Names in a row, the first ones of many.
  private func list(_ names: [String]) -> String {
    names.count > 20 ? names.prefix(20).joined(separator: ", ") + ", …" : names.joined(separator: ", ")
  }
}
