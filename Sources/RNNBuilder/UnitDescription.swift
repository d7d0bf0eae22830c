import RNNLanguage
import RNNSupport

/// A cell or model as its closure described it.
final class UnitDescription: Sendable {
  let kind: UnitDeclaration.Kind
  let name: String
  let place: Place
  let sizes: [SizeParameter]
  let statements: [PlacedStatement]
  /// The names that it declares.
  let names: Set<String>
  let faults: DiagnosticSet
  /// The number of cells inside of each other, from this one to the innermost.
  let depth: Int

  init(
    kind: UnitDeclaration.Kind, name: String, place: Place, sizes: [SizeParameter],
    statements: [PlacedStatement], names: Set<String>, faults: DiagnosticSet
  ) {
    self.kind = kind
    self.name = name
    self.place = place
    self.sizes = sizes
    self.statements = statements
    self.names = names
    self.faults = faults
    let inner = statements.map { if case .instance(let made) = $0.content { made.cell.depth } else { 0 } }
    depth = 1 + (inner.max() ?? 0)
  }

  /// The cells of its instances.
  var cells: [Cell] {
    statements.compactMap { if case .instance(let made) = $0.content { made.cell } else { nil } }
  }
}
