import Foundation
import RNNGraph
import RNNLanguage
import RNNSupport

/// Turns the source of a model, or the text of a graph, into a `Program`.
///
///     let program = try Compiler().compile(contentsOf: url, sizes: ["H": 256], batch: 32)
public struct Compiler: Sendable {
  /// How models are compiled.
  public var options: CompileOptions

  /// Makes a compiler.
  public init(_ options: CompileOptions = CompileOptions()) { self.options = options }

  /// Compiles a model of a file, or the graph that it holds.
  ///
  /// - Parameters:
  ///   - model: the name of the model; may be nil if the file has one.
  ///   - sizes: values of the model's sizes, in place of their defaults.
  ///   - batch: the number of examples that are computed at once.
  ///   - vocabulary: the tokens of the text that the model is for; sizes of the kind `token(V)` that `sizes` leaves
  ///     open become their number.
  ///   - ragged: numbers of steps, such as `T`, whose sequences have a number of valid steps for each example, in an
  ///     input `NAME.lengths`.
  /// - Throws: `DiagnosticError` or `InputError` if the source, a size or an option is wrong.
  public func compile(
    contentsOf url: URL, model: String? = nil, sizes: [String: Int] = [:], batch: Int = 32,
    vocabulary: Vocabulary? = nil, ragged: Set<String> = []
  ) throws -> Program {
    try compile(
      contentsOfFile: url.path, model: model, sizes: sizes, batch: batch, vocabulary: vocabulary,
      ragged: ragged)
  }

  /// Compiles a model of the file at a path, as `compile(contentsOf:)` does.
  public func compile(
    contentsOfFile path: String, model: String? = nil, sizes: [String: Int] = [:], batch: Int = 32,
    vocabulary: Vocabulary? = nil, ragged: Set<String> = []
  ) throws -> Program {
    try compile(
      SourceFile(contentsOf: path), imports: nil, model: model, sizes: sizes, batch: batch,
      vocabulary: vocabulary, ragged: ragged)
  }

  /// Compiles a model of a text, as `compile(contentsOf:)` does; `name` stands for the file in messages.
  public func compile(
    source text: String, name: String = "model", model: String? = nil, sizes: [String: Int] = [:],
    batch: Int = 32, vocabulary: Vocabulary? = nil,
    ragged: Set<String> = []
  ) throws -> Program {
    try compile(
      SourceFile(name: name, text: text), imports: nil, model: model, sizes: sizes, batch: batch,
      vocabulary: vocabulary, ragged: ragged)
  }

  /// Compiles the model that a checkpoint holds; nothing is read from disk.
  public func compile(
    _ source: ModelSource, sizes: [String: Int], batch: Int = 32, vocabulary: Vocabulary? = nil,
    ragged: Set<String> = []
  ) throws -> Program {
    try compile(
      SourceFile(name: source.path, text: source.text), imports: source.imports, model: source.name,
      sizes: sizes, batch: batch, vocabulary: vocabulary, ragged: ragged)
  }

  /// Checks the models of a file without compiling any, and gives errors and warnings.
  ///
  /// With the name of a model or with sizes, only what these concern is checked for them.
  public func check(
    contentsOfFile path: String, model: String? = nil, sizes: [String: Int] = [:]
  ) throws -> CheckReport {
    try check(SourceFile(contentsOf: path), model: model, sizes: sizes)
  }

  /// Checks the models of a text, as `check(contentsOfFile:)` does; `name` stands for the file in messages.
  public func check(
    source text: String, name: String = "model", model: String? = nil, sizes: [String: Int] = [:]
  ) throws -> CheckReport {
    try check(SourceFile(name: name, text: text), model: model, sizes: sizes)
  }

  private func check(_ source: SourceFile, model: String?, sizes: [String: Int]) throws -> CheckReport {
    try GraphText.isGraph(source)
      ? checkGraph(source, model: model, sizes: sizes)
      : CheckReport(Frontend(loader: .files).check(source, model: model, sizes: sizes))
  }

  package func compile(
    _ source: SourceFile, imports: [String: String]?, model: String?, sizes given: [String: Int], batch: Int,
    vocabulary: Vocabulary?, ragged: Set<String>
  ) throws -> Program {
    try options.validate()
    try Limits.require(batch: batch)
    if GraphText.isGraph(source) {
      return try compileGraph(
        source, model: model, sizes: given, batch: batch, vocabulary: vocabulary, ragged: ragged)
    }
    let start = ContinuousClock.now
    let recorder = SourceRecorder()
    let frontend = Frontend(loader: recorder.loader(known: imports))
    let syntax = try frontend.parse(source)
    var sizes = given
    if let vocabulary {
      for size in try frontend.tokenSizes(of: source, model: model) {
        if let chosen = given[size.size], chosen > 0, chosen < vocabulary.count {
          throw DiagnosticError(
            tooSmall(size, chosen, vocabulary, at: syntax.place(ofSize: size.size, inModel: model)))
        }
        if given[size.size] == nil { sizes[size.size] = vocabulary.count }
      }
    }
    let element: RNNGraph.ElementType = options.elementType == .f64 ? .f64 : .f32
    let lowered = try frontend.lower(source, model: model, sizes: sizes, element: element, ragged: ragged)
    let recorded = ModelSource(
      name: lowered.graph.name, path: source.name, text: source.text, imports: recorder.imports)
    do {
      try lowered.graph.verify()
    } catch {
      throw CompilerFault(stage: "lower", error, source: recorded, graph: lowered.graph.description)
    }
    return Program(
      lowered, source: recorded, syntax: syntax.printed, options: options, batch: batch,
      vocabulary: vocabulary, frontendTime: ContinuousClock.now - start)
  }

  private func tooSmall(
    _ size: TokenSize, _ chosen: Int, _ vocabulary: Vocabulary, at site: SourceRange?
  ) -> Diagnostic {
    Diagnostic(
      "vocabulary-size",
      "\(size.size) is set to \(chosen), but the text has "
        + "\(counted(vocabulary.count, "token")) with '\(Vocabulary.unknown)'",
      at: site,
      notes: [
        Diagnostic.Note(
          "leave \(size.size) unset: it then becomes the number of tokens; a higher --min-freq makes this smaller"
        )
      ])
  }
}

extension SyntaxFile {
  /// Where a size of a model is declared.
  fileprivate func place(ofSize name: String, inModel model: String?) -> SourceRange? {
    for case .unit(let unit) in declarations where unit.kind == .model {
      guard model == nil || unit.name.text == model else { continue }
      if let size = unit.sizes.first(where: { $0.name.text == name }) { return size.name.range }
    }
    return nil
  }
}
