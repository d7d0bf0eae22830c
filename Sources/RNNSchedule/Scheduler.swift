import RNNGraph
import RNNPlan

/// Decides how a plan is computed.
///
/// First it arranges the plan: who shares the work, and where numbers lie. That makes a plan that is laid out, whose
/// kernels become functions. Then it schedules these.
public protocol Scheduler: Sendable {
  /// The processor, whose vectors the functions use.
  var machine: Machine { get }

  /// Whether threads share examples, rather than the columns of products.
  func sharesExamples(_ plan: Plan, threads: Int) -> Bool

  /// How many elements are left free between the rows of a buffer.
  func gap(behind row: Int, _ element: ElementType) -> Int

  /// How a kernel is laid out, whose axes are joined.
  func arrangement(of kernel: Kernel, _ place: KernelPlace) -> KernelArrangement

  /// How the code of a form computes what its kernel says.
  ///
  /// - Parameter threads: how many threads run the plan.
  func schedule(_ form: KernelForm, threads: Int) -> Schedule
}
