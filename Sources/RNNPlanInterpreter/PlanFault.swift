/// Why a plan cannot be run as it stands: a bug of the planner, or an input that does not fit.
public struct PlanFault: Error, CustomStringConvertible {
  /// The kernel, the access, the point and what is wrong there.
  public let description: String
}
