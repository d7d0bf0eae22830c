import RNNPasses
import RNNSupport

/// How a model is compiled; none of it changes what the model computes, beyond rounding.
public struct CompileOptions: Sendable {
  /// How much the graph is optimised.
  public enum Optimization: String, Sendable, CaseIterable {
    /// Not at all: the graph as it was written and differentiated, but for the order of sums over steps.
    case none
    /// Only what makes the graph smaller.
    case basic
    /// All passes.
    case full

    var pipeline: Pipeline {
      switch self {
      case .none: .none
      case .basic: .basic
      case .full: .full
      }
    }

    /// What is done before differentiation to a model of `batch` examples.
    func forwardPipeline(batch: Int) -> Pipeline {
      self == .full ? .forward(batch: batch) : Pipeline(name: "forward", passes: [])
    }
  }

  /// What computes.
  public enum Backend: String, Sendable, CaseIterable {
    /// Native code for this machine.
    case native
    /// The interpreter of graphs: slow, and with one obvious definition for each operation.
    case interpreter
  }

  /// How a program for inference keeps the weights of its products.
  public enum Weights: String, Sendable, CaseIterable {
    /// As they are.
    case full
    /// Rounded to eight significant bits (bfloat16), which halves the memory that is read; sums are in `f32`.
    case bf16
  }

  /// The type of all numbers, `f32` or `f64`.
  public var elementType: ElementType
  /// How many threads share the work.
  public var threads: Int
  /// How a program for inference keeps the weights of its products; the caller's own tensors stay as they are.
  public var weights: Weights
  /// How much the graph is optimised.
  public var optimization: Optimization
  /// The processor that code is made for.
  public var target: Target
  /// The bytes of working memory that a call may take; nil for as much as is fastest. What the program computes has the
  /// same bits with and without a limit.
  public var memoryLimit: Int?
  /// What computes.
  public var backend: Backend
  /// Whether the graph is verified after every pass and not only between stages.
  public var verifiesEachPass: Bool
  /// Whether the code takes the time of each of its kernels, which `Benchmark` shows.
  public var timesKernels: Bool
  /// Whether code carries the lines of the source that it comes from, and debuggers and `perf` of this process learn of it.
  public var debugInfo: Bool
  /// Where machine code is kept for later compilations of the same program; nil if it is not.
  public var cache: CodeCache?
  /// The text of a schedule, as `Artifact.schedule` has it, in place of the scheduler's; nil for that. Functions that it
  /// does not name keep the scheduler's. Only native code has schedules.
  public var schedule: String?
  /// Names of the passes after which `passReport` gets the graph as text.
  public var printAfter: Set<String>
  /// Gets the graph after each pass of `printAfter`.
  public var passReport: @Sendable (_ pass: String, _ graph: String) -> Void

  /// Chooses how to compile; the defaults are for speed on this machine.
  public init(
    elementType: ElementType = .f32, threads: Int = ThreadPool.processorCount, weights: Weights = .full,
    optimization: Optimization = .full, target: Target = .host, memoryLimit: Int? = nil,
    backend: Backend = .native,
    verifiesEachPass: Bool = false, timesKernels: Bool = false, debugInfo: Bool = false,
    cache: CodeCache? = nil,
    schedule: String? = nil, printAfter: Set<String> = [],
    passReport: @escaping @Sendable (_ pass: String, _ graph: String) -> Void = { _, _ in }
  ) {
    self.elementType = elementType
    self.threads = threads
    self.weights = weights
    self.optimization = optimization
    self.target = target
    self.memoryLimit = memoryLimit
    self.backend = backend
    self.verifiesEachPass = verifiesEachPass
    self.timesKernels = timesKernels
    self.debugInfo = debugInfo
    self.cache = cache
    self.schedule = schedule
    self.printAfter = printAfter
    self.passReport = passReport
  }

  /// What applies passes as these options ask for it.
  var passManager: PassManager {
    PassManager(verifiesEach: verifiesEachPass, printAfter: printAfter, report: passReport)
  }

  /// Checks what a user may have got wrong.
  ///
  /// - Throws: `InputError`.
  func validate() throws {
    guard elementType.isFloatingPoint else {
      throw InputError("a model cannot compute in \(elementType)", note: "choose f32 or f64")
    }
    guard weights == .full || elementType == .f32 else {
      throw InputError(
        "weights cannot be kept as \(weights.rawValue) in a model of \(elementType)",
        note: "products with \(weights.rawValue) weights are summed in f32")
    }
    guard (1...Limits.threads).contains(threads) else {
      throw InputError(
        "\(counted(threads, "thread")) cannot compute", note: "choose a number from 1 to \(Limits.threads)")
    }
    if let memoryLimit, memoryLimit <= 0 {
      throw InputError(
        "nothing can be computed in \(counted(memoryLimit, "byte"))", note: "raise the memory limit")
    }
    _ = try PassNames.set(printAfter.sorted())
  }
}
