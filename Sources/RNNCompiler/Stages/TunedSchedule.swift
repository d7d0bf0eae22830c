import RNNCodegen
import RNNPlan
import RNNSchedule

/// A schedule that was found by measuring and kept, and the plan with it.
struct TunedSchedule {
  /// The schedule as it is printed.
  let text: String
  /// The plan with it.
  let plan: ScheduledPlan

  /// Reads a schedule; nil if it is none of the plan.
  init?(_ text: String, _ plan: Plan, _ scheduler: any Scheduler, threads: Int) {
    do {
      var scheduled = try ScheduledPlan(plan, scheduler, threads: threads)
      try scheduled.apply(text)
      try scheduled.plan.verify()
      try scheduled.verify()
      (self.text, self.plan) = (text, scheduled)
    } catch {
      return nil
    }
  }
}
