import RNNGraph
import RNNInterpreter
import RNNPlan

/// Runs a plan as its text says, point by point and without code: what compiled code is compared with, and what is
/// compared with the graph.
///
/// Each instruction is computed in `Double` and rounded once to its type. Sums are added up in the order of the points,
/// those of products by fused multiply-adds in the type of the sums. Every element that is read must have been written
/// for the same buffer.
public struct PlanInterpreter {
  /// The plan.
  public let plan: Plan
  /// What is told of every barrier and every element that is touched.
  public var observer: ((PlanEvent) -> Void)?

  private let sizes: [Symbol: Int]
  private let memory: PlanMemory

  /// Lays out the memory of a plan and fills in its inputs.
  ///
  /// - Parameter sizes: values of the plan's symbols.
  /// - Throws: `PlanFault` if the inputs or the sizes do not fit.
  public init(_ plan: Plan, inputs: [String: DenseArray], sizes: [Symbol: Int]) throws(PlanFault) {
    for symbol in plan.symbols where sizes[symbol] == nil {
      throw PlanFault(description: "no size is given for \(symbol)")
    }
    self.plan = plan
    self.sizes = sizes
    memory = try PlanMemory(plan, sizes)
    for (i, port) in plan.inputs.enumerated() {
      guard let array = inputs[port.name], array.shape == port.shape.map({ $0.evaluate(sizes) }) else {
        throw PlanFault(description: "input '\(port.name)' is not given, or in another shape")
      }
      for id in memory.buffers(at: .input(i)) {
        for (place, number) in array.numbers.enumerated() { memory[id, place] = number }
      }
    }
  }

  /// The outputs of a plan by name; what a call prepares for the next one is used by a second call.
  ///
  /// - Throws: `PlanFault` if the plan cannot be run as it stands.
  public static func run(
    _ plan: Plan, inputs: [String: DenseArray], sizes: [Symbol: Int]
  ) throws(PlanFault) -> [String: DenseArray] {
    let interpreter = try PlanInterpreter(plan, inputs: inputs, sizes: sizes)
    try interpreter.call()
    if plan.hasPreparation, !plan.outputs.contains(where: { $0.replaces != nil }) {
      try interpreter.call(isPrepared: true)
    }
    return interpreter.outputs
  }

  /// Does all steps, or all but those that an earlier call has done for later ones.
  ///
  /// - Throws: `PlanFault` if the plan cannot be run as it stands.
  public func call(isPrepared: Bool = false) throws(PlanFault) {
    var scope = PlanScope(sizes: sizes)
    try run(plan.steps[(isPrepared && plan.hasPreparation ? 1 : 0)...], &scope)
  }

  /// What the outputs hold, by name.
  public var outputs: [String: DenseArray] {
    var outputs: [String: DenseArray] = [:]
    for (i, port) in plan.outputs.enumerated() {
      let shape = port.shape.map { $0.evaluate(sizes) }
      let place = port.replaces.map { Buffer.Place.input($0) } ?? .output(i)
      guard let id = memory.buffers(at: place).first else { continue }
      let numbers = (0..<shape.reduce(1, *)).map { memory[id, $0] }
      outputs[port.name] = DenseArray(port.element, shape, numbers)
    }
    return outputs
  }

  private func run(_ steps: ArraySlice<Step>, _ scope: inout PlanScope) throws(PlanFault) {
    for step in steps {
      switch step {
      case .barrier: observer?(.barrier)
      case .preparation(let inner): try run(inner[...], &scope)
      case .kernel(let kernel):
        for buffer in [kernel.product?.blocks?.copies, kernel.product?.blocks?.partial] {
          if let buffer { memory.forget(buffer) }
        }
        for thread in 0..<plan.threads {
          let run = try KernelRun(kernel, plan, scope, memory, thread: thread, observer)
          try run?.run()
        }
      case .loop(let loop):
        guard let count = scope.sizes[loop.steps] else {
          throw PlanFault(description: "no size is given for \(loop.steps)")
        }
        for round in 0..<count {
          let step = loop.isReversed ? count - 1 - round : round
          scope.loops[loop.id] = (step, round & 1)
          if let segments = loop.segments {
            let longest = scope.sizes[segments.longest] ?? 0
            scope.sizes[segments.length] = min(longest, (scope.sizes[segments.whole] ?? 0) - step * longest)
          }
          try run(loop.body[...], &scope)
        }
        scope.loops[loop.id] = nil
        if let segments = loop.segments { scope.sizes[segments.length] = nil }
      }
    }
  }
}

/// The sizes of symbols, and the step and the parity of each loop around a kernel.
struct PlanScope {
  var sizes: [Symbol: Int]
  var loops: [Int: (step: Int, parity: Int)] = [:]

  init(sizes: [Symbol: Int]) { self.sizes = sizes }
}

/// What an observer of a run is told.
public enum PlanEvent {
  /// All threads wait for each other.
  case barrier
  /// A thread reads or writes an element.
  case touch(Touch)

  /// An element that is read or written.
  public struct Touch {
    /// The kernel.
    public let kernel: Kernel
    /// The thread.
    public let thread: Int
    /// The buffer, and the element of it.
    public let buffer: BufferID, element: Int
    /// Whether it is written.
    public let writes: Bool
  }
}
