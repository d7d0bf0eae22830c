import RNNGraph
import RNNPlan

/// A plan with how it is computed: the functions that its kernels share, and the schedule of each.
public struct ScheduledPlan: Sendable {
  /// Code that kernels of one form share.
  public struct Function: Sendable {
    /// The name, after the first kernel that calls it.
    public let name: String
    /// What it computes, in terms of its arguments.
    public let form: KernelForm
    /// How.
    public var schedule: Schedule
  }

  /// A kernel as a call of a function.
  public struct Call: Sendable {
    /// The number of the function.
    public let function: Int
    /// What it is called with.
    public let arguments: KernelArguments
  }

  /// The plan, free of any machine.
  public let source: Plan
  /// How it is laid out.
  public let arrangement: Arrangement
  /// The plan as it is laid out, whose kernels the functions compute.
  public let plan: Plan
  /// What scheduled it.
  let scheduler: any Scheduler
  /// The functions.
  public internal(set) var functions: [Function] = []
  /// For each kernel in the plan's order, which function it calls with what.
  public private(set) var calls: [Call] = []

  /// Schedules a plan for some threads: for one if nothing is worth sharing.
  ///
  /// - Throws: `BrokenSchedule` if the scheduler arranges what cannot be.
  public init(_ source: Plan, _ scheduler: any Scheduler, threads: Int = 1) throws(BrokenSchedule) {
    let (plan, arrangement) = try source.laidOut(by: scheduler, threads: threads)
    self.init(source, arrangement, plan, scheduler)
  }

  /// Schedules a plan that is arranged.
  ///
  /// - Throws: `BrokenSchedule` if it is none of this plan.
  public init(
    _ source: Plan, _ arrangement: Arrangement, _ scheduler: any Scheduler
  ) throws(BrokenSchedule) {
    let (plan, arrangement) = try source.laidOut(by: arrangement, scheduler)
    self.init(source, arrangement, plan, scheduler)
  }

  /// Schedules a plan that is laid out by an arrangement.
  public init(_ source: Plan, _ arrangement: Arrangement, _ plan: Plan, _ scheduler: any Scheduler) {
    (self.source, self.arrangement, self.plan) = (source, arrangement, plan)
    self.scheduler = scheduler
    let kernels = plan.kernels
    let forms = kernels.map { plan.form(of: $0) }
    let open = kernels.map { plan.openForm(of: $0, scheduler.machine) }
    var sharers: [KernelForm: Set<KernelForm>] = [:]
    for (form, open) in zip(forms, open) {
      if let open { sharers[open.form, default: []].insert(form.form) }
    }
    var known: [KernelForm: Int] = [:]
    for (i, kernel) in kernels.enumerated() {
      let isShared = open[i].map { sharers[$0.form]!.count > 1 } ?? false
      let (form, arguments) = isShared ? open[i]! : forms[i]
      let function = known[form] ?? functions.count
      if function == functions.count {
        known[form] = function
        let name = kernel.name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        functions.append(
          Function(
            name: "kernel\(i)_\(name)", form: form,
            schedule: scheduler.schedule(form, threads: plan.threads)))
      }
      calls.append(Call(function: function, arguments: arguments))
    }
  }

  /// The processor.
  public var machine: Machine { scheduler.machine }

  /// The same plan, arranged in another way. Functions that it has, too, keep their schedules.
  ///
  /// - Throws: `BrokenSchedule` if the arrangement is none of this plan.
  public func arranged(_ arrangement: Arrangement) throws(BrokenSchedule) -> ScheduledPlan {
    let known = Dictionary(functions.map { ($0.form, $0.schedule) }, uniquingKeysWith: { one, _ in one })
    var result = try ScheduledPlan(source, arrangement, scheduler)
    for i in result.functions.indices {
      if let schedule = known[result.functions[i].form] { result.functions[i].schedule = schedule }
    }
    return result
  }

  /// The functions in parts, of which each is smaller than the one before: whoever comes late takes little. The entry,
  /// which counts as well, goes with the first part.
  public func parts(_ count: Int) -> [[Int]] {
    var parts = Array(repeating: [Int](), count: max(1, min(count, functions.count)))
    var loads = parts.map { _ in 0 }
    loads[0] = 60 + calls.reduce(0) { $0 + 6 + 2 * $1.arguments.addresses.count }
    func share(_ part: Int, with size: Int) -> Double {
      Double(loads[part] + size) / Double(parts.count - part)
    }
    let sizes = functions.map(\.form.kernel.codeSize)
    for function in functions.indices.sorted(by: { (sizes[$1], $0) < (sizes[$0], $1) }) {
      let size = sizes[function]
      let part = parts.indices.min { (share($0, with: size), $0) < (share($1, with: size), $1) }!
      parts[part].append(function)
      loads[part] += size
    }
    return parts.enumerated().filter { $0 == 0 || !$1.isEmpty }.map { $1.sorted() }
  }
}

extension Kernel {
  /// About how many instructions the code of the kernel has.
  var codeSize: Int {
    let row = body.reduce(2 * stores.count) { $0 + $1.codeSize }
    guard let product else {
      // Whole vectors and what is left over; a reduction has several sums side by side, too.
      if case .reduce = kind { return 60 + 6 * row }
      // Some vectors side by side.
      if kind == .sweep { return 60 + 4 * row }
      return 60 + 2 * row
    }
    return 120 + 20 * product.tile.sums + 2 * row * product.tile.vectors + (product.blocks == nil ? 0 : 120)
  }
}

extension Instruction {
  fileprivate var codeSize: Int {
    switch self {
    case .load, .constant, .size, .index, .accumulator, .compare, .select, .convert: 2
    case .combine: 8
    case .loadRow: 8
    case .random: 60
    case .unary(let function, _): function.traits.contains(.long) ? 30 : 3
    case .binary(let function, _, _): function.traits.contains(.long) ? 60 : 2
    }
  }
}
