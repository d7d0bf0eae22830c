import RNNPlan

/// A step on the way from a plan that is free of any machine to one that is laid out.
public struct PlanPass: Sendable {
  /// The name.
  public let name: String
  /// What it does.
  public let summary: String
  private let run: @Sendable (inout Plan, any Scheduler, Int) throws(BrokenSchedule) -> Void

  /// Does it, for a scheduler and some threads.
  ///
  /// - Throws: `BrokenSchedule` if it does not fit the plan.
  public func apply(
    to plan: inout Plan, _ scheduler: any Scheduler, threads: Int
  ) throws(BrokenSchedule) {
    try run(&plan, scheduler, threads)
  }

  /// All passes, in their order.
  public static let all = [
    PlanPass(
      name: "arrange", summary: "share kernels among threads, give products tiles, and pack their columns"
    ) { (plan, scheduler, threads) throws(BrokenSchedule) in
      if plan.isArranged { throw BrokenSchedule(problems: ["the plan is laid out already"]) }
      plan = try plan.arranged(by: scheduler, threads: threads).plan
    },
    PlanPass(name: "prepare", summary: "take out what depends on parameters only, to be done once") {
      (plan, _, _) throws(BrokenSchedule) in plan.prepare()
    },
    PlanPass(name: "barriers", summary: "put a barrier wherever a thread needs what another one wrote") {
      (plan, _, _) throws(BrokenSchedule) in plan.insertBarriers()
    },
    PlanPass(name: "arena", summary: "give every buffer its place in one block of memory") {
      (plan, _, _) throws(BrokenSchedule) in plan.layOutArena()
    },
  ]

  private init(
    name: String, summary: String,
    run: @escaping @Sendable (inout Plan, any Scheduler, Int) throws(BrokenSchedule) -> Void
  ) {
    (self.name, self.summary, self.run) = (name, summary, run)
  }
}

extension Plan {
  /// Whether its products have tiles, or threads share it, or it has parts that only a plan that is laid out has.
  var isArranged: Bool {
    isLaidOut || kernels.contains { $0.product?.layout != nil || $0.split != .none }
      || steps.contains { $0.isOfLayout }
  }
}

extension Step {
  fileprivate var isOfLayout: Bool {
    switch self {
    case .kernel: false
    case .loop(let loop): loop.body.contains { $0.isOfLayout }
    case .preparation, .barrier: true
    }
  }
}
