import RNNLanguage
import RNNSupport

/// A model that is described in Swift; `Compiler.compile` makes a program of it.
///
///     let model = Model("CharLM") { m in
///       let V = m.size("V", default: 28), H = m.size("H", default: 256)
///       let text = m.input("text", .seq(.token(V)))
///       let next = m.target("next", .seq(.token(V)))
///       let rnn = m.instance("rnn", of: .library("RNN"), V, H)
///       let out = m.instance("out", of: .library("Linear"), H, V)
///       let y = out(rnn(onehot(text)))
///       m.output(softmax(y))
///       m.loss(crossEntropy(y, next))
///     }
public struct Model: Sendable {
  let description: UnitDescription

  /// Describes a model.
  public init(
    _ name: String, fileID: String = #fileID, line: Int = #line, _ body: (ModelScope) -> Void
  ) {
    let scope = ModelScope(.model, name, Place(fileID, line))
    body(scope)
    description = scope.close()
  }

  /// Its name.
  public var name: String { description.name }

  /// The model and its cells in the language of `.rnn` files: a file of this text is the same model.
  public var listing: String { Listing(description).syntax.printed }

  /// The listing, with the places in Swift where its lines were made.
  ///
  /// - Throws: `DiagnosticError` if something was described that the language cannot say.
  func source() throws(DiagnosticError) -> SourceFile {
    let listing = Listing(description)
    try listing.faults.throwIfErrors()
    return listing.source()
  }
}
