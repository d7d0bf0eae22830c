import RNNGraph
import RNNLLVM
import RNNPlan

/// Emits the function that runs a plan's steps in order, and a function for each kernel.
final class ProgramEmitter {
  let plan: Plan
  let module: Module
  let layout: ContextLayout
  private let timesKernels: Bool
  private var kernelCount = 0
  private var barrier: IRFunction?

  init(_ plan: Plan, _ module: Module, timesKernels: Bool) {
    self.plan = plan
    self.timesKernels = timesKernels
    self.module = module
    layout = ContextLayout(plan)
  }

  func emit(_ name: String) {
    let function = module.function(name, [module.pointer, module.i32], module.void)
    let builder = FunctionBuilder(function, in: module)
    let context = builder.parameters[0]
    let thread = builder.zext(builder.parameters[1], to: module.i64)
    emit(plan.steps, loops: [:], order: [], builder, context, thread)
    builder.return()
  }

  /// The running index and the parity of a loop around the code, and the length of its segment if it has segments.
  struct LoopValues {
    var step: IRValue
    var parity: IRValue
    var length: IRValue?

    var all: [IRValue] { [step, parity] + (length.map { [$0] } ?? []) }
  }

  private func emit(
    _ steps: [Step], loops: [Int: LoopValues], order: [Loop], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue
  ) {
    for step in steps {
      switch step {
      case .kernel(let kernel):
        call(kernel, loops: loops, order: order, builder, context, thread)
      case .loop(let loop):
        let lengths = lengths(order, loops)
        let count = symbol(loop.steps, builder, context, lengths)
        builder.forLoop(from: module.i64.constant(0), to: count, step: module.i64.constant(1)) { iteration in
          let one = module.i64.constant(1)
          let step = loop.isReversed ? builder.sub(builder.sub(count, one), iteration) : iteration
          var inner = loops
          inner[loop.id] = LoopValues(
            step: step, parity: builder.and(iteration, one),
            length: loop.segments.map { segments in
              let longest = symbol(segments.longest, builder, context, lengths)
              let whole = symbol(segments.whole, builder, context, lengths)
              return builder.smin(longest, builder.sub(whole, builder.mul(step, longest)))
            })
          emit(loop.body, loops: inner, order: order + [loop], builder, context, thread)
        }
      case .preparation(let steps):
        let prepared = builder.load(
          module.i64, builder.offset(context, bytes: layout.prepared), align: 8, isInvariant: true)
        builder.ifThen(builder.icmp(.equal, prepared, module.i64.constant(0))) {
          emit(steps, loops: loops, order: order, builder, context, thread)
        }
      case .barrier:
        timed(plan.kernels.count, builder, context, thread) { builder.call(barrierFunction(), [context]) }
      }
    }
  }

  /// Calls a kernel with this thread's part of its domain.
  private func call(
    _ kernel: Kernel, loops: [Int: LoopValues], order: [Loop], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue
  ) {
    let number = kernelCount
    let function = emit(kernel, loops: order)
    func run(_ arguments: [IRValue]) {
      timed(number, builder, context, thread) { builder.call(function, arguments) }
    }
    let values = order.flatMap { loops[$0.id]!.all }
    let i64 = module.i64
    switch kernel.split {
    case .none:
      let all = [context, i64.constant(0), i64.constant(0)] + values
      if plan.threads == 1 {
        run(all)
      } else {
        builder.ifThen(builder.icmp(.equal, thread, i64.constant(0))) { run(all) }
      }
    case .batch(let axis), .axis(let axis, _):
      let multiple = if case .axis(_, let number) = kernel.split { number } else { 1 }
      let extent = size(kernel.domain[axis], builder, context, lengths(order, loops))
      // Whole multiples to each thread; the last one takes what is left over.
      let units = builder.udiv(builder.add(extent, i64.constant(multiple - 1)), i64.constant(multiple))
      func bound(_ thread: IRValue) -> IRValue {
        let unit = builder.udiv(builder.mul(units, thread), i64.constant(plan.threads))
        return builder.smin(builder.mul(unit, i64.constant(multiple)), extent)
      }
      let low = bound(thread)
      let high = bound(builder.add(thread, i64.constant(1)))
      builder.ifThen(builder.icmp(.less, low, high)) {
        run([context, low, high] + values)
      }
    }
  }

  /// Runs `body`, and adds the ticks that it takes to a clock of this thread.
  private func timed(
    _ clock: Int, _ builder: FunctionBuilder, _ context: IRValue, _ thread: IRValue, _ body: () -> Void
  ) {
    guard timesKernels else { return body() }
    let start = builder.intrinsic("llvm.readcyclecounter", [], [])
    body()
    let ticks = builder.sub(builder.intrinsic("llvm.readcyclecounter", [], []), start)
    let clocks = builder.load(
      module.pointer, builder.offset(context, bytes: layout.clocks), align: 8, isInvariant: true)
    let row = builder.mul(thread, module.i64.constant(8 * (plan.kernels.count + 1)))
    let place = builder.offset(builder.offset(clocks, bytes: row), bytes: 8 * clock)
    builder.store(builder.add(builder.load(module.i64, place, align: 8), ticks), place, align: 8)
  }

  /// The lengths of the segments of the loops around the code.
  private func lengths(_ order: [Loop], _ loops: [Int: LoopValues]) -> [Symbol: IRValue] {
    var lengths: [Symbol: IRValue] = [:]
    for loop in order { if let segments = loop.segments { lengths[segments.length] = loops[loop.id]?.length } }
    return lengths
  }

  private func emit(_ kernel: Kernel, loops: [Loop]) -> IRFunction {
    let count = loops.reduce(2) { $0 + ($1.segments == nil ? 2 : 3) }
    let parameters = [module.pointer] + Array(repeating: module.i64, count: count)
    let name =
      "kernel\(kernelCount)_" + kernel.name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    kernelCount += 1
    let function = module.function(name, parameters, module.void, isInternal: true, attributes: [.noInline])
    let emitter = KernelEmitter(kernel, self, FunctionBuilder(function, in: module), loops: loops)
    emitter.emit()
    return function
  }

  /// The value of a symbol: the length of a segment around the code, or read from the context.
  private func symbol(
    _ symbol: Symbol, _ builder: FunctionBuilder, _ context: IRValue, _ lengths: [Symbol: IRValue]
  ) -> IRValue {
    if let length = lengths[symbol] { return length }
    let place = plan.symbols.firstIndex(of: symbol)!
    return builder.load(
      module.i64, builder.offset(context, bytes: layout.sizes + 8 * place), align: 8, isInvariant: true)
  }

  /// The value of a size, with the lengths of segments around the code.
  func size(
    _ size: Size, _ builder: FunctionBuilder, _ context: IRValue, _ lengths: [Symbol: IRValue]
  ) -> IRValue {
    if let constant = size.constant { return module.i64.constant(constant) }
    var sum: IRValue?
    for (symbols, factor) in size.terms.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      var product = module.i64.constant(factor)
      for name in symbols { product = builder.mul(product, symbol(name, builder, context, lengths)) }
      sum = sum.map { builder.add($0, product) } ?? product
    }
    return sum ?? module.i64.constant(0)
  }

  /// Waits until all threads have come: the last one to come lets the others go by raising the number of meetings.
  private func barrierFunction() -> IRFunction {
    if let barrier { return barrier }
    let function = module.function("rnnc_barrier", [module.pointer], module.void, isInternal: true)
    barrier = function
    let builder = FunctionBuilder(function, in: module)
    let i64 = module.i64
    let waiting = builder.offset(builder.parameters[0], bytes: layout.waiting)
    let meetings = builder.offset(builder.parameters[0], bytes: layout.meetings)
    let meeting = builder.atomicLoad(i64, meetings, .relaxed)
    let before = builder.atomicAdd(waiting, i64.constant(1), .acquireRelease)
    let isLast = builder.icmp(.equal, before, i64.constant(plan.threads - 1))
    let last = builder.block("last")
    let wait = builder.block("wait")
    let idle = builder.block("idle")
    let yield = builder.block("yield")
    let done = builder.block("done")
    builder.branch(if: isLast, then: last, else: wait)

    builder.position(atEndOf: last)
    builder.atomicStore(i64.constant(0), waiting, .relaxed)
    builder.atomicStore(builder.add(meeting, i64.constant(1)), meetings, .release)
    builder.branch(to: done)

    builder.position(atEndOf: wait)
    let spins = builder.phi(i64, [(i64.constant(0), builder.entry)])
    let now = builder.atomicLoad(i64, meetings, .acquire)
    builder.branch(if: builder.icmp(.equal, now, meeting), then: idle, else: done)

    builder.position(atEndOf: idle)
    builder.pause()
    let next = builder.add(spins, i64.constant(1))
    // A thread that waits long may be waiting for one that has no processor.
    let isLong = builder.icmp(.equal, builder.and(next, i64.constant((1 << 14) - 1)), i64.constant(0))
    builder.add(incoming: next, from: idle, to: spins)
    builder.branch(if: isLong, then: yield, else: wait)

    builder.position(atEndOf: yield)
    let schedule = module.function("sched_yield", [], module.i32)
    builder.call(schedule, [])
    builder.add(incoming: next, from: yield, to: spins)
    builder.branch(to: wait)

    builder.position(atEndOf: done)
    builder.return()
    return function
  }
}
