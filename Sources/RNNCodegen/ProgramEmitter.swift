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

  /// The running index and the parity of a loop around the code.
  struct LoopValues {
    var step: IRValue
    var parity: IRValue
  }

  private func emit(
    _ steps: [Step], loops: [Int: LoopValues], order: [Int], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue
  ) {
    for step in steps {
      switch step {
      case .kernel(let kernel):
        call(kernel, loops: loops, order: order, builder, context, thread)
      case .loop(let loop):
        let count = symbol(loop.steps, builder, context)
        builder.forLoop(from: module.i64.constant(0), to: count, step: module.i64.constant(1)) { iteration in
          let one = module.i64.constant(1)
          let step = loop.isReversed ? builder.sub(builder.sub(count, one), iteration) : iteration
          var inner = loops
          inner[loop.id] = LoopValues(step: step, parity: builder.and(iteration, one))
          emit(loop.body, loops: inner, order: order + [loop.id], builder, context, thread)
        }
      case .preparation(let steps):
        let prepared = builder.load(
          module.i64, builder.offset(context, bytes: layout.prepared), align: 8, isInvariant: true)
        builder.ifThen(builder.icmp(.equal, prepared, module.i64.constant(0))) {
          emit(steps, loops: loops, order: order, builder, context, thread)
        }
      case .barrier:
        timed(plan.kernels.count, builder, context, thread) {
          builder.call(barrierFunction(), [context, thread])
        }
      }
    }
  }

  /// Calls a kernel with this thread's part of its domain.
  private func call(
    _ kernel: Kernel, loops: [Int: LoopValues], order: [Int], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue
  ) {
    let number = kernelCount
    let function = emit(kernel, loops: order)
    func run(_ arguments: [IRValue]) {
      timed(number, builder, context, thread) { builder.call(function, arguments) }
    }
    let values = order.flatMap { [loops[$0]!.step, loops[$0]!.parity] }
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
      let extent = size(kernel.domain[axis], builder, context)
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

  private func emit(_ kernel: Kernel, loops: [Int]) -> IRFunction {
    let parameters = [module.pointer] + Array(repeating: module.i64, count: 2 + 2 * loops.count)
    let name =
      "kernel\(kernelCount)_" + kernel.name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    kernelCount += 1
    let function = module.function(name, parameters, module.void, isInternal: true, attributes: [.noInline])
    let emitter = KernelEmitter(kernel, self, FunctionBuilder(function, in: module), loops: loops)
    emitter.emit()
    return function
  }

  /// The value of a symbol, read from the context.
  func symbol(_ symbol: Symbol, _ builder: FunctionBuilder, _ context: IRValue) -> IRValue {
    let place = plan.symbols.firstIndex(of: symbol)!
    return builder.load(
      module.i64, builder.offset(context, bytes: layout.sizes + 8 * place), align: 8, isInvariant: true)
  }

  /// The value of a size.
  func size(_ size: Size, _ builder: FunctionBuilder, _ context: IRValue) -> IRValue {
    if let constant = size.constant { return module.i64.constant(constant) }
    var sum: IRValue?
    for (symbols, factor) in size.terms.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      var product = module.i64.constant(factor)
      for name in symbols { product = builder.mul(product, symbol(name, builder, context)) }
      sum = sum.map { builder.add($0, product) } ?? product
    }
    return sum ?? module.i64.constant(0)
  }

  private func barrierFunction() -> IRFunction {
    if let barrier { return barrier }
    let function = Barrier(module: module, layout: layout, threads: plan.threads).emit()
    barrier = function
    return function
  }
}
