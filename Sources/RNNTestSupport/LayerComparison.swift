import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPlan
import RNNPlanInterpreter
import RNNSchedule

/// A graph, its plan, the plan as it is laid out, and its code by two schedulers, of which each must compute what the one
/// before does.
public struct LayerComparison {
  /// What is to be computed.
  public var graph: Graph
  /// The plan of the graph.
  public var plan: Plan
  /// The plan as it is laid out.
  public var layout: Plan
  /// The plan with the plainest schedule there is.
  public var scalar: ScheduledPlan
  /// The plan with the schedule that is used.
  public var scheduled: ScheduledPlan
  /// What the code is for.
  public var target: Target

  /// Compares a graph, the plan that is scheduled, and its code.
  public init(_ graph: Graph, _ scheduled: ScheduledPlan, target: Target) throws {
    self.graph = graph
    plan = scheduled.source
    layout = scheduled.plan
    scalar = try ScheduledPlan(plan, ScalarScheduler())
    self.scheduled = scheduled
    self.target = target
  }

  /// What differs, with the layer that is at fault in front.
  ///
  /// - The planner: the plan, by its interpreter, does not compute what the graph does.
  /// - The layout: the plan as it is laid out does not compute what the plan does.
  /// - The emitter: the code of the plainest schedule does not.
  /// - The scheduler, or what only its schedules ask of the emitter: the code of the schedule that is used does not.
  ///
  /// What does not depend on the order of a sum, nor on how a function is approximated, must have the same bits.
  ///
  /// - Parameter tolerance: the largest difference of an output where it does; see `relativeDifference`.
  /// - Throws: what the interpreter of graphs or LLVM throws.
  public func problems(
    inputs: [String: DenseArray], sizes: [Symbol: Int], tolerance: (String) throws -> Double
  ) throws -> [String] {
    let expected = try Interpreter(graph).run(inputs: inputs, sizes: sizes)
    func interpret(_ plan: Plan, _ layer: String) -> Result<[String: DenseArray], LayerFault> {
      do {
        return .success(try PlanInterpreter.run(plan, inputs: inputs, sizes: sizes))
      } catch {
        return .failure(LayerFault(description: "\(layer): \(error)"))
      }
    }
    func compare(
      _ found: [String: DenseArray], with wanted: [String: DenseArray], isExact: Bool, _ layer: String
    ) throws -> [String] {
      try wanted.keys.sorted().compactMap { name in
        let difference = difference(wanted[name], found[name], isExact: isExact)
        let isFine = try difference == 0 || difference <= tolerance(name)
        return isFine ? nil : "\(layer): output '\(name)' differs (\(difference))"
      }
    }
    do {
      let planned = try interpret(plan, "the planner").get()
      var problems = try compare(planned, with: expected, isExact: !plan.hasSums, "the planner")
      let laidOut = try interpret(layout, "the layout").get()
      problems += try compare(laidOut, with: planned, isExact: true, "the layout")
      let isExact = target.hasFMA && !plan.leavesRoom
      let plain = try runNatively(scalar, inputs: inputs, sizes: sizes, target: target)
      problems += try compare(plain, with: planned, isExact: isExact, "the emitter")
      let compiled = try runNatively(scheduled, inputs: inputs, sizes: sizes, target: target)
      return problems
        + (try compare(
          compiled, with: planned, isExact: isExact, "the scheduler, or what it asks of the emitter"))
    } catch let fault as LayerFault {
      return [fault.description]
    }
  }

  private func difference(_ a: DenseArray?, _ b: DenseArray?, isExact: Bool) -> Double {
    guard let a, let b else { return .infinity }
    let isSame =
      a.shape == b.shape
      && zip(a.numbers, b.numbers).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
    return isSame ? 0 : isExact ? .infinity : relativeDifference(a, b)
  }
}

/// A plan that cannot be run, and whose fault that is.
private struct LayerFault: Error { let description: String }

extension Plan {
  /// Whether anything is added up: a graph does not say in which order and in which type.
  fileprivate var hasSums: Bool {
    kernels.contains { kernel in
      switch kernel.kind {
      case .map: kernel.product != nil
      case .reduce(let reduction, _, _): reduction == .sum
      case .scatterAdd: true
      case .sweep: kernel.body.contains(where: \.isCombine)
      }
    }
  }

  /// Whether code may give other bits than the plan's text: sums along the last axis are added up in lanes, sums of a sweep
  /// by FMAs, and functions are approximated.
  fileprivate var leavesRoom: Bool {
    kernels.contains { kernel in
      if case .reduce(.sum, _, keepsLast: false) = kernel.kind { return true }
      if kernel.kind == .sweep { return true }
      return kernel.body.contains { instruction in
        guard case .unary(let function, _) = instruction else { return false }
        return function.traits.contains(.long) || function == .rsqrt
      }
    }
  }
}
