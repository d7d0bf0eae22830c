import RNNGraph

/// What is wrong with a plan: a bug of the planner.
public struct BrokenPlan: Error, CustomStringConvertible {
  /// One line for each violated invariant.
  public let problems: [String]

  public var description: String { problems.joined(separator: "\n") }
}

extension Plan {
  /// Checks every invariant that the code generator relies on, for several numbers of steps:
  ///
  /// 1. A buffer of the arena is aligned, lies inside the arena, and overlaps no other one that lives at the same time.
  /// 2. An instruction reads earlier instructions only, and accumulators that the kernel's product has.
  /// 3. An index depends on axes of its kernel's domain and on loops around the kernel only.
  /// 4. An element that is read or written lies inside its buffer.
  /// 5. What is read from the arena has been written by an earlier step, or by an earlier one in the same loop.
  /// 6. Between two steps of which one writes what the other touches there is a barrier, unless every thread keeps to its
  ///    own examples or the first thread does both.
  /// 7. What is prepared stays: nothing else writes it, it does not depend on numbers of steps, and it lives throughout.
  /// 8. Halved numbers are stored by maps and read by products as packed columns, in whole pairs of vectors.
  /// 9. A split names an axis of the domain; a product splits columns at panels.
  /// 10. A sum that is to be a chain, or that starts from a value, is added up term after term: not in lanes, and not by
  ///     several threads.
  ///
  /// - Throws: `BrokenPlan` with all violations.
  public func verify() throws(BrokenPlan) {
    var verifier = PlanVerifier(plan: self)
    verifier.checkArena()
    verifier.checkSteps(steps, loops: [:])
    verifier.checkPreparation()
    verifier.checkBarriers()
    if !verifier.problems.isEmpty { throw BrokenPlan(problems: Array(Set(verifier.problems)).sorted()) }
  }
}

private struct PlanVerifier {
  let plan: Plan
  var problems: [String] = []
  private var written: Set<BufferID> = []

  /// The numbers of steps that are tried.
  private let samples: [[Symbol: Int]]

  init(plan: Plan) {
    self.plan = plan
    let segmentLoops = plan.steps.flatMap(\.loops).filter { $0.segments != nil }
    samples = [1, 2, 7].map { number in
      var sizes = Dictionary(uniqueKeysWithValues: plan.symbols.enumerated().map { ($1, number + $0) })
      for loop in segmentLoops {
        guard let segments = loop.segments, let whole = sizes[segments.whole] else { continue }
        // The last segment is as long as the others: so its end is that of the whole.
        let longest = (1...whole).last { whole % $0 == 0 && $0 * $0 <= whole } ?? whole
        sizes[segments.longest] = longest
        sizes[segments.length] = longest
        sizes[loop.steps] = whole / longest
      }
      return sizes
    }
  }

  mutating func checkArena() {
    for sizes in samples {
      let total = plan.arenaBytes.evaluate(sizes)
      var live: [(buffer: Int, start: Int, end: Int, lifetime: ClosedRange<Int>)] = []
      for (i, buffer) in plan.buffers.enumerated() where buffer.place == .arena {
        guard let lifetime = buffer.lifetime else { continue }
        let start = buffer.offset.evaluate(sizes)
        let end = start + buffer.count.evaluate(sizes) * buffer.elementBytes
        if start % Buffer.alignment != 0 { problems.append("b\(i) is not aligned") }
        if start < 0 || end > total { problems.append("b\(i) lies outside the arena") }
        if start < end { live.append((i, start, end, lifetime)) }
      }
      // From the bottom up, nothing may begin below the end of what lies there already in one of its phases.
      var tops = LifetimeTops(phases: (live.map(\.lifetime.upperBound).max() ?? 0) + 1)
      for (i, start, end, lifetime) in live.sorted(by: { $0.start < $1.start }) {
        let below = tops.top(in: lifetime)
        if below.end > start {
          let (first, second) = (min(i, below.buffer), max(i, below.buffer))
          problems.append("b\(second) overlaps b\(first), which lives at the same time")
        }
        tops.add(.init(end: end, buffer: i), in: lifetime)
      }
    }
  }

  mutating func checkSteps(_ steps: [Step], loops: [Int: Loop]) {
    for step in steps {
      switch step {
      case .barrier: break
      case .kernel(let kernel): check(kernel, loops: loops)
      case .preparation(let steps): checkSteps(steps, loops: loops)
      case .loop(let loop):
        var inner = loops
        inner[loop.id] = loop
        checkSteps(loop.body, loops: inner)
      }
    }
  }

  private mutating func check(_ kernel: Kernel, loops: [Int: Loop]) {
    checkBody(kernel)
    checkSplit(kernel)
    checkFormats(kernel)
    checkOrder(kernel)
    if let turns = kernel.product?.turns, !loops.keys.contains(where: { turns == Affine(.parity($0)) }) {
      problems.append("\(kernel.name) is turned by \(turns), which is no parity of a loop around it")
    }
    for access in reads(kernel) {
      let buffer = plan[access.buffer]
      if buffer.place == .arena, !written.contains(access.buffer) {
        problems.append("\(kernel.name) reads \(access.buffer), which nothing has written")
      }
    }
    for store in kernel.stores { written.insert(store.access.buffer) }
    for (access, extra) in boundedAccesses(kernel) { checkBounds(access, kernel, extra, loops: loops) }
  }

  private func reads(_ kernel: Kernel) -> [Access] {
    var found = kernel.loads
    if let product = kernel.product { found += [product.lhs.access, product.rhs.access] }
    return found + (kernel.start.map { [$0] } ?? [])
  }

  /// The accesses whose elements are known from the domain, with the extents of contracted axes behind it.
  private func boundedAccesses(_ kernel: Kernel) -> [(Access, [Size])] {
    var found: [(Access, [Size])] = []
    // A bounded kernel reads only part of its domain, and rows by id depend on data.
    if kernel.bound == nil {
      for case .load(let access) in kernel.body { found.append((access, [])) }
    }
    if let product = kernel.product {
      for operand in [product.lhs, product.rhs] where operand.layout == .direct {
        found.append((operand.access, product.contracted))
      }
    }
    return found + kernel.stores.map { ($0.access, []) } + (kernel.start.map { [($0, [])] } ?? [])
  }

  private mutating func checkBody(_ kernel: Kernel) {
    for (number, instruction) in kernel.body.enumerated() {
      let operands: [Int]
      switch instruction {
      case .load, .constant, .size, .index: operands = []
      case .accumulator(let group, _):
        operands = []
        if group >= kernel.product?.groups ?? 0 {
          problems.append("\(kernel.name) has no accumulator \(group)")
        }
      case .loadRow(_, let id, _): operands = [id]
      case .random(let a, let b, let c, _, _): operands = [a, b, c]
      case .unary(_, let a), .convert(_, let a): operands = [a]
      case .binary(_, let a, let b), .compare(_, let a, let b): operands = [a, b]
      case .select(let a, let b, let c): operands = [a, b, c]
      }
      if operands.contains(where: { $0 >= number }) {
        problems.append("\(kernel.name): %\(number) reads a later one")
      }
    }
    for store in kernel.stores where store.value >= kernel.body.count {
      problems.append("\(kernel.name) stores %\(store.value), which it does not compute")
    }
  }

  private mutating func checkFormats(_ kernel: Kernel) {
    var wrong = kernel.loads + (kernel.product.map { [$0.lhs.access] } ?? [])
    if kernel.kind != .map || kernel.product != nil { wrong += kernel.stores.map(\.access) }
    if let product = kernel.product {
      if case .packed(let panel, _) = product.rhs.layout, product.element == .f32,
        panel % (2 * plan.machine.lanes(.f32)) == 0
      {
      } else {
        wrong.append(product.rhs.access)
      }
    }
    for access in wrong where plan[access.buffer].format != .full {
      problems.append("\(kernel.name) touches \(access), which holds halved numbers")
    }
  }

  private mutating func checkOrder(_ kernel: Kernel) {
    if kernel.needsChains, !kernel.sumsInChains {
      problems.append("\(kernel.name) is to add up chains, and adds up in lanes or nothing")
    }
    guard case .reduce(_, let axes, let keepsLast) = kernel.kind else { return }
    let end = kernel.domain.count - (keepsLast ? 1 : 0)
    switch kernel.split {
    case .batch(let axis), .axis(let axis, _):
      if (end - axes..<end).contains(axis) { problems.append("\(kernel.name) shares the terms of a sum") }
    case .none: break
    }
  }

  private mutating func checkSplit(_ kernel: Kernel) {
    switch kernel.split {
    case .none: break
    case .batch(let axis):
      if axis >= kernel.domain.count { problems.append("\(kernel.name) is split along no axis") }
      if kernel.product != nil, axis == kernel.domain.count - 1 {
        problems.append("\(kernel.name) cuts panels")
      }
    case .axis(let axis, let multiple):
      if axis >= kernel.domain.count { problems.append("\(kernel.name) is split along no axis") }
      guard let product = kernel.product, axis == kernel.domain.count - 1 else { return }
      let panel = product.tile.vectors * plan.machine.lanes(product.element)
      if multiple % panel != 0 { problems.append("\(kernel.name) cuts panels") }
    }
  }

  /// The least and greatest value of an index over the domain and the loops around.
  private mutating func checkBounds(_ access: Access, _ kernel: Kernel, _ extra: [Size], loops: [Int: Loop]) {
    let extents = kernel.domain + extra
    // A domain without elements reads and writes nothing.
    for sizes in samples where !extents.contains(where: { $0.evaluate(sizes) == 0 }) {
      var low = access.index.constant.evaluate(sizes)
      var high = low
      for (index, factor) in access.index.factors {
        let last: Int
        switch index {
        case .axis(let axis):
          guard axis < extents.count else {
            problems.append("\(kernel.name): \(access) has an axis that the domain has not")
            return
          }
          last = extents[axis].evaluate(sizes) - 1
        case .loop(let loop), .parity(let loop), .oppositeParity(let loop):
          guard let loop = loops[loop] else {
            problems.append("\(kernel.name): \(access) depends on a loop that is not around it")
            return
          }
          if case .loop = index { last = (sizes[loop.steps] ?? 1) - 1 } else { last = 1 }
        case .stepsParity: last = 1
        }
        let reach = factor.evaluate(sizes) * last
        low += min(reach, 0)
        high += max(reach, 0)
      }
      let count = plan[access.buffer].count.evaluate(sizes)
      if low < 0 || high >= count {
        problems.append("\(kernel.name): \(access) reaches \(low)...\(high) of \(count) elements")
      }
    }
  }

  mutating func checkPreparation() {
    var prepared: Set<BufferID> = []
    for (i, step) in plan.steps.enumerated() {
      if case .preparation = step {
        if i > 0 { problems.append("a preparation is not the first step") }
        for kernel in step.kernels { prepared.formUnion(kernel.accesses.filter(\.writes).map(\.buffer)) }
      } else {
        for access in step.kernels.flatMap(\.accesses) where access.writes && prepared.contains(access.buffer)
        {
          problems.append("\(access.buffer) is prepared and written again")
        }
      }
    }
    let last = plan.buffers.compactMap { $0.lifetime?.upperBound }.max()
    for buffer in prepared {
      let isThroughout = plan[buffer].lifetime.map { $0.lowerBound == 0 && $0.upperBound == last } ?? false
      if plan[buffer].place != .arena || !isThroughout || plan[buffer].offset.constant == nil {
        problems.append("\(buffer) is prepared and does not stay")
      }
    }
  }

  mutating func checkBarriers() {
    if plan.threads == 1 { return }
    for conflict in plan.unseparatedSteps() { problems.append(conflict) }
  }
}

extension Kernel {
  /// What the body reads from memory.
  fileprivate var loads: [Access] {
    body.compactMap { instruction in
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): access
      case .constant, .size, .index, .accumulator, .random, .unary, .binary, .compare, .select, .convert: nil
      }
    }
  }
}
