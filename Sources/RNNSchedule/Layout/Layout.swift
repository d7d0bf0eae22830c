import RNNGraph
import RNNPlan

extension Plan {
  /// Lays a plan out as a scheduler arranges it: for one thread if nothing is worth sharing.
  ///
  /// - Throws: `BrokenSchedule` if the scheduler arranges what cannot be.
  public func laidOut(
    by scheduler: any Scheduler, threads: Int
  ) throws(BrokenSchedule) -> (plan: Plan, arrangement: Arrangement) {
    let (plan, arrangement) = try arranged(by: scheduler, threads: threads)
    return (try plan.afterArrangement(scheduler), arrangement)
  }

  /// What follows from how kernels are arranged: what is done once, barriers, and places in the arena.
  private func afterArrangement(_ scheduler: any Scheduler) throws(BrokenSchedule) -> Plan {
    var plan = self
    for pass in PlanPass.all.dropFirst() { try pass.apply(to: &plan, scheduler, threads: threads) }
    return plan
  }

  /// Arranges the kernels of a plan as a scheduler does: for one thread if nothing is worth sharing.
  func arranged(
    by scheduler: any Scheduler, threads: Int
  ) throws(BrokenSchedule) -> (plan: Plan, arrangement: Arrangement) {
    precondition(threads > 0, "a plan needs at least one thread")
    var arrangement = Arrangement(
      threads: threads,
      sharesExamples: threads > 1 && batch >= threads && scheduler.sharesExamples(self, threads: threads))
    for (i, buffer) in buffers.enumerated() {
      let gap = buffer.row.map { scheduler.gap(behind: $0, buffer.element) } ?? 0
      if gap > 0 { arrangement.gaps[BufferID(index: i)] = gap }
    }
    var layout = Layout(self, arrangement, scheduler.machine) { _, kernel, place in
      scheduler.arrangement(of: kernel, place)
    }
    let plan = try layout.run()
    // There is nobody to wait for then.
    if threads > 1, !plan.isShared { return try arranged(by: scheduler, threads: 1) }
    return (plan, layout.arrangement)
  }

  /// Lays a plan out by an arrangement of all its kernels; the one that is given back says nothing of what is not there.
  ///
  /// - Throws: `BrokenSchedule` if it is none of this plan.
  public func laidOut(
    by arrangement: Arrangement, _ scheduler: any Scheduler
  ) throws(BrokenSchedule) -> (plan: Plan, arrangement: Arrangement) {
    guard arrangement.kernels.count == kernels.count else {
      throw BrokenSchedule(problems: ["\(arrangement.kernels.count) kernels where there are \(kernels.count)"]
      )
    }
    var layout = Layout(self, arrangement, scheduler.machine) { part, _, _ in
      switch part {
      case .kernel(let number): arrangement.kernels[number]
      case .packing(let number):
        // Columns that were not packed before.
        KernelArrangement(split: number < arrangement.packings.count ? arrangement.packings[number] : .none)
      }
    }
    let plan = try layout.run().afterArrangement(scheduler)
    return (plan, layout.arrangement)
  }
}

/// A plan on its way to one that is laid out.
///
/// Kernel by kernel, in order: axes are joined, products get tiles and packed columns, and each kernel its share for each
/// thread.
struct Layout {
  /// The plan so far.
  private(set) var plan: Plan
  /// What has been decided.
  private(set) var arrangement: Arrangement
  private let machine: Machine
  /// What is wrong with it.
  private var problems: [String]
  /// Decides about a kernel.
  private let arrange: (ArrangedPart, Kernel, KernelPlace) -> KernelArrangement
  /// The steps laid out so far: those of the plan, and of the loops around where we are.
  private var steps: [[Step]] = []
  /// The loops around where we are, outermost first, and what each writes.
  private var loops: [(loop: Loop, writes: Set<BufferID>)] = []
  /// For the plan and each of these loops, the packed columns that are filled there and may be read again: by what they were
  /// packed from, and by what they hold.
  private var packed: [[BufferID: [Packing.Key: BufferID]]] = []
  /// For the length of a segment, the length that no segment exceeds.
  private let longest: [Symbol: Symbol]

  init(
    _ plan: Plan, _ arrangement: Arrangement, _ machine: Machine,
    arrange: @escaping (ArrangedPart, Kernel, KernelPlace) -> KernelArrangement
  ) {
    self.plan = plan
    self.arrangement = arrangement
    self.machine = machine
    self.arrange = arrange
    problems = arrangement.problems(in: plan)
    longest = plan.longestSegments
    (self.arrangement.kernels, self.arrangement.packings) = ([], [])
  }

  mutating func run() throws(BrokenSchedule) -> Plan {
    plan.threads = arrangement.threads
    if problems.isEmpty {
      plan.widenRows(arrangement.gaps)
      // From here on indices may go on from one row to the next.
      for i in plan.buffers.indices { plan.buffers[i].row = nil }
      plan.steps = layOut(plan.steps)
    }
    if !problems.isEmpty { throw BrokenSchedule(problems: problems) }
    return plan
  }

  private mutating func layOut(_ inner: [Step]) -> [Step] {
    steps.append([])
    packed.append([:])
    for step in inner {
      switch step {
      case .kernel(let kernel):
        add(layOut(kernel))
        forget(kernel.stores.map(\.access.buffer))
      case .loop(var loop):
        let writes = Set(loop.body.flatMap(\.kernels).flatMap(\.stores).map(\.access.buffer))
        loops.append((loop, writes))
        loop.body = layOut(loop.body)
        loops.removeLast()
        forget(writes)
        steps[steps.count - 1].append(.loop(loop))
      case .preparation, .barrier: preconditionFailure("a plan that is laid out already")
      }
    }
    packed.removeLast()
    return steps.removeLast()
  }

  private mutating func add(_ kernel: Kernel) { steps[steps.count - 1].append(.kernel(kernel)) }

  /// Packs what has been written over anew when it is read again.
  private mutating func forget(_ written: some Sequence<BufferID>) {
    for buffer in written { for level in packed.indices { packed[level][buffer] = nil } }
  }

  /// Whether kernels run once a step where we are; a segment is no step.
  private var isInStep: Bool { loops.contains { $0.loop.segments == nil } }

  /// Where a kernel stands that is laid out now.
  private func place(columnsAreNear: Bool) -> KernelPlace {
    KernelPlace(
      threads: arrangement.threads, sharesExamples: arrangement.sharesExamples, isInStep: isInStep,
      columnsAreNear: columnsAreNear, isInLoop: !loops.isEmpty)
  }

  private mutating func layOut(_ kernel: Kernel) -> Kernel {
    var kernel = kernel.withFewestAxes(
      keepingExamples: arrangement.sharesExamples && kernel.examples != nil)
    let place = place(
      columnsAreNear: kernel.product.map { level(of: $0.rhs.access, extents: $0.contracted) == loops.count }
        ?? false)
    let choice = arrange(.kernel(arrangement.kernels.count), kernel, place)
    arrangement.kernels.append(choice)
    let found = choice.problems(of: kernel, place, machine)
    problems += found
    if !found.isEmpty { return kernel }
    if let product = choice.product { layOut(&kernel, product) }
    kernel.split = choice.split
    return kernel
  }

  private mutating func layOut(_ kernel: inout Kernel, _ choice: ProductArrangement) {
    guard var product = kernel.product else { return }
    var layout = ProductLayout(tile: choice.tile, lanes: choice.lanes)
    if choice.packsColumns { product.rhs = packedColumns(of: kernel, product, choice) }
    if choice.turns, let loop = loops.last { layout.turns = Affine(.parity(loop.loop.id)) }
    if let blocks = choice.blocks {
      layout.blocks = self.blocks(blocks, product, choice.tile, kernel.domain.suffix(2))
    }
    product.layout = layout
    kernel.product = product
  }

  /// The memory of the blocks of a product.
  private mutating func blocks(
    _ choice: ProductArrangement.Blocks, _ product: Product, _ tile: Tile, _ domain: ArraySlice<Size>
  ) -> ProductBlocks {
    let bytes = product.factors.byteCount
    let stride = (choice.depth * tile.rows * bytes / Buffer.alignment + 1) * Buffer.alignment / bytes
    let isWhole = product.depth.constant.map { $0 <= choice.depth } ?? false
    let rows = (domain.first!.constant! + tile.rows - 1) / tile.rows * tile.rows
    let copies = addBuffer(
      "block", product.factors, count: Size(arrangement.threads * choice.panels * stride))
    return ProductBlocks(
      depth: choice.depth, panels: Size(choice.panels), copies: copies, panelStride: stride,
      partial: isWhole
        ? nil
        : addBuffer(
          "partial", product.element, count: Size(rows) * domain.last! * Size(product.groups)))
  }

  /// Adds memory in the arena.
  private mutating func addBuffer(_ name: String, _ element: ElementType, count: Size) -> BufferID {
    // What holds a segment has room for the longest one, and the same place for each.
    plan.buffers.append(
      Buffer(name: name, element: element, count: count.replacing(longest), place: .arena))
    return BufferID(index: plan.buffers.count - 1)
  }

  /// The columns of a product in panels: the operand, behind a kernel that fills the panels if nothing has yet.
  private mutating func packedColumns(
    of kernel: Kernel, _ product: Product, _ choice: ProductArrangement
  ) -> ProductOperand {
    let packing = Packing(kernel, product, choice, plan: plan, isInStep: isInStep)
    let access = product.rhs.access
    let known = packed.lazy.compactMap { $0[access.buffer]?[packing.key] }.first
    if let known { return packing.operand(in: known) }
    let source = plan[access.buffer]
    let buffer = addBuffer(
      "packed_\(source.name)", product.factors, count: packing.extents.reduce(1, *))
    plan[buffer].format = product.columnFormat
    plan[buffer].places = source.places
    let level = level(of: access, extents: packing.extents)
    var filling = packing.kernel(filling: buffer, named: "pack_\(source.name)", source.places)
      .withFewestAxes(keepingExamples: false)
    let place = place(columnsAreNear: false)
    let choice = arrange(.packing(arrangement.packings.count), filling, place)
    problems += choice.problems(of: filling, place, machine)
    filling.split = choice.split
    arrangement.packings.append(filling.split)
    steps[level].append(.kernel(filling))
    if level < loops.count || !isInStep {
      packed[level][access.buffer, default: [:]][packing.key] = buffer
    }
    return packing.operand(in: buffer)
  }

  /// The number of loops around the place where what an access reads is known, and how much of it there is.
  private func level(of access: Access, extents: [Size]) -> Int {
    let symbols = Set(extents.flatMap { $0.terms.keys.joined() })
    let inside = loops.lastIndex { loop, writes in
      let isIndexed = access.index.factors.keys.contains { index in
        switch index {
        case .loop(let id), .parity(let id), .oppositeParity(let id): id == loop.id
        case .axis, .stepsParity: false
        }
      }
      return isIndexed || writes.contains(access.buffer)
        || loop.segments.map { symbols.contains($0.length) } ?? false
    }
    return inside.map { $0 + 1 } ?? 0
  }
}
