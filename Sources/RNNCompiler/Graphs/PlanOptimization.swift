import Foundation
import RNNGraph
import RNNPlan
import RNNSchedule
import RNNSupport

/// A printed plan to which the passes that lay it out are applied one by one.
public struct PlanOptimization {
  private var plan: Plan
  private let scheduler: ProcessorScheduler
  private let threads: Int
  private var timings: [(pass: String, duration: Duration)] = []

  /// Whether the plan is verified after every pass.
  public var verifiesEachPass = false
  /// Names of the passes after which `report` gets the plan as text.
  public var printAfter: Set<String> = []
  /// Gets the plan after each pass of `printAfter`.
  public var report: (_ pass: String, _ plan: String) -> Void = { _, _ in }

  /// Reads the plan of a file; nil if it holds none.
  ///
  /// - Throws: `DiagnosticError` or `InputError` if the file holds no valid plan, or cannot be read.
  public init?(contentsOfFile path: String, options: CompileOptions) throws {
    try self.init(SourceFile(contentsOf: path), options)
  }

  /// Reads the plan of a text; `name` stands for the file in messages.
  public init?(text: String, name: String = "plan", options: CompileOptions) throws {
    try self.init(SourceFile(name: name, text: text), options)
  }

  private init?(_ source: SourceFile, _ options: CompileOptions) throws {
    try options.validate()
    guard GraphText.begins(source, with: "plan") else { return nil }
    plan = try GraphText.parse(source) { text throws(GraphParseError) in try Plan(parsing: text) }
    scheduler = ProcessorScheduler(options.target.machine)
    threads = options.threads
    do {
      try plan.verify()
    } catch {
      throw InputError(
        "'\(source.name)' is not a valid plan: \(error.problems[0])",
        notes: error.problems.dropFirst().prefix(4).map { "and \($0)" })
    }
  }

  /// The plan behind the passes.
  public var text: String { plan.description }

  /// Applies passes in their order.
  ///
  /// - Parameter names: the names of the passes; nil for all that lay a plan out, or none if it is laid out already.
  /// - Throws: `InputError` if there is no such pass, or it does not fit the plan; `CompilerFault` if it left a plan that is
  ///   not valid.
  public mutating func apply(_ names: [String]?) throws {
    let passes = try names.map(PassNames.planPasses) ?? (plan.isLaidOut ? [] : PlanPass.all)
    for pass in passes {
      let start = ContinuousClock.now
      do {
        try pass.apply(to: &plan, scheduler, threads: threads)
      } catch {
        throw InputError("the pass '\(pass.name)' does not fit: \(error.problems[0])")
      }
      timings.append((pass.name, ContinuousClock.now - start))
      if printAfter.contains(pass.name) { report(pass.name, plan.description) }
      if verifiesEachPass { try verify(after: pass.name) }
    }
    try verify(after: passes.last?.name ?? "reading")
  }

  /// A line for each pass that was applied, with its time.
  public var timingTable: String {
    timings.map { timingLine($0.pass, $0.duration, nil) }.joined()
  }

  private func verify(after pass: String) throws {
    do {
      try plan.verify()
    } catch {
      throw CompilerFault(stage: "layout", error, source: nil, graph: plan.description)
    }
  }
}
