import RNNGraph
import RNNInterpreter
import RNNLLVM
import RNNPlan
import RNNPlanInterpreter
import RNNSchedule

/// A graph, its plan and the plan's schedule, of which each must compute what the one before does.
public struct LayerComparison {
  /// What is to be computed.
  public var graph: Graph
  /// The plan of the graph.
  public var plan: Plan
  /// The plan from which code is made, with its schedule.
  public var scheduled: ScheduledPlan
  /// What the code is for.
  public var target: Target

  /// Compares a graph, the plan that is scheduled, and its code.
  public init(_ graph: Graph, _ scheduled: ScheduledPlan, target: Target) {
    self.graph = graph
    plan = scheduled.plan
    self.scheduled = scheduled
    self.target = target
  }

  /// What differs, with the layer that is at fault in front: the planner if the plan does not compute what the graph
  /// does, the scheduler or the emitter if the code does not compute what the plan does.
  ///
  /// What does not depend on the order of a sum, nor on how a function is approximated, must have the same bits.
  ///
  /// - Parameter tolerance: the largest difference of an output where it does; see `relativeDifference`.
  /// - Throws: what the interpreter of graphs or LLVM throws.
  public func problems(
    inputs: [String: DenseArray], sizes: [Symbol: Int], tolerance: (String) throws -> Double
  ) throws -> [String] {
    let expected = try Interpreter(graph).run(inputs: inputs, sizes: sizes)
    let planned: [String: DenseArray]
    do {
      planned = try PlanInterpreter.run(plan, inputs: inputs, sizes: sizes)
    } catch {
      return ["the planner: \(error)"]
    }
    let compiled = try runNatively(scheduled, inputs: inputs, sizes: sizes, target: target)
    func difference(_ a: DenseArray?, _ b: DenseArray?, isExact: Bool) -> Double {
      guard let a, let b else { return .infinity }
      let isSame =
        a.shape == b.shape
        && zip(a.numbers, b.numbers).allSatisfy {
          $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN
        }
      return isSame ? 0 : isExact ? .infinity : relativeDifference(a, b)
    }
    var problems: [String] = []
    for name in expected.keys.sorted() {
      let byPlanner = difference(expected[name], planned[name], isExact: !plan.hasSums)
      if byPlanner > 0, try byPlanner > tolerance(name) {
        problems.append("the planner: output '\(name)' of the plan is not that of the graph (\(byPlanner))")
      }
      let byEmitter = difference(planned[name], compiled[name], isExact: target.hasFMA && !plan.leavesRoom)
      if byEmitter > 0, try byEmitter > tolerance(name) {
        problems.append(
          "the scheduler or the emitter: output '\(name)' of the code is not that of the plan (\(byEmitter))")
      }
    }
    return problems
  }
}

extension Plan {
  /// Whether anything is added up: a graph does not say in which order and in which type.
  fileprivate var hasSums: Bool {
    kernels.contains { kernel in
      switch kernel.kind {
      case .map: kernel.product != nil
      case .reduce(let reduction, _, _): reduction == .sum
      case .scatterAdd: true
      }
    }
  }

  /// Whether code may give other bits than the plan's text: sums along the last axis are added up in lanes, and functions
  /// are approximated.
  fileprivate var leavesRoom: Bool {
    kernels.contains { kernel in
      if case .reduce(.sum, _, keepsLast: false) = kernel.kind { return true }
      return kernel.body.contains { instruction in
        guard case .unary(let function, _) = instruction else { return false }
        return function.traits.contains(.long) || function == .rsqrt
      }
    }
  }
}
