import CRNNLLVM

/// What LLVM may do to a loop.
public struct LoopHints: Hashable, Sendable {
  /// How often to repeat the body: `nil` leaves it to LLVM, 1 forbids it.
  public var unroll: Int?
  /// Whether LLVM may make vectors of scalar work.
  public var vectorize: Bool

  /// Makes hints; LLVM decides about unrolling and does not vectorise, unless told otherwise.
  public init(unroll: Int? = nil, vectorize: Bool = false) {
    self.unroll = unroll
    self.vectorize = vectorize
  }
}

extension FunctionBuilder {
  /// Repeats `body` for `i = start, start + step, …` while `i < end`: not at all if `start >= end`.
  ///
  /// The builder stands behind the loop afterwards. The bounds are integers of one type, the step is positive
  /// and `end + step` fits.
  public func forLoop(
    from start: IRValue, to end: IRValue, step: IRValue, hints: LoopHints? = nil, _ body: (IRValue) -> Void
  ) {
    _ = forLoop(from: start, to: end, step: step, carrying: [], hints: hints) { index, _ in
      body(index)
      return []
    }
  }

  /// Repeats `body`, handing it the values that the round before returned, and returns the last ones.
  ///
  /// Bounds are as without carried values. If the loop does not run, `initial` comes back.
  public func forLoop(
    from start: IRValue, to end: IRValue, step: IRValue, carrying initial: [IRValue],
    hints: LoopHints? = nil, _ body: (_ index: IRValue, _ carried: [IRValue]) -> [IRValue]
  ) -> [IRValue] {
    let before = current
    let loop = block("loop")
    let exit = block("end")
    let runs = icmp(.less, start, end)
    // Bounds known to run need no check in front, and then no value can come around the loop.
    let alwaysRuns = runs.constantInteger.map { $0 != 0 } ?? false
    if alwaysRuns { branch(to: loop) } else { branch(if: runs, then: loop, else: exit) }

    position(atEndOf: loop)
    let index = phi(start.type, [(start, before)])
    let carried = initial.map { phi($0.type, [($0, before)]) }
    let next = body(index, carried)
    precondition(next.count == carried.count, "a loop's body must return as many values as it carries")
    let latch = current
    let nextIndex = add(index, step, noWrap: true)
    let back = LLVMBuildCondBr(ref, icmp(.less, nextIndex, end).ref, loop.ref, exit.ref)!
    add(incoming: nextIndex, from: latch, to: index)
    for (phi, value) in zip(carried, next) { add(incoming: value, from: latch, to: phi) }
    if let hints { set(hints, on: back) }

    // Blocks made by the body stand in front of the end in printed code.
    LLVMMoveBasicBlockAfter(exit.ref, latch.ref)
    position(atEndOf: exit)
    if alwaysRuns { return next }
    return zip(initial, next).map { initial, next in
      phi(initial.type, [(initial, before), (next, latch)])
    }
  }

  /// Runs `then` if the condition holds; the builder stands behind it afterwards.
  ///
  /// - Parameter isRare: Whether it seldom does, so that its code is better out of the way.
  public func ifThen(_ condition: IRValue, isRare: Bool = false, _ then: () -> Void) {
    let inside = block("then")
    let exit = block("end")
    branch(if: condition, then: inside, else: exit, isRare: isRare)
    position(atEndOf: inside)
    then()
    branch(to: exit)
    LLVMMoveBasicBlockAfter(exit.ref, current.ref)
    position(atEndOf: exit)
  }

  /// Runs one side or the other and returns its values; the builder stands behind both afterwards.
  public func ifElse(
    _ condition: IRValue, then: () -> [IRValue], else otherwise: () -> [IRValue]
  ) -> [IRValue] {
    let yes = block("then")
    let no = block("else")
    let exit = block("end")
    branch(if: condition, then: yes, else: no)
    position(atEndOf: yes)
    let a = then()
    let yesEnd = current
    branch(to: exit)
    position(atEndOf: no)
    let b = otherwise()
    let noEnd = current
    branch(to: exit)
    LLVMMoveBasicBlockAfter(exit.ref, noEnd.ref)
    position(atEndOf: exit)
    precondition(a.count == b.count)
    return zip(a, b).map { phi($0.type, [($0, yesEnd), ($1, noEnd)]) }
  }

  private func set(_ hints: LoopHints, on back: LLVMValueRef) {
    let context = module.context
    var options: [LLVMMetadataRef?] = [module.node([module.text("llvm.loop.mustprogress")])]
    if hints.unroll == 1 {
      options.append(module.node([module.text("llvm.loop.unroll.disable")]))
    } else if let count = hints.unroll {
      let number = LLVMValueAsMetadata(module.i32.constant(count).ref)
      options.append(module.node([module.text("llvm.loop.unroll.count"), number]))
    }
    if !hints.vectorize {
      let no = LLVMValueAsMetadata(module.i1.constant(0).ref)
      options.append(module.node([module.text("llvm.loop.vectorize.enable"), no]))
    }
    // A loop's node is its own first operand, which keeps two loops apart.
    let placeholder = LLVMTemporaryMDNode(context, nil, 0)
    let node = module.node([placeholder] + options)
    LLVMMetadataReplaceAllUsesWith(placeholder, node)
    LLVMSetMetadata(back, module.metadataKind("llvm.loop"), LLVMMetadataAsValue(context, node))
  }
}
