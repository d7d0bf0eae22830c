// A file that describes models imports this module in place of `RNNCompiler`. Those that do not are spared its
// operators, among which Swift would have to choose in all of their arithmetic.

@_exported import RNNCompiler
import RNNLanguage

extension Compiler {
  /// Compiles a model that is described in Swift, as `compile(contentsOf:)` does.
  public func compile(
    _ model: Model, sizes: [String: Int] = [:], batch: Int = 32, vocabulary: Vocabulary? = nil,
    ragged: Set<String> = []
  ) throws -> Program {
    try compile(
      model.source(), imports: nil, model: model.name, sizes: sizes, batch: batch, vocabulary: vocabulary,
      ragged: ragged)
  }

  /// Checks a model that is described in Swift, as `check(contentsOfFile:)` does.
  public func check(_ model: Model, sizes: [String: Int] = [:]) throws -> CheckReport {
    try CheckReport(Frontend(loader: .files).check(try model.source(), model: model.name, sizes: sizes))
  }
}
