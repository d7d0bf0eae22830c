import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

/// Emits the functions of a program into a module: all of them, or a part.
final class ProgramEmitter {
  let scheduled: ScheduledPlan
  var plan: Plan { scheduled.plan }
  let module: Module
  let layout: ContextLayout
  /// Whether each kernel adds the ticks that it takes to its clock.
  private let timesKernels: Bool
  /// Whether all of the program is in this module.
  private let isWhole: Bool
  /// Whether instructions carry the lines that they come from.
  private let hasDebugInfo: Bool
  private(set) var lines: ModuleLines?
  private var functions: [Int: IRFunction] = [:]
  private var kernelCount = 0
  private var partCount = 0
  /// The number of kernels, whose clocks stand in front of that of the barriers.
  private let clockOfBarriers: Int
  private var barrier: IRFunction?
  var tables: [TableKey: IRValue] = [:]

  /// Prepares to emit into a module.
  private init(
    _ scheduled: ScheduledPlan, timesKernels: Bool, debugInfo: Bool, _ module: Module, isWhole: Bool
  ) {
    hasDebugInfo = debugInfo
    self.scheduled = scheduled
    self.timesKernels = timesKernels
    self.module = module
    self.isWhole = isWhole
    layout = ContextLayout(scheduled.plan)
    clockOfBarriers = scheduled.calls.count
  }

  /// Emits a whole program, verified and optimised.
  ///
  /// - Throws: `LLVMError` if LLVM refuses the code, which is a bug of rnnc.
  static func emit(
    _ scheduled: ScheduledPlan, timesKernels: Bool, debugInfo: Bool, into module: Module
  ) throws {
    let emitter = ProgramEmitter(
      scheduled, timesKernels: timesKernels, debugInfo: debugInfo, module, isWhole: true)
    try emitter.emit(Array(scheduled.functions.indices), withEntry: true)
  }

  /// Emits some kernels' functions, and perhaps the entry; what they call elsewhere is linked by name.
  ///
  /// - Throws: `LLVMError` if LLVM refuses the code, which is a bug of rnnc.
  static func emit(
    _ functions: [Int], withEntry: Bool, of scheduled: ScheduledPlan, timesKernels: Bool, debugInfo: Bool,
    into module: Module
  ) throws {
    let emitter = ProgramEmitter(
      scheduled, timesKernels: timesKernels, debugInfo: debugInfo, module, isWhole: false)
    try emitter.emit(functions, withEntry: withEntry)
  }

  private func emit(_ functions: [Int], withEntry: Bool) throws {
    let entry =
      withEntry ? module.function(plan.entryName, [module.pointer, module.i32], module.void) : nil
    if hasDebugInfo { lines = ModuleLines(functions.map { scheduled.functions[$0].form.kernel }, module) }
    for function in functions { emitKernel(function) }
    lines?.info.finish()
    try module.verify()
    try module.run(passes: "function(early-cse,instsimplify,simplifycfg,loop-mssa(licm),early-cse)")
    guard let entry else { return }
    // Addresses are computed where they are needed: in front of the loop they would all be alive at once, which is too
    // much for the registers and takes the register allocator long.
    emitEntry(entry)
    try module.verify()
    try module.run(passes: "function(early-cse)")
  }

  private func emitEntry(_ function: IRFunction) {
    let builder = FunctionBuilder(function, in: module)
    let context = builder.parameters[0]
    let thread = builder.zext(builder.parameters[1], to: module.i64)
    emit(plan.steps, loops: [:], builder, context, thread)
    builder.return()
  }

  private func emitKernel(_ number: Int) {
    let kernel = scheduled.functions[number]
    KernelEmitter(kernel.form, kernel.schedule, self, FunctionBuilder(function(number), in: module)).emit()
  }

  /// A kernel's function, of the context, this thread's range, and the form's addresses, numbers and sizes.
  private func function(_ number: Int) -> IRFunction {
    if let known = functions[number] { return known }
    let form = scheduled.functions[number].form
    let parameters =
      [module.pointer, module.i64, module.i64] + form.elements.map { _ in module.pointer }
      + Array(repeating: module.i64, count: form.numberCount + form.sizes.count)
    let function = module.function(
      scheduled.functions[number].name, parameters, module.void, isInternal: isWhole, attributes: [.noInline])
    functions[number] = function
    return function
  }

  /// The running index and the parity of a loop around the code, and the length of its segment if it has segments.
  private struct LoopValues {
    var step: IRValue
    var parity: IRValue
    var length: (symbol: Symbol, value: IRValue)?
  }

  // Note [Parts]: LLVM takes longer than in proportion for a long function. So the entry, and the body of a loop, whose
  // steps are many is cut into functions.

  /// The kernels from which on steps are cut into parts, and that a part has at most.
  private static let partLimit = 256

  private func emit(
    _ steps: [Step], loops: [Int: LoopValues], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue
  ) {
    var parts: [[Step]] = []
    var load = 0
    for step in steps {
      let size = min(step.kernelCount, Self.partLimit)
      if parts.isEmpty || load + size > Self.partLimit {
        parts.append([])
        load = 0
      }
      parts[parts.count - 1].append(step)
      load += size
    }
    if parts.count <= 1 { return emitStraight(steps, loops: loops, builder, context, thread) }
    for part in parts { emit(part: part, loops: loops, builder, context, thread) }
  }

  /// Emits steps as a function of their own, of the context, the thread, and what loops around them give; calls it.
  private func emit(
    part: [Step], loops: [Int: LoopValues], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue
  ) {
    let around = loops.sorted { $0.key < $1.key }
    let values = around.flatMap { [$1.step, $1.parity] + ($1.length.map { [$0.value] } ?? []) }
    let function = module.function(
      "\(plan.entryName)_part\(partCount)",
      [module.pointer, module.i64] + values.map { _ in module.i64 }, module.void, isInternal: true,
      attributes: [.noInline])
    partCount += 1
    let inside = FunctionBuilder(function, in: module)
    var parameters = inside.parameters[...]
    let (innerContext, innerThread) = (parameters.removeFirst(), parameters.removeFirst())
    var inner: [Int: LoopValues] = [:]
    for (number, outer) in around {
      inner[number] = LoopValues(step: parameters.removeFirst(), parity: parameters.removeFirst())
      if let length = outer.length { inner[number]?.length = (length.symbol, parameters.removeFirst()) }
    }
    emitStraight(part, loops: inner, inside, innerContext, innerThread)
    inside.return()
    builder.call(function, [context, thread] + values)
  }

  private func emitStraight(
    _ steps: [Step], loops: [Int: LoopValues], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue
  ) {
    var steps = steps[...]
    while let step = steps.popFirst() {
      switch step {
      case .kernel(let kernel):
        let share = Share(of: kernel)
        var count = 1
        while case .kernel(let next) = steps.first, Share(of: next) == share {
          steps.removeFirst()
          count += 1
        }
        run(share, loops: loops, builder, context, thread) { low, high in
          for _ in 0..<count { callNextKernel(low, high, loops: loops, builder, context, thread) }
        }
      case .loop(let loop):
        let count = symbol(loop.steps, loops, builder, context)
        builder.forLoop(from: module.i64.constant(0), to: count, step: module.i64.constant(1)) { iteration in
          let one = module.i64.constant(1)
          let iteration = builder.opaque(iteration)
          let step = loop.isReversed ? builder.sub(builder.sub(count, one), iteration) : iteration
          var inner = loops
          inner[loop.id] = LoopValues(step: step, parity: builder.and(iteration, one))
          if let segments = loop.segments {
            let longest = symbol(segments.longest, loops, builder, context)
            let rest = builder.sub(
              symbol(segments.whole, loops, builder, context), builder.mul(step, longest))
            inner[loop.id]?.length = (segments.length, builder.smin(longest, rest))
          }
          emit(loop.body, loops: inner, builder, context, thread)
        }
      case .preparation(let steps):
        let prepared = builder.load(
          module.i64, builder.offset(context, bytes: layout.prepared), align: 8, isInvariant: true)
        builder.ifThen(builder.icmp(.equal, prepared, module.i64.constant(0))) {
          emit(steps, loops: loops, builder, context, thread)
        }
      case .barrier:
        timed(clockOfBarriers, builder, context, thread) {
          builder.call(barrierFunction(), [context, thread])
        }
      }
    }
  }

  /// What a thread does of a kernel: its part of an extent, in multiples of a number, or all of it if it is the first one.
  private struct Share: Equatable {
    var extent: Size?
    var multiple = 1

    init(of kernel: Kernel) {
      guard let share = kernel.split.share else { return }
      (extent, multiple) = (kernel.domain[share.axis], share.multiple)
    }
  }

  /// Calls the next kernel of the plan with a part of its domain.
  private func callNextKernel(
    _ low: IRValue, _ high: IRValue, loops: [Int: LoopValues], _ builder: FunctionBuilder,
    _ context: IRValue, _ thread: IRValue
  ) {
    let number = kernelCount
    kernelCount += 1
    let call = scheduled.calls[number]
    let addresses = call.arguments.addresses.map { address($0, loops, builder, context) }
    let numbers = call.arguments.numbers.map { value($0, loops, builder, context) }
    let sizes = call.arguments.sizes.map { size in
      self.size(size, builder) { symbol($0, loops, builder, context) }
    }
    timed(number, builder, context, thread) {
      builder.call(function(call.function), [context, low, high] + addresses + numbers + sizes)
    }
  }

  /// Runs `body` with this thread's share, if there is one: what `Split.range` gives.
  private func run(
    _ share: Share, loops: [Int: LoopValues], _ builder: FunctionBuilder, _ context: IRValue,
    _ thread: IRValue, _ body: (_ low: IRValue, _ high: IRValue) -> Void
  ) {
    let i64 = module.i64
    let multiple = share.multiple
    switch share.extent {
    case nil:
      let zero = i64.constant(0)
      if plan.threads == 1 {
        body(zero, zero)
      } else {
        builder.ifThen(builder.icmp(.equal, thread, zero)) { body(zero, zero) }
      }
    case let extent?:
      let extent = size(extent, builder) { symbol($0, loops, builder, context) }
      // Whole multiples to each thread; the last one takes what is left over.
      let units = builder.udiv(builder.add(extent, i64.constant(multiple - 1)), i64.constant(multiple))
      func bound(_ thread: IRValue) -> IRValue {
        let unit = builder.udiv(builder.mul(units, thread), i64.constant(plan.threads))
        return builder.smin(builder.mul(unit, i64.constant(multiple)), extent)
      }
      let low = bound(thread)
      let high = bound(builder.add(thread, i64.constant(1)))
      builder.ifThen(builder.icmp(.less, low, high)) { body(low, high) }
    }
  }

  /// The address of an element.
  private func address(
    _ origin: KernelArguments.Origin, _ loops: [Int: LoopValues], _ builder: FunctionBuilder,
    _ context: IRValue
  ) -> IRValue {
    func pointer(_ offset: Int) -> IRValue {
      builder.load(module.pointer, builder.offset(context, bytes: offset), align: 8, isInvariant: true)
    }
    let buffer = plan[origin.buffer]
    let distance = origin.index * Size(buffer.elementBytes)
    let (start, bytes) =
      switch buffer.place {
      case .input(let i): (pointer(layout.inputs + 8 * i), distance)
      case .output(let i): (pointer(layout.outputs + 8 * i), distance)
      case .table(let table): (data(of: table, buffer.element), distance)
      case .arena: (pointer(layout.arena), distance + Affine(buffer.offset))
      }
    return builder.offset(start, bytes: value(bytes, loops, builder, context))
  }

  /// The value of a form of running indices of loops.
  private func value(
    _ form: Affine, _ loops: [Int: LoopValues], _ builder: FunctionBuilder, _ context: IRValue
  ) -> IRValue {
    func surrounding(_ loop: Int) -> LoopValues {
      guard let values = loops[loop] else { preconditionFailure("a kernel stands outside loop t\(loop)") }
      return values
    }
    let one = module.i64.constant(1)
    func number(_ size: Size) -> IRValue {
      self.size(size, builder) { symbol($0, loops, builder, context) }
    }
    var sum = number(form.constant)
    for (index, factor) in form.factors.sorted(by: { $0.key < $1.key }) {
      let running =
        switch index {
        case .axis: preconditionFailure("an argument does not depend on the domain")
        case .loop(let loop): surrounding(loop).step
        case .parity(let loop): surrounding(loop).parity
        case .oppositeParity(let loop): builder.xor(surrounding(loop).parity, one)
        case .stepsParity(let name): builder.and(symbol(name, loops, builder, context), one)
        }
      sum = builder.add(sum, builder.mul(running, number(factor)))
    }
    return sum
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
    let row = builder.mul(thread, module.i64.constant(8 * (clockOfBarriers + 1)))
    let place = builder.offset(builder.offset(clocks, bytes: row), bytes: 8 * clock)
    builder.store(builder.add(builder.load(module.i64, place, align: 8), ticks), place, align: 8)
  }

  /// The value of a symbol: the length of a segment around the code, or read from the context.
  private func symbol(
    _ symbol: Symbol, _ loops: [Int: LoopValues], _ builder: FunctionBuilder, _ context: IRValue
  ) -> IRValue {
    loops.values.first { $0.length?.symbol == symbol }?.length?.value
      ?? self.symbol(symbol, builder, context)
  }

  /// The value of a symbol, read from the context.
  func symbol(_ symbol: Symbol, _ builder: FunctionBuilder, _ context: IRValue) -> IRValue {
    let place = plan.symbols.firstIndex(of: symbol)!
    return builder.load(
      module.i64, builder.offset(context, bytes: layout.sizes + 8 * place), align: 8, isInvariant: true)
  }

  /// The value of a size by those of its symbols.
  func size(_ size: Size, _ builder: FunctionBuilder, _ symbol: (Symbol) -> IRValue) -> IRValue {
    if let constant = size.constant { return module.i64.constant(constant) }
    var sum: IRValue?
    for (symbols, factor) in size.terms.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      var product = module.i64.constant(factor)
      for name in symbols { product = builder.mul(product, symbol(name)) }
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

extension Step {
  /// The number of kernels, those of loops included.
  fileprivate var kernelCount: Int {
    switch self {
    case .kernel: 1
    case .barrier: 0
    case .loop(let loop): loop.body.reduce(0) { $0 + $1.kernelCount }
    case .preparation(let steps): steps.reduce(0) { $0 + $1.kernelCount }
    }
  }
}
