import RNNGraph
import RNNLanguage
import RNNPasses
import RNNSupport

extension Program {
  /// Makes a program of a graph: one that was read or imported, or that a program has made.
  ///
  /// A graph of a model, as `Program.graph` prints it, does all that a model does. One with gradients or updates runs as
  /// it stands.
  ///
  /// - Parameters:
  ///   - path: what the graph is called in messages.
  ///   - options: how to compile; with numbers of `f64`, a graph of `f32` is widened, and it keeps its types otherwise.
  ///   - batch: the number of examples that are computed at once.
  /// - Throws: `InputError` if the graph is not valid, or could read outside of its inputs.
  public convenience init(
    graph: Graph, path: String = "graph", options: CompileOptions = CompileOptions(), batch: Int = 32
  ) throws {
    try options.validate()
    try Limits.require(batch: batch)
    try GraphText.requireValid(graph, path)
    try self.init(
      valid: graph, path: path, text: graph.description, options: options, batch: batch, vocabulary: nil,
      frontendTime: .zero)
  }

  convenience init(
    valid graph: Graph, path: String, text: String, options: CompileOptions, batch: Int,
    vocabulary: Vocabulary?, frontendTime: Duration
  ) throws {
    var (graph, options) = (graph, options)
    try graph.requireRunnable()
    if options.elementType == .f64 { graph = graph.widened() }
    options.elementType = graph.mainElementType
    try options.validate()
    self.init(
      LoweredModel(graph.withoutDraws(), drawing: graph),
      source: ModelSource(name: graph.name, path: path, text: text), syntax: graph.description,
      options: options, batch: batch, vocabulary: vocabulary, frontendTime: frontendTime)
  }
}

extension Compiler {
  /// Makes a program of a file that holds a graph.
  func compileGraph(
    _ source: SourceFile, model: String?, sizes: [String: Int], batch: Int, vocabulary: Vocabulary?,
    ragged: Set<String>
  ) throws -> Program {
    let start = ContinuousClock.now
    let graph = try checkedGraph(source, model: model, sizes: sizes)
    let program = try Program(
      valid: graph, path: source.name, text: source.text, options: options, batch: batch,
      vocabulary: vocabulary, frontendTime: ContinuousClock.now - start)
    return try program.with(ragged: ragged)
  }

  /// Checks a file that holds a graph.
  func checkGraph(_ source: SourceFile, model: String?, sizes: [String: Int]) throws -> CheckReport {
    let graph = try checkedGraph(source, model: model, sizes: sizes)
    try graph.requireRunnable()
    return CheckReport(LoweredModel(graph.withoutDraws(), drawing: graph))
  }

  private func checkedGraph(_ source: SourceFile, model: String?, sizes: [String: Int]) throws -> Graph {
    let graph = try GraphText.graph(of: source)
    if let model, model != graph.name {
      throw InputError(
        "'\(source.name)' has no model '\(model)'", note: "it holds the graph '\(graph.name)' alone")
    }
    if let size = sizes.keys.min() {
      throw InputError(
        "graph '\(graph.name)' has no size '\(size)'",
        note: "sizes are numbers in a graph: set them where it is printed, as in "
          + "'rnnc compile MODEL --set \(size)=\(sizes[size] ?? 1) --emit graph'")
    }
    return graph
  }
}

extension Graph {
  /// The type of the first floats that it takes, or else gives; `f32` if there are none.
  fileprivate var mainElementType: RNNCompiler.ElementType {
    let values = inputs.map(\.value) + outputs.map(\.value)
    let first = values.lazy.map { type($0).element }.first(where: \.isFloat)
    return first == .f64 ? .f64 : .f32
  }
}
