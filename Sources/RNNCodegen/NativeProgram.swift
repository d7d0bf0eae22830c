import RNNLLVM
import RNNPlan
import RNNSchedule

/// A program in memory, ready to run on this machine.
public final class NativeProgram: Sendable {
  /// The function of a thread: all of the plan's threads must call it with one context, each with its own number.
  public typealias Entry = @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void

  /// The plan it was made from.
  public let plan: Plan
  /// What to call; valid as long as the program lives.
  public let entry: Entry
  /// Whether each kernel adds the ticks that it takes to its clock.
  public let timesKernels: Bool
  private let jit: JIT

  /// Links the code of a plan into the process.
  ///
  /// - Parameter debugInfo: whether debuggers, and `perf`, learn of the code.
  /// - Requires: `code` was made of the plan, for this machine, and with the same `timesKernels`.
  public init(
    _ plan: Plan, _ code: NativeCode, timesKernels: Bool = false, debugInfo: Bool = false
  ) throws {
    self.plan = plan
    self.timesKernels = timesKernels
    jit = try JIT(objects: code.objects, showsToDebuggers: debugInfo)
    entry = unsafeBitCast(try jit.address(of: plan.entryName), to: Entry.self)
    if debugInfo { PerfMap.add(code, jit) }
  }
}

extension Target {
  /// What the planner needs to know of the target.
  public var machine: Machine {
    var machine = Machine(vectorBytes: vectorBytes, vectorRegisters: vectorRegisters)
    machine.l1Bytes = caches.nearBytes
    machine.l2Bytes = caches.farBytes
    return machine
  }
}
