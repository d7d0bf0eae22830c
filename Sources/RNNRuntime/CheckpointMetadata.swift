/// Everything of a training run that is not a tensor: the model, its sizes and vocabulary, the options, the position.
public struct CheckpointMetadata: Codable, Equatable, Sendable {
  /// The source text of the model, with its imports under their names.
  public var model: ModelSource

  /// The sizes the model was compiled with, by name.
  public var sizes: [String: Int]

  /// The element type of the parameters.
  public var elementType: ElementType

  /// The table of tokens; nil for a model that does not read text.
  public var vocabulary: Vocabulary?

  /// How text becomes tokens; nil for a model that does not read text.
  public var tokenization: Tokenization?

  /// How the run was set up.
  public var options: TrainingOptions

  /// Where the run stands.
  public var position: TrainingPosition

  /// Collects the parts.
  public init(
    model: ModelSource, sizes: [String: Int], elementType: ElementType = .f32, vocabulary: Vocabulary? = nil,
    tokenization: Tokenization? = nil, options: TrainingOptions, position: TrainingPosition
  ) {
    self.model = model
    self.sizes = sizes
    self.elementType = elementType
    self.vocabulary = vocabulary
    self.tokenization = tokenization
    self.options = options
    self.position = position
  }
}

/// The source of a model, whole: a checkpoint must work without the files it came from.
public struct ModelSource: Codable, Equatable, Sendable {
  /// The name of the model within the source.
  public var name: String
  /// The path the source was read from, for messages.
  public var path: String
  /// The text of the source.
  public var text: String
  /// The texts of imported files, by the path in the import.
  public var imports: [String: String]

  /// Collects the parts.
  public init(name: String, path: String, text: String, imports: [String: String] = [:]) {
    self.name = name
    self.path = path
    self.text = text
    self.imports = imports
  }
}

/// The options of a training run that decide its result.
public struct TrainingOptions: Codable, Equatable, Sendable {
  /// The number of epochs.
  public var epochs: Int
  /// The rows of a batch.
  public var batchSize: Int
  /// The steps of a batch of text.
  public var steps: Int
  /// The order of a text's windows.
  public var order: SamplingOrder
  /// How the parameters follow their gradients.
  public var optimization: OptimizationOptions
  /// The seed of every random number of the run.
  public var seed: UInt64
  /// The text files or data file, as the user gave them.
  public var files: [String]
  /// How many tokens of the text are used; nil for all.
  public var maxTokens: Int?
  /// The least frequency of a token of the vocabulary.
  public var minimumFrequency: Int
  /// Tokens of the vocabulary that the text need not hold.
  public var reserved: [String]
  /// The hash of the data (`TextCorpus.fingerprint`, `Dataset.fingerprint`), by which a resumed run knows it again.
  public var dataFingerprint: String?
  /// The text files or data file to measure with after each epoch; empty for none.
  public var validationFiles: [String]
  /// The hash of the validation data.
  public var validationFingerprint: String?
  /// After how many epochs without a lower validation loss the run ends; nil for none.
  public var patience: Int?
  /// The order of the axes of sequences in the files of a data set; nil for `[N, T, …]`.
  public var layout: SequenceLayout?

  /// Collects the options.
  public init(
    epochs: Int, batchSize: Int, steps: Int = 35, order: SamplingOrder = .sequential,
    optimization: OptimizationOptions, seed: UInt64 = 0, files: [String] = [], maxTokens: Int? = nil,
    minimumFrequency: Int = 1, reserved: [String] = [], dataFingerprint: String? = nil,
    validationFiles: [String] = [], patience: Int? = nil, layout: SequenceLayout? = nil
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.steps = steps
    self.order = order
    self.optimization = optimization
    self.seed = seed
    self.files = files
    self.maxTokens = maxTokens
    self.minimumFrequency = minimumFrequency
    self.reserved = reserved
    self.dataFingerprint = dataFingerprint
    self.validationFiles = validationFiles
    self.patience = patience
    self.layout = layout
  }
}
