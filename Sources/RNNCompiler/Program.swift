import RNNGraph
import RNNLanguage
import RNNSupport

/// A checked model: its stages as text, and the means to run it.
///
/// Everything behind the check is made when it is first needed. One thread at a time may use a program and what was
/// made from it.
public final class Program {
  /// The source, with all that it imports.
  public let source: ModelSource
  /// The value of every size of the model.
  public let sizes: [String: Int]
  /// The number of examples that are computed at once.
  public let batch: Int
  /// How it is compiled.
  public let options: CompileOptions
  /// Warnings about the source.
  public let warnings: DiagnosticSet
  /// The source as rnnc reads it.
  public let syntax: String
  /// The tokens of the text that the model was compiled for; nil if none was given.
  public let vocabulary: Vocabulary?
  /// How long reading, checking and lowering took.
  public let frontendTime: Duration

  let model: LoweredModel
  /// How data sets fit the model.
  private(set) lazy var dataInterface = DataInterface(model)
  private var compilations: [Purpose: Compilation] = [:]
  private var executions: [Purpose: Execution] = [:]
  /// The same for other sequences that are ragged.
  private var raggedPrograms: [Set<String>: Program] = [:]

  init(
    _ model: LoweredModel, source: ModelSource, syntax: String, options: CompileOptions, batch: Int,
    vocabulary: Vocabulary?, frontendTime: Duration
  ) {
    self.model = model
    self.source = source
    sizes = model.sizes
    self.batch = batch
    self.options = options
    warnings = model.diagnostics
    self.syntax = syntax
    self.vocabulary = vocabulary
    self.frontendTime = frontendTime
  }

  /// The same model for another number of examples at once, and perhaps of threads.
  public func with(batch: Int, threads: Int? = nil) -> Program {
    precondition(batch > 0, "a batch needs an example")
    var options = options
    if let threads { options.threads = threads }
    return with(model, batch: batch, options: options)
  }

  /// The numbers of steps, such as `T`, whose sequences have a number of valid steps for each example, in an input
  /// `NAME.lengths`.
  public var ragged: Set<String> { model.ragged }

  /// The same model for other sequences that are ragged.
  ///
  /// - Throws: `DiagnosticError` if the model has no sequence of such a number of steps.
  public func with(ragged: Set<String>) throws -> Program {
    if ragged == self.ragged { return self }
    if let known = raggedPrograms[ragged] { return known }
    let program = with(try model.lowered(ragged: ragged), batch: batch, options: options)
    raggedPrograms[ragged] = program
    return program
  }

  private func with(_ model: LoweredModel, batch: Int, options: CompileOptions) -> Program {
    Program(
      model, source: source, syntax: syntax, options: options, batch: batch,
      vocabulary: vocabulary, frontendTime: frontendTime)
  }

  /// The way of the graph for a purpose to native code.
  ///
  /// - Throws: `InputError` if the model lacks what the purpose needs.
  public func compilation(for purpose: Purpose) throws -> Compilation {
    if let known = compilations[purpose] { return known }
    let compilation = try compilation(for: purpose) { $0 }
    compilations[purpose] = compilation
    return compilation
  }

  /// The same for the graph of the model that `change` makes another one of.
  func compilation(for purpose: Purpose, _ change: (Graph) -> Graph) throws -> Compilation {
    let graph: Graph
    do {
      var forward = change(
        try model.lowered(isTraining: purpose.isTraining, isDrawing: purpose.isDrawing).graph)
      // Only what is still to be differentiated gains by it.
      if forward.partOfTraining == nil {
        try options.passManager.run(options.optimization.forwardPipeline(batch: batch), on: &forward)
      }
      graph = try purpose.graph(from: forward)
      try graph.verify()
      try Limits.requirePlannable(graph, batch: batch)
    } catch  where !isForUser(error) {
      throw CompilerFault(
        stage: purpose.name, error, source: source, graph: model.graph.description)
    }
    var options = options
    if !purpose.mayRoundWeights { options.weights = .full }
    return Compilation(graph, source: source, options: options, batch: batch)
  }

  /// Memory and code for a purpose, for calls through `run`.
  func execution(for purpose: Purpose) throws -> Execution {
    if let known = executions[purpose] { return known }
    let execution = try Execution(compilation(for: purpose), options: options, batch: batch)
    executions[purpose] = execution
    return execution
  }
}

// MARK: - Stages as text

extension Program {
  /// The purpose whose code is shown when none is named: a training step with clipping; evaluation of a model without a
  /// parameter, and of a graph that has gradients or updates already; inference of one without a loss.
  public var mainPurpose: Purpose {
    guard model.graph.loss != nil else { return .inference }
    // A graph that is differentiated already does what it does.
    return model.graph.inputs.contains(where: \.isParameter) && model.graph.partOfTraining == nil
      ? .training(TrainingStepOptions(clipsNorm: true, carriesState: true)) : .evaluation
  }

  /// Whether `mainPurpose` is training.
  public var isTrained: Bool { if case .training = mainPurpose { true } else { false } }

  /// The typed graph of the model, as it is trained: random draws are made. It is all that a program needs.
  public var graph: String { model.drawing.description }

  /// The graph with the derivatives of the loss by every parameter, float input and initial state.
  public var gradientGraph: String {
    get throws { try compilation(for: .gradients).graph.description }
  }

  /// The graph of `mainPurpose` after all passes.
  public var optimizedGraph: String {
    get throws { try compilation(for: mainPurpose).optimizedGraph.description }
  }

  /// The plan of `mainPurpose`: ordered steps over memory.
  public var plan: String {
    get throws { try "\(compilation(for: mainPurpose).plan)" }
  }

  /// The LLVM module of `mainPurpose`.
  public var llvmIR: String {
    get throws { try compilation(for: mainPurpose).module.llvmIR }
  }

  /// The machine code of `mainPurpose`, as text.
  public var assembly: String {
    get throws { try compilation(for: mainPurpose).module.assembly() }
  }
}
