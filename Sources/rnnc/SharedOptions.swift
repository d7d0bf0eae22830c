import ArgumentParser
import RNNCompiler

/// Which model of which file, and its sizes.
struct ModelArguments: ParsableArguments {
  @Argument(help: "The file of the model, or of a printed graph.")
  var model: String

  @Option(name: .customLong("model"), help: "The name of the model, if the file has several.")
  var name: String?

  @OptionGroup var sizes: SizeOptions
}

/// The sizes of a model.
struct SizeOptions: ParsableArguments {
  @Option(
    name: .customLong("set"), help: ArgumentHelp("Set a size of the model, as in H=256.", valueName: "name=n")
  )
  var assignments: [SizeAssignment] = []

  func validate() throws {
    var known: [String: Int] = [:]
    for size in assignments {
      if let other = known.updateValue(size.value, forKey: size.name), other != size.value {
        throw ValidationError("--set \(size.name): given as \(other) and as \(size.value).")
      }
    }
  }

  /// The sizes by name.
  var values: [String: Int] {
    Dictionary(assignments.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
  }
}

/// Which instances are the layers of which modules of PyTorch.
struct ModuleOptions: ParsableArguments {
  @Option(
    name: .customLong("module"),
    help: ArgumentHelp(
      "The instances that are the layers of a module of PyTorch, where their names do not tell: rnn=first,second, or "
        + "rnn=forward+backward for two directions.",
      valueName: "module=instances"))
  var entries: [String] = []

  /// The options as the library takes them.
  var map: ModuleMap {
    get throws { try ModuleMap(entries) }
  }
}

/// `H=256`.
struct SizeAssignment: ExpressibleByArgument {
  let name: String
  let value: Int

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, let value = Int(parts[1]) else { return nil }
    self.name = String(parts[0])
    self.value = value
  }
}

/// Whether machine code is kept from run to run.
struct CacheOptions: ParsableArguments {
  @Flag(
    name: .customLong("no-cache"),
    help:
      "Compile anew, and keep nothing of it; else machine code is kept in RNNC_CACHE_DIR or the user's folder for caches."
  )
  var isOff = false

  /// The cache, unless there is none.
  var cache: CodeCache? { isOff ? nil : .standard }
}

/// What debuggers and profilers learn of machine code.
struct DebugOptions: ParsableArguments {
  @Flag(
    help: """
      Let machine code carry the lines of the source: gdb stops at them, and perf names functions by \
      /tmp/perf-PID.map. The instructions stay the same.
      """)
  var debugInfo = false
}

/// How to compile.
struct CompileArguments: ParsableArguments {
  @Option(help: "The type of numbers: f32 or f64.")
  var dtype: FloatType = .f32

  @Option(help: "Threads that share the work; all processors if not given.")
  var threads: Int?

  @OptionGroup var weights: WeightOptions

  @Option(
    name: [.customShort("O"), .customLong("optimize")],
    help:
      "How much to optimize: \(CompileOptions.Optimization.allCases.map(\.rawValue).joined(separator: ", "))."
  )
  var optimization: CompileOptions.Optimization = .full

  @Option(help: MemoryLimit.help) var memoryLimit: MemoryLimit?

  @Flag(help: "Verify the graph after every pass.")
  var verifyEach = false

  @Flag(help: "Run the graph in the interpreter, without compiling it.")
  var interpret = false

  @OptionGroup var debugging: DebugOptions

  @OptionGroup var caching: CacheOptions

  /// The options of the library.
  func options(target: String? = nil) throws -> CompileOptions {
    CompileOptions(
      elementType: dtype.elementType, threads: threads ?? ThreadPool.processorCount,
      weights: weights.format, optimization: optimization,
      target: try target.map { try Target(named: $0) } ?? .host,
      memoryLimit: memoryLimit?.bytes, backend: interpret ? .interpreter : .native,
      verifiesEachPass: verifyEach, debugInfo: debugging.debugInfo, cache: caching.cache)
  }
}

/// How weights are kept.
struct WeightOptions: ParsableArguments {
  @Option(
    name: .customLong("weights"),
    help: ArgumentHelp(
      "How inference keeps the weights of products: full, or bf16, which halves the memory that they take and changes "
        + "each by 0.2 % at most.", valueName: "format"))
  var format: CompileOptions.Weights = .full
}

/// A number of bytes, as in 512M.
struct MemoryLimit: ExpressibleByArgument {
  let bytes: Int

  static let help = ArgumentHelp(
    "Working memory that a call may take, as in 512M or 2G: longer sequences are computed in segments, with the same "
      + "results.",
    valueName: "bytes")

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let unit = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(unit == nil ? argument : String(argument.dropLast())), number > 0 else {
      return nil
    }
    let (bytes, overflows) = number.multipliedReportingOverflow(by: unit ?? 1)
    if overflows { return nil }
    self.bytes = bytes
  }
}

/// How commands show what passes do.
enum PassOptions {
  static let printAfterHelp = ArgumentHelp(
    "Print the graph after a pass, or after each with \(PassNames.everything); 'rnnc passes' lists them.",
    valueName: "pass")

  /// Prints the graph after a pass.
  @Sendable static func report(_ pass: String, _ graph: String) {
    StandardError.write("// after \(pass)\n\(graph)")
  }
}

/// The order of the axes of sequences in files.
enum LayoutOption {
  static let help = ArgumentHelp(
    "The order of the axes of sequences in files: batch-major, [N, T, …], or time-major, [T, N, …]. (default: "
      + "batch-major)")
}

/// The types a model can compute in.
enum FloatType: String, ExpressibleByArgument, CaseIterable {
  case f32, f64

  var elementType: ElementType { self == .f64 ? .f64 : .f32 }
}

extension CompileOptions.Optimization: ExpressibleByArgument {}
extension CompileOptions.Weights: ExpressibleByArgument {}
extension Artifact: ExpressibleByArgument {}
extension Tokenization: ExpressibleByArgument {}
extension SamplingOrder: ExpressibleByArgument {}
extension SequenceLayout: ExpressibleByArgument {}
