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
  }

  /// The cells of its instances.
  var cells: [Cell] {
    statements.compactMap { if case .instance(_, let cell, _) = $0.content { cell } else { nil } }
  }
}
