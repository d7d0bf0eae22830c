import Foundation
import RNNGraph

extension OptimizerStep {
  /// Multiplies the learning rate by the factors of a schedule and of a warm-up.
  ///
  /// The factor of the warm-up is `min(1, (t + 1) / warmup)`, t the number of updates done.
  func follow(_ schedule: Schedule, warmup: Int) throws {
    if let factor = try factor(schedule) { scaleLearningRate(by: factor) }
    if warmup > 0 {
      let count = try updatesDone() + 1
      scaleLearningRate(by: min((1 / Double(warmup)) * count, count.constant(1)))
    }
  }

  /// The factor of a schedule, if it is a function of how much is done.
  private func factor(_ schedule: Schedule) throws -> Term? {
    switch schedule {
    case .constant, .plateau: return nil
    case .step(let every, let factor):
      // Half a unit more, so that no rounding takes a drop away.
      let drops = ((try position(in: every) + 0.5) / Double(every.count)).floor
      return exp(log(factor) * drops)
    case .cosine(let over, let minimum):
      let progress = try position(in: over) / Double(over.count)
      let angle = Double.pi * min(progress, progress.constant(1))
      return (1 - minimum) / 2 * (cos(angle) + 1) + minimum
    }
  }

  /// How many epochs or updates are done.
  private func position(in unit: Schedule.Period) throws -> Term {
    switch unit {
    case .epochs: try epochsDone()
    case .updates: try updatesDone()
    }
  }
}
