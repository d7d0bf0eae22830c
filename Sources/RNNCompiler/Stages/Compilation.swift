import RNNCodegen
import RNNGraph
import RNNPasses
import RNNPlan
import RNNSchedule

/// How long a stage of a compilation took.
public struct StageTiming: Sendable {
  /// The stage, or the pass within it.
  public let name: String
  /// Its time.
  public let duration: Duration
  /// Whether this is a pass, whose time is part of that of the stage `optimize`.
  public let isPass: Bool
  /// The number of the graph's operations after it, if it changes graphs.
  public let operationCount: Int?
}

/// How large a program is; none of it depends on the number of steps.
public struct CodeSize: Sendable, Hashable {
  /// Operations of the optimised graph.
  public let operations: Int
  /// Kernels of the plan.
  public let kernels: Int
  /// Instructions of the LLVM module.
  public let instructions: Int
}

/// One graph on its way to native code; each stage is done when it is first asked for.
public final class Compilation {
  /// The graph before optimisation.
  public let graph: Graph
  /// The times of the stages done so far.
  public private(set) var timings: [StageTiming] = []

  private let source: ModelSource?
  private let options: CompileOptions
  private let batch: Int
  private let hasLongSums: Bool
  private var doneVariants: [Variant: Compilation] = [:]
  private var doneOptimized: Graph?
  private var donePlanStages: PlanStages?
  private var donePlan: Plan?
  private var doneLayout: (plan: Plan, arrangement: Arrangement)?
  private var doneScheduled: ScheduledPlan?
  private var doneModule: NativeModule?
  private var doneNative: NativeProgram?
  private var donePlanKey: CodeKey??
  private var doneTuned: TunedSchedule??

  init(
    _ graph: Graph, source: ModelSource?, options: CompileOptions, batch: Int, hasLongSums: Bool = false
  ) {
    self.graph = graph
    self.source = source
    self.options = options
    self.batch = batch
    self.hasLongSums = hasLongSums
  }

  /// Programs of one graph, for sequences of different lengths.
  struct Variant: Hashable {
    /// Whether steps are computed in segments, within the limit of memory.
    var isSegmented: Bool
    /// Whether sums over steps are made in `f64`. See Note [Long sums] in `Sources/RNNPasses/WidenSums.swift`.
    var hasLongSums: Bool

    /// Whether sums over so many steps and examples have so many terms that `f32` would show it: of the steps alone,
    /// or of both together. A sum over the steps of a loop has no other terms, and is a chain of additions.
    static func isLong(steps: Int, batch: Int) -> Bool {
      steps > 128 || batch > 8192 / max(steps, 1)
    }
  }

  /// The program that this compilation makes.
  var variant: Variant { Variant(isSegmented: options.memoryLimit != nil, hasLongSums: hasLongSums) }

  /// The compilation of another program of the graph.
  ///
  /// - Requires: memory is limited if the variant is segmented.
  func variant(_ variant: Variant) -> Compilation {
    if variant == self.variant { return self }
    if let known = doneVariants[variant] { return known }
    var options = options
    if !variant.isSegmented { options.memoryLimit = nil }
    let result = Compilation(
      graph, source: source, options: options, batch: batch, hasLongSums: variant.hasLongSums)
    doneVariants[variant] = result
    return result
  }

  /// The same program with another schedule; nothing is kept in the cache.
  func with(_ schedule: ScheduledPlan, timesKernels: Bool) -> Compilation {
    var options = options
    (options.cache, options.timesKernels) = (nil, timesKernels)
    let result = Compilation(graph, source: source, options: options, batch: batch, hasLongSums: hasLongSums)
    (result.doneOptimized, result.donePlan, result.doneScheduled) = (doneOptimized, donePlan, schedule)
    return result
  }

  /// This compilation, and those of other programs of the graph so far.
  var allVariants: [Compilation] { [self] + doneVariants.values }

  /// The graph after the passes of the chosen level.
  public var optimizedGraph: Graph {
    get throws {
      if let doneOptimized { return doneOptimized }
      let result = try stage("optimize", graph) {
        var graph = graph
        var pipeline = options.optimization.pipeline
        if hasLongSums { pipeline = pipeline.forLongSums }
        for timing in try options.passManager.run(
          options.memoryLimit == nil ? pipeline : pipeline.segmented, on: &graph)
        {
          timings.append(
            StageTiming(
              name: timing.pass, duration: timing.duration, isPass: true,
              operationCount: timing.operationCount))
        }
        try graph.verify()
        return graph
      }
      doneOptimized = result
      return result
    }
  }

  /// What is decided before the plan's kernels are made.
  public var planStages: PlanStages {
    get throws {
      if let donePlanStages { return donePlanStages }
      let graph = try optimizedGraph
      let result = try stage("clusters", graph) { try PlanStages(graph, batch: batch) }
      donePlanStages = result
      return result
    }
  }

  /// The ordered steps over memory, free of any machine.
  public var plan: Plan {
    get throws {
      if let donePlan { return donePlan }
      let graph = try optimizedGraph
      let result = try stage("plan", graph) {
        // Nobody else needs them, unless they are shown.
        let stages = try donePlanStages ?? PlanStages(graph, batch: batch)
        let plan = Planner.plan(stages, weights: options.weights == .bf16 ? .bf16 : .full)
        try plan.verify()
        return plan
      }
      donePlan = result
      return result
    }
  }

  /// The plan as it is laid out for the machine.
  public var layout: Plan {
    get throws {
      if let plan = doneLayout?.plan ?? doneScheduled?.plan { return plan }
      // A user's schedule says how it is laid out, too, and so does one that was tuned.
      if try options.schedule != nil || tuned != nil { return try scheduledPlan.plan }
      let plan = try plan
      let result = try stage("layout", try optimizedGraph) {
        let layout = try plan.laidOut(by: scheduler, threads: options.threads)
        try layout.plan.verify()
        return layout
      }
      doneLayout = result
      return result.plan
    }
  }

  private var scheduler: ProcessorScheduler { ProcessorScheduler(options.target.machine) }

  /// The plan with how each kernel is computed.
  public var scheduledPlan: ScheduledPlan {
    get throws {
      if let plan = try doneScheduled ?? tuned?.plan { return plan }
      let plan = try plan
      let result = try stage("schedule", try optimizedGraph) {
        var scheduled =
          if let doneLayout {
            ScheduledPlan(plan, doneLayout.arrangement, doneLayout.plan, scheduler)
          } else {
            try ScheduledPlan(plan, scheduler, threads: options.threads)
          }
        if let text = options.schedule { try scheduled.applyOfUser(text) }
        try scheduled.plan.verify()
        try scheduled.verify()
        return scheduled
      }
      doneScheduled = result
      return result
    }
  }

  /// The whole program as one LLVM module, to be shown or written out.
  public var module: NativeModule {
    get throws {
      if let doneModule { return doneModule }
      let plan = try scheduledPlan
      let result = try stage("emit", try optimizedGraph) {
        try NativeModule(
          plan, target: options.target, timesKernels: options.timesKernels, debugInfo: options.debugInfo)
      }
      doneModule = result
      return result
    }
  }

  /// The code, ready to run on this machine.
  public var native: NativeProgram {
    get throws {
      if let doneNative { return doneNative }
      guard options.target.runsHere else {
        throw InputError("code for \(options.target) does not run on this machine")
      }
      let result = try cachedProgram() ?? link(try code())
      doneNative = result
      return result
    }
  }

  /// The program of code that an earlier compilation made.
  private func cachedProgram() throws -> NativeProgram? {
    guard let (cache, key) = try cacheAndKey else { return nil }
    let start = ContinuousClock.now
    guard let code = cache.code(for: key) else { return nil }
    timings.append(
      StageTiming(
        name: "cache", duration: ContinuousClock.now - start, isPass: false, operationCount: nil))
    // What the system's linker refuses is as good as damaged.
    guard let program = try? link(code) else {
      cache.removeCode(key)
      return nil
    }
    return program
  }

  /// Compiles, and keeps the code for others.
  private func code() throws -> NativeCode {
    let plan = try scheduledPlan
    let code = try stage("code", try optimizedGraph) {
      // Where the system has no more threads, one must do.
      let pool = try (try? ThreadPool()) ?? ThreadPool(count: 1)
      return try NativeCode(
        plan, target: options.target, timesKernels: options.timesKernels, debugInfo: options.debugInfo,
        threads: pool.count,
        run: { pool.run($0) })
    }
    if let (cache, key) = try cacheAndKey { cache.store(code, for: key) }
    return code
  }

  private func link(_ code: NativeCode) throws -> NativeProgram {
    let plan = try layout
    return try stage("link", try optimizedGraph) {
      try NativeProgram(plan, code, timesKernels: options.timesKernels, debugInfo: options.debugInfo)
    }
  }

  /// Where the code is kept, and under which key.
  private var cacheAndKey: (CodeCache, CodeKey)? {
    get throws {
      guard let cache = options.cache, let key = try planKey else { return nil }
      let schedule = try options.schedule ?? tuned?.text
      return (
        cache,
        key.code(
          schedule: schedule, timesKernels: options.timesKernels,
          debugInfo: options.debugInfo ? try plan : nil)
      )
    }
  }

  /// What the schedule of the plan is kept under; nil if there is no telling.
  var planKey: CodeKey? {
    get throws {
      if let donePlanKey { return donePlanKey }
      let key = CodeKey(try plan, threads: options.threads, target: options.target)
      donePlanKey = key
      return key
    }
  }

  /// The schedule that was tuned for the plan and kept, unless the options have one. What does not fit is as good as
  /// damaged: it is removed.
  var tuned: TunedSchedule? {
    get throws {
      if let doneTuned { return doneTuned }
      var found: TunedSchedule?
      if options.schedule == nil, let cache = options.cache, let key = try planKey,
        let text = cache.schedule(for: key)
      {
        found = try stage("tuned", try optimizedGraph) {
          TunedSchedule(text, try plan, scheduler, threads: options.threads)
        }
        if found == nil { cache.removeSchedule(key) }
      }
      doneTuned = found
      return found
    }
  }

  /// The schedule as text, which says if it was tuned.
  var scheduleText: String {
    get throws {
      (try tuned == nil ? "" : "// tuned by measuring; with --no-cache, the compiler's\n")
        + "\(try scheduledPlan)"
    }
  }

  /// Keeps a schedule of the plan for later compilations; gives the file, or nil if that is not possible.
  func keep(_ schedule: ScheduledPlan) throws -> String? {
    guard let cache = options.cache, let key = try planKey else { return nil }
    return cache.store(schedule: "\(schedule)", for: key)
  }

  /// The size of the program; compiles as far as LLVM if that is not done.
  public var codeSize: CodeSize {
    get throws {
      CodeSize(
        operations: try optimizedGraph.liveOperationCount, kernels: try layout.kernels.count,
        instructions: try module.instructionCount)
    }
  }

  /// Runs a stage: takes its time, and turns an unexpected error into a report of a bug.
  private func stage<Result>(_ name: String, _ input: Graph, _ body: () throws -> Result) throws -> Result {
    let start = ContinuousClock.now
    do {
      let result = try body()
      timings.append(
        StageTiming(
          name: name, duration: ContinuousClock.now - start, isPass: false,
          operationCount: (result as? Graph)?.liveOperationCount))
      return result
    } catch  where !isForUser(error) {
      throw CompilerFault(stage: name, error, source: source, graph: input.description)
    }
  }
}

extension ScheduledPlan {
  /// Takes a schedule that a user wrote.
  ///
  /// - Throws: `InputError` if it is none of this plan.
  fileprivate mutating func applyOfUser(_ text: String) throws {
    do {
      try apply(text)
      try verify()
    } catch let error as ScheduleParseError {
      throw InputError(
        "line \(error.line) of the schedule: \(error.message)",
        note: "'rnnc compile --emit schedule' with the same options prints one to start from")
    } catch let error as BrokenSchedule {
      throw InputError(
        "the schedule does not fit the plan: \(error.problems[0])",
        notes: error.problems.dropFirst().prefix(8).map { "and \($0)" })
    }
  }
}
