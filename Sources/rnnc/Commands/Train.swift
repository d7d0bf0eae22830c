import ArgumentParser
import Foundation
import RNNCompiler

/// `rnnc train MODEL`
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model on text or on a data set.",
    discussion: """
      For --text, the model has one input and one target of tokens, as in 'input text: seq token(V)' and 'target next: \
      seq token(V)'; V becomes the number of tokens of the text. For --data, a safetensors file holds a tensor for each \
      input and target under its name, [N, steps, …] for a sequence and [N, …] for a single value of N examples, and \
      NAME.lengths where examples are of different lengths. With --validate, the checkpoint holds the best parameters. \
      With --resume, everything that is not given comes from the checkpoint, the model, too, and the run ends as if it \
      had never stopped.
      """)

  @Argument(help: "The file of the model; that of the checkpoint with --resume if not given.")
  var model: String?

  @Option(name: .customLong("model"), help: "The name of the model, if the file has several.")
  var modelName: String?

  @OptionGroup var sizes: SizeOptions

  @Option(help: "A text file in UTF-8; may be given several times.")
  var text: [String] = []

  @Option(help: ArgumentHelp("A text to measure the model with after each epoch.", valueName: "text"))
  var validateText: [String] = []

  @Option(help: "A safetensors file of examples, in place of text.")
  var data: String?

  @Option(
    name: .customLong("validate"),
    help: ArgumentHelp(
      "A safetensors file of examples to measure the model with after each epoch.", valueName: "data"))
  var validation: String?

  @Option(help: LayoutOption.help) var layout: SequenceLayout?

  @Option(
    help: ArgumentHelp("Stop after so many epochs without a lower validation loss.", valueName: "epochs"))
  var patience: Int?

  @Option(help: "How text becomes tokens: char or word. (default: char)")
  var tokens: Tokenization?

  @Option(help: "Use only so many tokens of the text.")
  var maxTokens: Int?

  @Option(help: "Rarer tokens become '<unk>'. (default: 1)")
  var minFreq: Int?

  @Option(
    help: ArgumentHelp(
      "Tokens of the vocabulary that the text need not hold, as in '<pad>,<bos>'.",
      valueName: "token[,token…]"))
  var reserved: String?

  @Option(help: "The file to take the vocabulary from; if there is none, the text's is written to it.")
  var vocabulary: String?

  @Option(
    help: "The order of batches: sequential, with the state carried over, or random. (default: sequential)")
  var sampling: SamplingOrder?

  @Option(help: "Passes over the data. (default: 10)")
  var epochs: Int?

  @Option(help: "Examples, or rows of text, of a batch. (default: 32)")
  var batch: Int?

  @Option(help: "Steps of a batch of text. (default: 35)")
  var steps: Int?

  @OptionGroup(title: "How to learn") var learning: OptimizerOptions

  @Option(help: "Decides every random number of the run. (default: 0)")
  var seed: UInt64?

  @Option(help: "The type of numbers: f32 or f64. (default: f32)")
  var dtype: FloatType?

  @Option(help: "Threads that share the work; all processors if not given.")
  var threads: Int?

  @Option(help: MemoryLimit.help) var memoryLimit: MemoryLimit?

  @Flag(help: "Run the graph in the interpreter, without compiling it.")
  var interpret = false

  @OptionGroup var debugging: DebugOptions

  @OptionGroup var caching: CacheOptions

  @Option(
    help:
      "Where to keep the trained model: written at the end, every minute, and on Ctrl-C, SIGTERM and SIGHUP.")
  var checkpoint: String?

  @Option(help: ArgumentHelp("Also write the checkpoint every so many epochs.", valueName: "n"))
  var checkpointEpochs: Int?

  @Option(help: "Continue the run of a checkpoint, which is also written to if --checkpoint is not given.")
  var resume: String?

  @Flag(help: "Print a JSON object for each epoch and one for the run.")
  var json = false

  func validate() throws {
    if let checkpointEpochs, checkpointEpochs <= 0 {
      throw ValidationError("--checkpoint-epochs must be positive.")
    }
    if model == nil, resume == nil {
      throw ValidationError("Missing expected argument '<model>', which only --resume makes up for.")
    }
  }

  func run() throws {
    // From the start, so that signals mean the same at every moment of the run.
    Interrupt.install()
    var writer = try (checkpoint ?? resume).map {
      try CheckpointWriter(path: $0, everyEpochs: checkpointEpochs)
    }
    let run = try request.prepare()
    StandardError.write(run.trainer.program.warnings.rendered())
    let reporter = TrainingReporter(json: json, run)
    var hooks = TrainingRun.Hooks()
    hooks.shouldStop = { Interrupt.isRequested }
    hooks.batchDone = { progress in
      reporter.batchDone(progress)
      try writer?.batchDone(run)
    }
    hooks.epochDone = { report in
      // First what is kept: nobody may be reading the reports any more.
      try writer?.epochDone(run)
      try reporter.epochDone(report)
    }
    let isComplete: Bool
    do {
      isComplete = try run.run(hooks)
    } catch let error as InputError {
      throw writer?.failed(error) ?? error
    }
    let isWritten = try writer?.finish(run) ?? false
    guard isComplete else {
      reporter.interrupted(writer: isWritten ? writer : nil, resume: writer.map(resumeCommand))
      throw ExitCode(Interrupt.exitStatus)
    }
    try reporter.finish()
  }

  private var request: TrainingRequest {
    var request = TrainingRequest(modelPath: model)
    request.modelName = modelName
    request.sizes = sizes.values
    request.compileOptions = CompileOptions(
      threads: threads ?? ThreadPool.processorCount, memoryLimit: memoryLimit?.bytes,
      backend: interpret ? .interpreter : .native, debugInfo: debugging.debugInfo,
      cache: caching.cache)
    request.elementType = dtype?.elementType
    request.files = text
    request.validationFiles = validateText
    request.data = data
    request.validationData = validation
    request.layout = layout
    request.patience = patience
    request.tokenization = tokens
    request.maxTokens = maxTokens
    request.minimumFrequency = minFreq
    request.reserved = reserved?.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    request.vocabularyPath = vocabulary
    request.order = sampling
    request.epochs = epochs
    request.batchSize = batch
    request.steps = steps
    request.optimization = learning.request
    request.seed = seed
    request.resume = resume
    return request
  }

  private func resumeCommand(_ writer: CheckpointWriter) -> String {
    ["rnnc", "train", "--resume", writer.path].map(ShellCommand.quoted).joined(separator: " ")
  }
}
