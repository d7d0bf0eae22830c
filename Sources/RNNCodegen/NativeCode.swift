import RNNLLVM
import RNNPlan
import RNNSchedule
import Synchronization

/// The machine code of a plan: object files that are linked together.
public struct NativeCode: Sendable, Hashable {
  /// The object files.
  public let objects: [[UInt8]]

  /// Takes object files that were made before.
  public init(objects: [[UInt8]]) { self.objects = objects }

  /// Runs a function on a number of threads, with the number of each; the caller has the threads.
  public typealias Runner = (_ body: @Sendable (_ thread: Int) -> Void) -> Void

  /// Compiles a plan for a target, as much at once as there are threads.
  ///
  /// A function's code does not depend on which others are compiled with it, so neither do the results of the program.
  ///
  /// - Parameters:
  ///   - debugInfo: whether the code carries the lines of the source that it comes from.
  ///   - threads: how many threads `run` uses.
  /// - Throws: `LLVMError` if LLVM refuses the code, which is a bug of rnnc.
  public init(
    _ scheduled: ScheduledPlan, target: Target, timesKernels: Bool = false, debugInfo: Bool = false,
    threads: Int = 1,
    run: Runner = { $0(0) }
  ) throws {
    // More parts than threads, since it is not known how long one takes; very small ones cost more than they save.
    let count = threads == 1 ? 1 : 4 * threads
    let parts = scheduled.parts(max(1, min(count, scheduled.functions.count / 4)))
    let results = Mutex<[Result<[UInt8], Error>?]>(Array(repeating: nil, count: parts.count))
    let next = Atomic(0)
    run { _ in
      while true {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < parts.count else { return }
        let result = Result {
          let module = Module("\(scheduled.plan.name).\(number)", target: target)
          try ProgramEmitter.emit(
            parts[number], withEntry: number == 0, of: scheduled, timesKernels: timesKernels,
            debugInfo: debugInfo, into: module)
          return try module.objectAtLast()
        }
        results.withLock { $0[number] = result }
      }
    }
    objects = try results.withLock { try $0.map { try $0!.get() } }
  }
}
