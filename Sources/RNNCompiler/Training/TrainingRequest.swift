import Foundation
import RNNGraph

/// A training run as a user asks for it: what is left open has its default, or comes from the checkpoint to resume.
public struct TrainingRequest: Sendable {
  /// The file of the model; nil for the model that the checkpoint to continue holds.
  public var modelPath: String?
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
  /// The text files to measure with after each epoch.
  public var validationFiles: [String] = []
  /// The file of a data set, in place of text.
  public var data: String?
  /// The file of a data set to measure with after each epoch.
  public var validationData: String?
  /// The order of the axes of sequences in files of data sets.
  public var layout: SequenceLayout?
  /// After how many epochs without a lower validation loss the run ends.
  public var patience: Int?
  /// How text becomes tokens.
  public var tokenization: Tokenization?
  /// How many tokens of the text are used.
  public var maxTokens: Int?
  /// The least frequency of a token of the vocabulary.
  public var minimumFrequency: Int?
  /// Tokens that get ids although the text need not hold them.
  public var reserved: [String]?
  /// The file that the vocabulary is read from if it is there, and written to if not.
  public var vocabularyPath: String?
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
  public init(modelPath: String?) { self.modelPath = modelPath }

  /// Reads model, data and checkpoint, compiles, and gives the run, ready to start.
  ///
  /// - Throws: `InputError` or `DiagnosticError`.
  public func prepare() throws -> TrainingRun {
    let old = try resume.map { try Checkpoint(contentsOfFile: $0) }
    let isText = try isText(old?.metadata)
    if let old { try requireSame(old.metadata, isText: isText) }
    let options = try options(old?.metadata.options)
    guard !options.files.isEmpty else {
      throw InputError(
        "there is nothing to train on", note: "name a file of text with --text, or of tensors with --data")
    }
    let run = try isText ? textRun(options, old) : dataRun(options, old)
    if let old, let resume { try run.resume(old, origin: "checkpoint '\(resume)'") }
    return run
  }

  private func textRun(_ options: TrainingOptions, _ old: Checkpoint?) throws -> TrainingRun {
    let tokenization = tokenization ?? old?.metadata.tokenization ?? .char
    func corpus(_ files: [String], _ vocabulary: Vocabulary, maxTokens: Int? = nil) throws -> Corpus {
      try Corpus(
        contentsOfFiles: files, tokenization: tokenization, maxTokens: maxTokens, vocabulary: vocabulary)
    }
    let training: Corpus
    if let vocabulary = try knownVocabulary(old) {
      training = try corpus(options.files, vocabulary, maxTokens: options.maxTokens)
    } else {
      training = try Corpus(
        contentsOfFiles: options.files, tokenization: tokenization, maxTokens: options.maxTokens,
        minimumFrequency: options.minimumFrequency, reserved: options.reserved)
    }
    let validation =
      try options.validationFiles.isEmpty ? nil : corpus(options.validationFiles, training.vocabulary)
    let program = try compile(old, batch: options.batchSize, vocabulary: training.vocabulary)
    let run = try TrainingRun(program, corpus: training, validation: validation, options: options)
    if let vocabularyPath { try training.vocabulary.write(toFile: vocabularyPath) }
    return run
  }

  private func dataRun(_ options: TrainingOptions, _ old: Checkpoint?) throws -> TrainingRun {
    let program = try compile(old, batch: options.batchSize, vocabulary: nil)
    let layout = options.layout ?? .batchMajor
    let data = try program.dataset(contentsOfFile: options.files[0], layout: layout)
    let validation = try options.validationFiles.first.map {
      try program.dataset(contentsOfFile: $0, layout: layout)
    }
    return try TrainingRun(
      program.with(batch: min(options.batchSize, data.count)), data: data, validation: validation,
      options: options)
  }

  private func compile(_ old: Checkpoint?, batch: Int, vocabulary: Vocabulary?) throws -> Program {
    var compileOptions = compileOptions
    compileOptions.elementType = elementType ?? old?.metadata.elementType ?? .f32
    let compiler = Compiler(compileOptions)
    if let modelPath {
      return try compiler.compile(
        contentsOfFile: modelPath, model: modelName, sizes: sizes(old, modelPath), batch: batch,
        vocabulary: vocabulary)
    }
    guard let old = old?.metadata else {
      throw InputError("there is no model to train", note: "name its file, or a checkpoint with --resume")
    }
    if let modelName, modelName != old.model.name {
      throw InputError(
        "the run was started with model '\(old.model.name)'; it cannot go on with model '\(modelName)'",
        note: "leave --model out, or start a new run")
    }
    return try compiler.compile(
      old.model, sizes: old.sizes.merging(sizes) { $1 }, batch: batch, vocabulary: vocabulary)
  }

  /// The vocabulary of the checkpoint, or of the file that holds one.
  private func knownVocabulary(_ old: Checkpoint?) throws -> Vocabulary? {
    let given = try vocabularyPath.flatMap { path in
      FileManager.default.fileExists(atPath: path) ? try Vocabulary(contentsOfFile: path) : nil
    }
    guard let known = old?.metadata.vocabulary else { return given }
    if let given, given != known {
      throw InputError(
        "the run was started with another vocabulary than that of '\(vocabularyPath ?? "")'",
        note: "leave --vocabulary out, or start a new run")
    }
    return known
  }

  /// Whether the run is over text, and not over a data set.
  ///
  /// - Throws: `InputError` if options of both are given.
  private func isText(_ old: CheckpointMetadata?) throws -> Bool {
    let ofText: [(flag: String, isGiven: Bool)] = [
      ("--text", !files.isEmpty), ("--validate-text", !validationFiles.isEmpty),
      ("--tokens", tokenization != nil), ("--max-tokens", maxTokens != nil),
      ("--min-freq", minimumFrequency != nil), ("--reserved", reserved != nil),
      ("--vocabulary", vocabularyPath != nil), ("--sampling", order != nil), ("--steps", steps != nil),
    ]
    let ofData = [
      ("--data", data != nil), ("--validate", validationData != nil), ("--layout", layout != nil),
    ]
    let wasText = old.map { $0.vocabulary != nil }
    let text = ofText.first(where: \.isGiven)?.flag
    let data = ofData.first(where: \.1)?.0
    if let text, let data {
      throw InputError("\(text) is about text, but \(data) about a data set", note: "choose one")
    }
    if let wasText, let wrong = wasText ? data : text {
      throw InputError(
        "\(wrong) makes no sense here: the run was started with \(wasText ? "--text" : "--data")",
        note: "leave \(wrong) out, or start a new run")
    }
    return wasText ?? (data == nil)
  }

  /// The sizes given, and those of the checkpoint that the model of the file has, too.
  private func sizes(_ old: Checkpoint?, _ modelPath: String) throws -> [String: Int] {
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
    if let maxTokens { _ = try positive(maxTokens, "--max-tokens", 1) }
    if let patience { _ = try positive(patience, "--patience", 1) }
    try Self.check(reserved ?? [])
    let given = data.map { [$0] } ?? files
    let validation = validationData.map { [$0] } ?? validationFiles
    return TrainingOptions(
      epochs: try positive(epochs, "--epochs", old?.epochs ?? 10),
      batchSize: try positive(batchSize, "--batch", old?.batchSize ?? 32),
      steps: try positive(steps, "--steps", old?.steps ?? 35), order: order ?? old?.order ?? .sequential,
      optimization: try optimization.options(old?.optimization), seed: seed ?? old?.seed ?? 0,
      files: given.isEmpty ? old?.files ?? [] : given, maxTokens: maxTokens ?? old?.maxTokens,
      minimumFrequency: try positive(minimumFrequency, "--min-freq", old?.minimumFrequency ?? 1),
      reserved: reserved ?? old?.reserved ?? [],
      validationFiles: validation.isEmpty ? old?.validationFiles ?? [] : validation,
      patience: patience ?? old?.patience, layout: layout ?? (data == nil ? old?.layout : nil))
  }

  private static func check(_ reserved: [String]) throws {
    var seen: Set<String> = []
    for token in reserved {
      guard !token.isEmpty else { throw InputError("--reserved names a token without a letter") }
      guard seen.insert(token).inserted, token != Vocabulary.unknown else {
        throw InputError(
          "--reserved names the token '\(token)' twice", note: "'\(Vocabulary.unknown)' is always there")
      }
    }
  }

  /// Refuses what would make a resumed run another run.
  private func requireSame(_ old: CheckpointMetadata, isText: Bool) throws {
    try Self.requireSame("--batch", batchSize, old.options.batchSize)
    try Self.requireSame("--seed", seed, old.options.seed)
    if isText {
      try Self.requireSame("--steps", steps, old.options.steps)
      try Self.requireSame("--sampling", order?.rawValue, old.options.order.rawValue)
      try Self.requireSame("--tokens", tokenization?.rawValue, old.tokenization?.rawValue)
      try Self.requireSame("--max-tokens", maxTokens, old.options.maxTokens)
      try Self.requireSame("--min-freq", minimumFrequency, old.options.minimumFrequency)
      try Self.requireSame(
        "--reserved", reserved?.joined(separator: ","), old.options.reserved.joined(separator: ","))
    }
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
  /// How long it took to turn the model into the code that trains and measures.
  public var compileSeconds: Double { (trainer.program.frontendTime + trainer.compileTime).seconds }

  /// The size of the training step's program; nil if it runs in the interpreter.
  public var codeSize: CodeSize? {
    let program = trainer.program
    return program.options.backend == .interpreter
      ? nil : try? program.compilation(for: trainer.purpose).codeSize
  }
}
