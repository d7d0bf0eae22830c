import RNNGraph
import RNNPlan
import RNNSchedule
import RNNSupport

// Note [Tuning]: from the schedule that there is, the tuner goes to the first neighbour that is faster, and on from there,
// until none is or the time is over. It begins with the kernel that takes the longest. A neighbour is timed against the
// best schedule so far in turns, since a machine that is slow for a while is slow for both; the medians of the rounds are
// compared. Where memory lies changes times by several per cent, so both compute in the same memory, with the same
// threads. The least gain that counts is taken from two programs of one schedule. Hundreds of schedules are timed, and
// chance has as many tries: a better one must win nearly all rounds.

/// A change that made a program faster.
public struct TuningGain: Sendable {
  /// The kernel whose schedule was changed.
  public let kernel: String
  /// The decision that is new, in the words of the printed schedule.
  public let change: String
  /// The part of the time of a call that it saves.
  public let saving: Double
}

/// What a search for a faster schedule found.
public struct TuningResult: Sendable {
  /// The best schedule, as `CompileOptions.schedule` takes it.
  public let schedule: String
  /// The changes that led to it, in order.
  public let gains: [TuningGain]
  /// The number of schedules that were timed.
  public let triedCount: Int
  /// Whether every neighbour of the best schedule was tried.
  public let isComplete: Bool
  /// The seconds of a call with the schedule at the start and with the best one: medians of calls in turns.
  public let secondsBefore: Double, secondsAfter: Double
  /// The file in which it is kept for later compilations; nil if it is kept nowhere, or nothing was gained.
  public let file: String?
  /// Changes that were left out since the program's results were not the same bits: bugs of rnnc.
  public let wrongChanges: [String]
}

/// Looks for a faster schedule of a program by measuring; its results stay the same, bit for bit.
public final class Tuner {
  /// The least saving that counts, as a part of a call's time: less cannot be told from chance.
  public let leastSaving: Double
  /// The seconds of a call with the schedule at the start.
  public let seconds: Double
  /// Whether the schedule at the start is one that was tuned before.
  public let continuesEarlier: Bool

  private let compilation: Compilation
  private let track: RaceTrack
  private let start: Candidate
  private var best: Candidate
  private var tried: Set<ScheduledPlan.Decisions>
  private var gains: [TuningGain] = []
  private var wrongChanges: [String] = []

  /// A schedule, and code for it.
  private struct Candidate {
    let plan: ScheduledPlan
    let call: NativeCall
  }

  /// Compiles a program, and times it.
  ///
  /// - Parameters:
  ///   - request: how the program is trained; nil for inference.
  ///   - steps: the number of steps of its sequences.
  /// - Throws: `InputError` if the model lacks what is timed, or a number makes no sense.
  public init(_ program: Program, training request: OptimizationRequest?, steps: Int) throws {
    guard program.options.backend == .native else {
      throw InputError("the interpreter has no schedule", note: "leave --interpret out")
    }
    let tensors = try program.randomTensors(steps: steps, seed: 0)
    let call = try TimedCall(
      request == nil ? .inference : .training, program, tensors, training: request ?? OptimizationRequest())
    track = try RaceTrack(call)
    guard let native = call.execution().native else { preconditionFailure("a call without sizes") }
    compilation = native.compilation
    continuesEarlier = try compilation.tuned != nil
    start = Candidate(plan: try compilation.scheduledPlan, call: native.call)
    best = start
    tried = [start.plan.decisions]
    let race = try track.race(compilation.code(start.plan, sharing: start.call), start.call, rounds: 25)
    seconds = race.otherSeconds
    leastSaving = max(0.01, 2 * abs(1 - race.ratio))
  }

  /// Looks for a faster schedule for about so many seconds, and keeps the best in the program's cache.
  ///
  /// - Parameters:
  ///   - report: gets each gain.
  ///   - shouldStop: whether to end at once, with what there is.
  /// - Throws: `InputError` if the time makes no sense.
  public func run(
    seconds: Double, report: (TuningGain) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> TuningResult {
    try Limits.require(seconds: seconds, "no schedule is tuned in")
    let end = ContinuousClock.now + .seconds(seconds)
    let isOver = { ContinuousClock.now >= end || shouldStop() }
    var isComplete = true
    var known: Int
    repeat {
      known = gains.count
      for part in try partsByTime() {
        isComplete = try improve(part, report, isOver)
        if !isComplete { break }
      }
    } while isComplete && gains.count > known
    return try result(isComplete: isComplete)
  }

  /// Follows the gains of one kernel; gives whether there are no more, and the time is not over.
  private func improve(
    _ part: Part, _ report: (TuningGain) -> Void, _ isOver: () -> Bool
  ) throws -> Bool {
    while let gain = try firstGain(part, isOver) {
      gains.append(gain)
      report(gain)
    }
    return !isOver()
  }

  private func firstGain(_ part: Part, _ isOver: () -> Bool) throws -> TuningGain? {
    for neighbour in best.plan.neighbours(of: part.part) {
      if isOver() { return nil }
      guard tried.insert(neighbour.plan.decisions).inserted else { continue }
      let call = try compilation.code(neighbour.plan, sharing: start.call)
      guard try track.hasSameResults(call) else {
        wrongChanges.append("\(part.name): \(neighbour.change)")
        continue
      }
      guard try track.race(call, best.call, rounds: 5).ratio < 1 - leastSaving / 2 else { continue }
      let race = try track.race(call, best.call, rounds: 25)
      guard race.isWon(by: leastSaving) else { continue }
      best = Candidate(plan: neighbour.plan, call: call)
      return TuningGain(kernel: part.name, change: neighbour.change, saving: 1 - race.ratio)
    }
    return nil
  }

  private func result(isComplete: Bool) throws -> TuningResult {
    let race = try gains.isEmpty ? nil : track.race(best.call, start.call, rounds: 25)
    // Small gains one after the other could all have been chance.
    let isFaster = race?.isWon(by: leastSaving) ?? false
    let plan = isFaster ? best.plan : start.plan
    let before = race?.otherSeconds ?? seconds
    return TuningResult(
      schedule: "\(plan)", gains: isFaster ? gains : [], triedCount: tried.count - 1, isComplete: isComplete,
      secondsBefore: before, secondsAfter: race.map { isFaster ? $0.seconds : before } ?? before,
      file: isFaster ? try compilation.keep(plan) : nil, wrongChanges: wrongChanges)
  }
}

extension Tuner {
  /// A kernel that takes enough of the time for a gain to be seen.
  private struct Part {
    let part: ArrangedPart
    let name: String
    /// The part of the time that its function takes.
    let share: Double
  }

  /// The kernels that matter, the longest first.
  private func partsByTime() throws -> [Part] {
    let times = try track.kernelTimes(
      compilation.code(best.plan, sharing: start.call, timesKernels: true))
    var shares = best.plan.functions.map { _ in 0.0 }
    for (call, time) in zip(best.plan.calls, times) { shares[call.function] += time.share }
    return zip(best.plan.arrangedParts, zip(best.plan.calls, times)).map { part, kernel in
      Part(part: part, name: kernel.1.name, share: shares[kernel.0.function])
    }.filter { $0.share > min(leastSaving, 0.05) }.sorted { $0.share > $1.share }
  }
}

extension Compilation {
  /// Code for the same program with another schedule, which computes in the memory of other code.
  fileprivate func code(
    _ plan: ScheduledPlan, sharing other: NativeCall, timesKernels: Bool = false
  ) throws -> NativeCall {
    NativeCall(try with(plan, timesKernels: timesKernels).native, sharing: other)
  }
}
