import RNNGraph
import RNNPlan

// Note [Neighbours]: a neighbour of a schedule differs from it in one decision, and computes the same bits: what decides
// about the order of a sum, such as the accumulators of a reduction, stays. Which decisions are legal for a kernel is known
// to the verifiers alone. So neighbours are made freely, and those that a verifier refuses are left out.

/// A legal schedule that differs from another in one decision.
public struct Neighbour: Sendable {
  /// The plan with this schedule.
  public let plan: ScheduledPlan
  /// What differs, in the words of the printed schedule.
  public let change: String
}

extension ScheduledPlan {
  /// All that a schedule decides: two schedules of a plan with the same decisions make the same code.
  public struct Decisions: Hashable, Sendable {
    let arrangement: Arrangement
    let functions: [Schedule]
  }

  /// All that this schedule decides.
  public var decisions: Decisions {
    Decisions(arrangement: arrangement, functions: functions.map(\.schedule))
  }

  /// For each kernel of the plan as it is laid out, which part of the arrangement it is.
  public var arrangedParts: [ArrangedPart] {
    let kernels = plan.kernels
    // Those that fill panels have each a buffer of their own, which the layout added, in their order.
    let filled = kernels.filter(isPacking).map { $0.stores[0].access.buffer }.sorted()
    let packings = Dictionary(uniqueKeysWithValues: filled.enumerated().map { ($1, $0) })
    var numbers: [KernelIdentity: [Int]] = [:]
    for (number, kernel) in source.kernels.enumerated().reversed() {
      numbers[KernelIdentity(kernel), default: []].append(number)
    }
    return kernels.map { kernel in
      if isPacking(kernel) { return .packing(packings[kernel.stores[0].access.buffer]!) }
      return .kernel(numbers[KernelIdentity(kernel)]!.popLast()!)
    }
  }

  /// Whether a kernel of the plan as it is laid out fills panels with columns.
  private func isPacking(_ kernel: Kernel) -> Bool {
    kernel.stores.contains { $0.access.buffer.index >= source.buffers.count }
  }

  /// The neighbours that differ in how a part is laid out or in how its function computes. Each is made when it is asked
  /// for. See Note [Neighbours].
  public func neighbours(of part: ArrangedPart) -> some Sequence<Neighbour> {
    var seen: Set<Decisions> = [decisions]
    return candidates(of: part).lazy.compactMap { candidate -> Neighbour? in
      guard let plan = self.with(candidate), seen.insert(plan.decisions).inserted else { return nil }
      return Neighbour(plan: plan, change: self.change(candidate))
    }
  }

  /// A change that may be legal.
  private enum Candidate {
    case layout(ArrangedPart, KernelArrangement)
    case function(Int, Schedule)
  }

  private func candidates(of part: ArrangedPart) -> [Candidate] {
    guard let number = arrangedParts.firstIndex(of: part) else { return [] }
    let function = calls[number].function
    let layouts = choice(of: part).neighbours(of: plan.kernels[number], arrangement, machine)
    let schedules = functions[function].schedule.neighbours(of: functions[function].form)
    return layouts.map { .layout(part, $0) } + schedules.map { .function(function, $0) }
  }

  private func choice(of part: ArrangedPart) -> KernelArrangement {
    switch part {
    case .kernel(let number): arrangement.kernels[number]
    case .packing(let number): KernelArrangement(split: arrangement.packings[number])
    }
  }

  /// The plan with a change, if that is legal.
  private func with(_ candidate: Candidate) -> ScheduledPlan? {
    do {
      var result = self
      switch candidate {
      case .layout(let part, let choice):
        result = try arranged(part, choice)
        try result.plan.verify()
      case .function(let number, let schedule): result.functions[number].schedule = schedule
      }
      try result.verify()
      return result
    } catch {
      return nil
    }
  }

  /// The plan with another layout of a part. Panels that it does not fill yet are filled as the scheduler says.
  private func arranged(
    _ part: ArrangedPart, _ choice: KernelArrangement
  ) throws(BrokenSchedule) -> ScheduledPlan {
    var arrangement = arrangement
    switch part {
    case .packing(let number): arrangement.packings[number] = choice.split
    case .kernel(let number):
      arrangement.kernels[number] = choice
      let fillings = plan.kernels.filter(isPacking).map { ($0.filling, $0.split) }
      let known = Dictionary(fillings, uniquingKeysWith: { one, _ in one })
      var layout = Layout(source, arrangement, machine) { [arrangement, scheduler] part, kernel, place in
        switch part {
        case .kernel(let number): arrangement.kernels[number]
        case .packing:
          KernelArrangement(
            split: known[kernel.filling] ?? scheduler.arrangement(of: kernel, place).split)
        }
      }
      _ = try layout.run()
      arrangement = layout.arrangement
    }
    return try arranged(arrangement)
  }

  /// What a candidate changes: the clauses of the printed decisions that are new, or else those that are gone.
  private func change(_ candidate: Candidate) -> String {
    func clauses(_ lines: [String]) -> [String] {
      lines.flatMap { $0.split(separator: ", ").map(String.init) }
    }
    let (old, new) =
      switch candidate {
      case .layout(let part, let choice): (clauses([self.choice(of: part).text]), clauses([choice.text]))
      case .function(let number, let schedule):
        (clauses(functions[number].schedule.lines), clauses(schedule.lines))
      }
    func text(_ clauses: [String], without others: [String]) -> String {
      clauses.reduce(into: [String]()) { result, clause in
        if !others.contains(clause), !result.contains(clause) { result.append(clause) }
      }.joined(separator: ", ")
    }
    let added = text(new, without: old)
    return added.isEmpty ? "no " + text(old, without: new) : added
  }
}

/// What tells a kernel from others of its plan, however it is laid out. Where two are alike, their order does.
private struct KernelIdentity: Hashable {
  let name: String
  let buffers: [BufferID]

  init(_ kernel: Kernel) {
    name = kernel.name
    buffers = kernel.stores.map(\.access.buffer)
  }
}

extension Kernel {
  /// A kernel that fills panels, apart from where these are and who fills them.
  fileprivate var filling: Kernel {
    var kernel = self
    kernel.split = .none
    kernel.stores = stores.map {
      var store = $0
      store.access.buffer = BufferID(index: 0)
      return store
    }
    return kernel
  }
}
