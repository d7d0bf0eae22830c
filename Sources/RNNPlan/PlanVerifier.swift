import RNNGraph

/// What is wrong with a plan: a bug of the planner.
public struct BrokenPlan: Error, CustomStringConvertible {
  /// One line for each violated invariant.
  public let problems: [String]

  public var description: String { problems.joined(separator: "\n") }
}

extension Plan {
  /// Checks every invariant that the code generator relies on, those of sizes for several numbers of steps:
  ///
  /// 1. A buffer of the arena is aligned, lies inside the arena, and overlaps no other one that lives at the same time.
  /// 2. An instruction reads earlier instructions only, and accumulators that the kernel's product has.
  /// 3. An index depends on axes of its kernel's domain and on loops around the kernel only.
  /// 4. An element that is read or written lies inside its buffer: of packed columns all panels, of a table all rows that an
  ///    id may name, under a bound what it lets through.
  /// 5. What is read from the arena has been written by an earlier step, or by an earlier one in the same loop.
  /// 6. Between two steps of which one writes what the other touches there is a barrier, unless every thread keeps to its
  ///    own examples or the first thread does both.
  /// 7. What is prepared stays: nothing else writes it, it does not depend on numbers of steps, and it lives throughout.
  /// 8. Halved numbers are stored by maps and read by products as packed columns, in whole pairs of vectors.
  /// 9. A split names an axis of the domain along which nothing is summed up; a product splits columns at panels.
  /// 10. In a buffer of rows, an index moves within a row or by whole rows.
  /// 11. A tile takes all groups of a product, or a number that divides them; blocks have packed columns, rows of a known
  ///     number that no split by examples cuts, room for the copies of each thread and for all sums that wait.
  /// 12. A sum that is to be a chain, or that starts from a value, is added up term after term and not in lanes.
  /// 13. A sweep has rows and columns of known numbers, which threads do not share; nothing else combines rows or columns.
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
    if let product = kernel.product, let layout = product.layout {
      check(layout, of: product, in: kernel, loops)
    }
    let product = kernel.product.map { [$0.lhs.access, $0.rhs.access] } ?? []
    for access in kernel.loads + product + (kernel.start.map { [$0] } ?? []) {
      if plan[access.buffer].place == .arena, !written.contains(access.buffer) {
        problems.append("\(kernel.name) reads \(access.buffer), which nothing has written")
      }
    }
    for store in kernel.stores { written.insert(store.access.buffer) }
    for reach in reaches(of: kernel) {
      checkBounds(reach, kernel, loops: loops)
      checkRows(reach, kernel)
    }
  }

  /// The elements that a kernel may touch by an access: those of the index over some extents, and those that lie further
  /// behind them.
  private struct Reach {
    var access: Access
    var index: Affine
    var extents: [Size]
    var further = Size(0)
  }

  private mutating func reaches(of kernel: Kernel) -> [Reach] {
    var found: [Reach] = []
    for instruction in kernel.body {
      guard let access = instruction.access else { continue }
      var reach = Reach(access: access, index: access.index, extents: kernel.domain)
      if let bound = kernel.bound { restrict(&reach, to: bound, kernel) }
      if case .loadRow(_, _, let rows) = instruction { reach.further = (rows.count - 1) * rows.stride }
      found.append(reach)
    }
    if let product = kernel.product {
      let extents = kernel.domain + product.contracted
      let last = kernel.domain.count - 1
      found.append(Reach(access: product.lhs.access, index: product.lhs.access.index, extents: extents))
      var columns = Reach(access: product.rhs.access, index: product.rhs.access.index, extents: extents)
      switch product.rhs.layout {
      case .direct:
        // The groups lie side by side.
        columns.extents[last] = columns.extents[last] * Size(product.groups)
      case .packed(let panel, let distance):
        guard let width = kernel.domain[last].constant else {
          problems.append("\(kernel.name) reads packed columns of an open number")
          break
        }
        columns.further =
          Size((width + panel - 1) / panel - 1) * distance + product.depth * Size(product.groups * panel) - 1
      }
      found.append(columns)
    }
    for store in kernel.stores {
      var reach = Reach(access: store.access, index: store.access.index, extents: kernel.domain)
      if case .scatterAdd(_, let rows) = kernel.kind { reach.further = (rows.count - 1) * rows.stride }
      found.append(reach)
    }
    return found + (kernel.start.map { [Reach(access: $0, index: $0.index, extents: kernel.domain)] } ?? [])
  }

  /// Takes away what a bound does not let through: the form that it limits is one axis then, behind the others.
  private mutating func restrict(_ reach: inout Reach, to bound: Kernel.Bound, _ kernel: Kernel) {
    // How many elements the index goes on where the form goes on by one.
    let units = bound.index.factors.compactMap { index, factor in factor.constant.map { (index, $0) } }
    guard let (axis, unit) = units.min(by: { (abs($0.1), $0.0) < (abs($1.1), $1.0) }),
      let stride = Optional(reach.index.factors[axis] ?? 0), stride.isMultiple(of: unit)
    else {
      problems.append("\(kernel.name): \(reach.access) does not follow the bound")
      return
    }
    let pace = stride.divided(by: unit)
    // What is left of the index does not depend on the form's axes, if the index follows it.
    let rest = reach.index + bound.index * (pace * Size(-1))
    if bound.index.factors.keys.contains(where: { rest.factors[$0] != nil }) {
      problems.append("\(kernel.name): \(reach.access) does not follow the bound")
    }
    reach.index = rest + Affine(.axis(reach.extents.count), times: pace)
    reach.extents.append(bound.limit)
  }

  private mutating func checkBody(_ kernel: Kernel) {
    for (number, instruction) in kernel.body.enumerated() {
      if case .accumulator(let group, _) = instruction, group >= kernel.product?.groups ?? 0 {
        problems.append("\(kernel.name) has no accumulator \(group)")
      }
      if instruction.operands.contains(where: { $0 >= number }) {
        problems.append("\(kernel.name): %\(number) reads a later one")
      }
    }
    if kernel.kind == .sweep {
      if kernel.domain.count < 2 || kernel.domain.suffix(2).contains(where: { $0.constant == nil }) {
        problems.append("\(kernel.name) sweeps over an open number of rows or columns")
      }
      if kernel.product != nil || kernel.bound != nil || kernel.start != nil {
        problems.append("\(kernel.name) sweeps with a product, a bound or a start")
      }
    } else if kernel.body.contains(where: \.isCombine) {
      problems.append("\(kernel.name) combines rows or columns and is no sweep")
    }
    var results = kernel.stores.map(\.value)
    if case .scatterAdd(let id, _) = kernel.kind { results.append(id) }
    for value in results where value >= kernel.body.count {
      problems.append("\(kernel.name) stores %\(value), which it does not compute")
    }
  }

  private mutating func check(
    _ layout: ProductLayout, of product: Product, in kernel: Kernel, _ loops: [Int: Loop]
  ) {
    let tile = layout.tile
    func fail(_ problem: String) { problems.append("\(kernel.name) \(problem)") }
    if let turns = layout.turns, !loops.keys.contains(where: { turns == Affine(.parity($0)) }) {
      fail("is turned by \(turns), which is no parity of a loop around it")
    }
    if tile.rows < 1 || tile.vectors < 1 || layout.lanes < 1 { return fail("has a tile of nothing") }
    if tile.groups < 1 || product.groups % tile.groups != 0 {
      fail("has tiles of \(tile.groups) of \(product.groups) groups")
    }
    guard let blocks = layout.blocks else { return }
    guard blocks.depth > 0, let panels = blocks.panels.constant, panels > 0 else {
      return fail("has blocks of nothing")
    }
    if kernel.domain.count != 2 || product.rhs.layout == .direct || tile.groups != product.groups {
      fail("has blocks without packed columns of all groups")
    }
    guard let rows = kernel.domain[0].constant else { return fail("has blocks of an open number of rows") }
    if case .batch = kernel.split {
      fail("has a block of copies for each thread, which does not know its number")
    }
    if blocks.panelStride < blocks.depth * tile.rows { fail("has panels of copies that overlap") }
    let room = plan[blocks.copies].count.constant ?? 0
    if room < plan.threads * panels * blocks.panelStride { fail("has no block of copies for each thread") }
    let sums = Size((rows + tile.rows - 1) / tile.rows * tile.rows * product.groups) * kernel.domain[1]
    if let partial = blocks.partial {
      if plan[partial].count != sums { fail("has no room for all sums that wait") }
    } else if product.depth.constant.map({ $0 > blocks.depth }) ?? true {
      fail("has sums that wait nowhere")
    }
  }

  /// Whether an index that begins in a row ends in it, but for whole rows.
  private mutating func checkRows(_ reach: Reach, _ kernel: Kernel) {
    guard let row = plan[reach.access.buffer].row else { return }
    var (low, high) = (0, 0)
    let start = reach.index.constant.terms[[], default: 0]
    var isWhole = reach.index.constant.terms.allSatisfy { $0.key.isEmpty || $0.value % row == 0 }
    for (index, factor) in reach.index.factors where !factor.isMultiple(of: row) {
      guard let step = factor.constant, case .axis(let axis) = index,
        let extent = reach.extents[axis].constant
      else {
        isWhole = false
        continue
      }
      low += min(0, step * (extent - 1))
      high += max(0, step * (extent - 1))
    }
    let place = (start % row + row) % row
    if !isWhole || place + low < 0 || place + high >= row {
      problems.append("\(kernel.name): \(reach.access) goes from a row of \(row) to another")
    }
  }

  private mutating func checkFormats(_ kernel: Kernel) {
    var wrong = kernel.loads + (kernel.product.map { [$0.lhs.access] } ?? [])
    if kernel.kind != .map || kernel.product != nil { wrong += kernel.stores.map(\.access) }
    if let product = kernel.product {
      if case .packed(let panel, _) = product.rhs.layout, product.element == .f32,
        let lanes = product.layout?.lanes, panel % (2 * lanes) == 0
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
  }

  private mutating func checkSplit(_ kernel: Kernel) {
    let axis: Int
    switch kernel.split {
    case .none: return
    case .batch(let examples): axis = examples
    case .axis(let shared, let multiple):
      axis = shared
      if multiple < 1 { problems.append("\(kernel.name) is split into nothing") }
    }
    guard kernel.domain.indices.contains(axis) else {
      problems.append("\(kernel.name) is split along no axis")
      return
    }
    let last = kernel.domain.count - 1
    switch kernel.kind {
    case .map: break
    case .reduce:
      if kernel.reducedAxes.contains(axis) {
        problems.append("\(kernel.name) is split where it sums up")
      }
    case .scatterAdd:
      if axis != last {
        problems.append("\(kernel.name) is split where it sums up")
      }
    case .sweep:
      if axis >= last - 1 { problems.append("\(kernel.name) is split along its rows or columns") }
    }
    guard let product = kernel.product else { return }
    guard let layout = product.layout else {
      problems.append("\(kernel.name) is shared and not laid out")
      return
    }
    if axis != last { return }
    guard case .axis(_, let multiple) = kernel.split, multiple % (layout.tile.vectors * layout.lanes) == 0
    else {
      problems.append("\(kernel.name) cuts panels")
      return
    }
  }

  /// The least and greatest value of an index over the extents and the loops around.
  private mutating func checkBounds(_ reach: Reach, _ kernel: Kernel, loops: [Int: Loop]) {
    // A domain without elements reads and writes nothing.
    for sizes in samples where !reach.extents.contains(where: { $0.evaluate(sizes) == 0 }) {
      var low = reach.index.constant.evaluate(sizes)
      var high = low
      for (index, factor) in reach.index.factors {
        let last: Int
        switch index {
        case .axis(let axis):
          guard axis < reach.extents.count else {
            problems.append("\(kernel.name): \(reach.access) has an axis that the domain has not")
            return
          }
          last = reach.extents[axis].evaluate(sizes) - 1
        case .loop(let loop), .parity(let loop), .oppositeParity(let loop):
          guard let loop = loops[loop] else {
            problems.append("\(kernel.name): \(reach.access) depends on a loop that is not around it")
            return
          }
          if case .loop = index { last = (sizes[loop.steps] ?? 1) - 1 } else { last = 1 }
        case .stepsParity: last = 1
        }
        let step = factor.evaluate(sizes) * last
        low += min(step, 0)
        high += max(step, 0)
      }
      let further = reach.further.evaluate(sizes)
      low += min(further, 0)
      high += max(further, 0)
      let count = plan[reach.access.buffer].count.evaluate(sizes)
      if low < 0 || high >= count {
        problems.append("\(kernel.name): \(reach.access) reaches \(low)...\(high) of \(count) elements")
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
    // They come before places in the arena do.
    if plan.threads == 1 || !plan.hasArena { return }
    for conflict in plan.unseparatedSteps() { problems.append(conflict) }
  }
}
