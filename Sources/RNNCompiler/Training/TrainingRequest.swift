import Foundation
import RNNGraph

/// A training run as a user asks for it: what is left open has its default, or comes from the checkpoint to resume.
public struct TrainingRequest: Sendable {
  /// The file of the model.
  public var modelPath: String
  /// The name of the model, if the file has several.
  public var modelName: String?
  /// Sizes of the model.
  public var sizes: [String: Int] = [:]
  /// How to compile. The element type is that of `elementType`.
  public var compileOptions = CompileOptions()
  /// The type of numbers.
  public var elementType: ElementType?
  /// The text files, in order.
  public var files: [String] = []
  /// How text becomes tokens.
  public var tokenization: Tokenization?
  /// How many tokens of the text are used.
  public var maxTokens: Int?
  /// The least frequency of a token of the vocabulary.
  public var minimumFrequency: Int?
  /// The order of windows.
  public var order: SamplingOrder?
  /// The number of epochs.
  public var epochs: Int?
  /// The rows of a batch.
  public var batchSize: Int?
  /// The steps of a batch.
  public var steps: Int?
  /// How the parameters follow their gradients.
  public var optimization = OptimizationRequest()
  /// The seed of every random number.
  public var seed: UInt64?
  /// The checkpoint to continue.
  public var resume: String?

  /// Asks for a run with all defaults.
  public init(modelPath: String) { self.modelPath = modelPath }

  /// Reads model, text and checkpoint, compiles, and gives the run, ready to start.
  ///
  /// - Throws: `InputError` or `DiagnosticError`.
  public func prepare() throws -> TrainingRun {
    let old = try resume.map { try Checkpoint(contentsOfFile: $0) }
    if let old { try requireSame(old.metadata) }
    let options = try options(old?.metadata.options)
    guard !options.files.isEmpty else {
      throw InputError("there is no text to train on", note: "name a file with --text")
    }
    let tokenization = tokenization ?? old?.metadata.tokenization ?? .char
    let corpus =
      if let vocabulary = old?.metadata.vocabulary {
        try Corpus(
          contentsOfFiles: options.files, tokenization: tokenization, maxTokens: options.maxTokens,
          vocabulary: vocabulary)
      } else {
        try Corpus(
          contentsOfFiles: options.files, tokenization: tokenization, maxTokens: options.maxTokens,
          minimumFrequency: options.minimumFrequency)
      }
    var compileOptions = compileOptions
    compileOptions.elementType = elementType ?? old?.metadata.elementType ?? .f32
    let program = try Compiler(compileOptions).compile(
      contentsOfFile: modelPath, model: modelName, sizes: sizes(old), batch: options.batchSize,
      vocabulary: corpus.vocabulary)
    guard let old, let resume else {
      return try TrainingRun(program, corpus: corpus, options: options)
    }
    return try TrainingRun(
      program, corpus: corpus, options: options, resuming: old, origin: "checkpoint '\(resume)'")
  }

  /// The sizes given, and those of the checkpoint that the model of the file has, too.
  private func sizes(_ old: Checkpoint?) throws -> [String: Int] {
    guard let old else { return sizes }
    let known = try Compiler(compileOptions).compile(contentsOfFile: modelPath, model: modelName).sizes
    return old.metadata.sizes.filter { known[$0.key] != nil }.merging(sizes) { $1 }
  }

  private func options(_ old: TrainingOptions?) throws -> TrainingOptions {
    func positive(_ number: Int?, _ flag: String, _ standard: Int) throws -> Int {
      let number = number ?? standard
      guard number > 0, number <= Limits.extent else {
        throw InputError(
          "\(flag) \(number) makes no sense", note: "choose a number from 1 to \(Limits.extent)")
      }
      return number
    }
    if let maxTokens, maxTokens <= 0 { _ = try positive(maxTokens, "--max-tokens", 1) }
    return TrainingOptions(
      epochs: try positive(epochs, "--epochs", old?.epochs ?? 10),
      batchSize: try positive(batchSize, "--batch", old?.batchSize ?? 32),
      steps: try positive(steps, "--steps", old?.steps ?? 35), order: order ?? old?.order ?? .sequential,
      optimization: try optimization.options(old?.optimization), seed: seed ?? old?.seed ?? 0,
      files: files.isEmpty ? old?.files ?? [] : files, maxTokens: maxTokens ?? old?.maxTokens,
      minimumFrequency: try positive(minimumFrequency, "--min-freq", old?.minimumFrequency ?? 1))
  }

  /// Refuses what would make a resumed run another run.
  private func requireSame(_ old: CheckpointMetadata) throws {
    try Self.requireSame("--batch", batchSize, old.options.batchSize)
    try Self.requireSame("--steps", steps, old.options.steps)
    try Self.requireSame("--seed", seed, old.options.seed)
    try Self.requireSame("--sampling", order?.rawValue, old.options.order.rawValue)
    try Self.requireSame("--tokens", tokenization?.rawValue, old.tokenization?.rawValue)
    try Self.requireSame("--max-tokens", maxTokens, old.options.maxTokens)
    try Self.requireSame("--min-freq", minimumFrequency, old.options.minimumFrequency)
    try Self.requireSame("--dtype", elementType?.rawValue, old.elementType.rawValue)
    try optimization.requireSame(old.options.optimization)
  }

  /// Refuses a value that differs from that of the checkpoint.
  static func requireSame<Value: Equatable>(_ flag: String, _ given: Value?, _ known: Value?) throws {
    guard let given, given != known else { return }
    throw InputError(
      "the run was started with \(known.map { "\(flag) \($0)" } ?? "no \(flag)"); it cannot go on with \(flag) \(given)",
      note: "leave \(flag) out, or start a new run")
  }
}

extension TrainingRun {
  /// How long it took to turn the model into the code of a training step.
  public var compileSeconds: Double {
    let stages = (try? compilation.timings) ?? []
    return stages.filter { !$0.isPass }.reduce(trainer.program.frontendTime.seconds) {
      $0 + $1.duration.seconds
    }
  }

  /// The size of the training step's program; nil if it runs in the interpreter.
  public var codeSize: CodeSize? {
    trainer.program.options.backend == .interpreter ? nil : try? compilation.codeSize
  }

  private var compilation: Compilation {
    get throws {
      try trainer.program.compilation(for: trainer.purpose)
    }
  }
}
