import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

/// A plan as one LLVM module, verified and optimised: to be shown, or written to an object file.
public final class NativeModule {
  /// The plan it was made from.
  public let plan: Plan
  private let module: Module
  /// By function, the equations that it comes from, as text.
  private let equations: [String: String]

  /// Emits a plan for a target.
  ///
  /// - Parameter debugInfo: whether the code carries the lines of the source that it comes from.
  /// - Throws: `LLVMError` if LLVM refuses the code, which is a bug of rnnc.
  public init(
    _ scheduled: ScheduledPlan, target: Target, timesKernels: Bool = false, debugInfo: Bool = false
  ) throws {
    plan = scheduled.plan
    module = Module(plan.name, target: target)
    try ProgramEmitter.emit(scheduled, timesKernels: timesKernels, debugInfo: debugInfo, into: module)
    equations = Dictionary(
      zip(scheduled.functions, scheduled.functionPlaces).compactMap { function, places in
        places.isEmpty ? nil : (function.name, SourcePlaces.list(places))
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The code as LLVM's text; the equations that a function comes from stand in front of it.
  public var llvmIR: String {
    annotated(module.description) { line in
      guard line.hasPrefix("define "), let at = line.firstIndex(of: "@") else { return String(line) }
      let name = line[line.index(after: at)...].prefix { $0 != "(" }
      return equations[String(name)].map { "; \($0)\n\(line)" } ?? String(line)
    }
  }

  /// The code in assembly language; the equations that a function comes from stand beside its label.
  public func assembly() throws -> String {
    let mark = module.target.triple.hasPrefix("x86_64") ? "#" : "//"
    return annotated(try module.assembly()) { line in
      guard let colon = line.firstIndex(of: ":") else { return String(line) }
      let label = line[..<colon]
      // Names of functions begin with a line on some systems.
      let equation = equations[String(label)] ?? equations[String(label.drop { $0 == "_" })]
      return equation.map { "\(line) \(mark) \($0)" } ?? String(line)
    }
  }

  private func annotated(_ text: String, _ annotate: (Substring) -> String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(annotate)
      .joined(separator: "\n")
  }

  /// The code as an object file.
  public func object() throws -> [UInt8] { try module.object() }

  /// How many LLVM instructions there are.
  public var instructionCount: Int { module.instructionCount }
}
