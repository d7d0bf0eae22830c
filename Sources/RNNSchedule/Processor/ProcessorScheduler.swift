import RNNGraph
import RNNPlan

/// Schedules for a processor with vectors, from its table of costs.
public struct ProcessorScheduler: Scheduler {
  /// The processor.
  public let machine: Machine

  /// Schedules for a processor.
  public init(_ machine: Machine) { self.machine = machine }

  // Note [Row gaps]: lines that lie a whole number of pages apart meet in one set of L1, and every second one of those half
  // a page apart. A product reads half a dozen rows side by side, and stores as many. So rows as long as that lie a line
  // further apart in the program's own memory.

  public func gap(behind row: Int, _ element: ElementType) -> Int {
    row * element.byteCount % machine.setPeriodBytes == 0 ? machine.lineBytes / element.byteCount : 0
  }

  public func arrangement(of kernel: Kernel, _ place: KernelPlace) -> KernelArrangement {
    guard let product = kernel.product else { return KernelArrangement(split: split(kernel, place)) }
    let choice = arrangement(of: product, in: kernel, place)
    return KernelArrangement(split: split(kernel, product, choice, place), product: choice)
  }

  public func schedule(_ form: KernelForm, threads: Int) -> Schedule {
    let kernel = form.kernel
    // No wider than the panels that a product was laid out in.
    let lanes =
      (form.elementTypes.map { machine.lanes($0) } + [kernel.product?.layout?.lanes].compactMap(\.self)).min()
      ?? 1
    var schedule = Schedule(lanes: lanes)
    switch kernel.kind {
    case .map:
      if let product = kernel.product {
        schedule.registers = kernel.isLong(machine) || kernel.mayHaveLowTiles || product.isStaged ? 2 : 1
        schedule.product = self.product(product, form, lanes: lanes, threads: threads)
      } else {
        schedule.transposedAxis = transposedAxis(form, lanes: lanes)
        let isPaired =
          schedule.transposedAxis == nil && kernel.isLong(machine) && kernel.bound == nil
          && kernel.fillsVectors(of: 2 * lanes)
        schedule.registers = isPaired ? 2 : 1
      }
    case .reduce:
      schedule.reduction = ReductionSchedule(accumulators: machine.accumulators)
    case .scatterAdd:
      schedule.prefetchRows = machine.scatterAhead
    case .sweep:
      schedule.sweep = SweepSchedule(vectors: sweptVectors(kernel, lanes: lanes))
    }
    return schedule
  }

  // MARK: Sweeps

  /// All columns of a row if they leave room in the registers for what is computed of them; otherwise equal parts.
  private func sweptVectors(_ kernel: Kernel, lanes: Int) -> Int {
    let columns = kernel.domain[kernel.lastAxis].constant ?? lanes
    let all = (columns + lanes - 1) / lanes
    let most = max(1, machine.vectorRegisters / 8)
    let parts = (all + most - 1) / most
    return (all + parts - 1) / parts
  }

  // MARK: Copies

  /// The axis along which the loads that are strided in the last axis go element by element, if there is one for all of
  /// them and the body is short: it is there once for each row of a square.
  private func transposedAxis(_ form: KernelForm, lanes: Int) -> Int? {
    let kernel = form.kernel
    guard !kernel.isLong(machine), kernel.bound == nil,
      kernel.wholeExtent(ofAxis: kernel.lastAxis).map({ $0 >= lanes }) ?? false
    else { return nil }
    let strided = form.stridedLoads.map(\.access)
    return (0..<kernel.lastAxis).last { axis in
      !strided.isEmpty && (kernel.domain[axis].constant ?? lanes) >= lanes
        && strided.allSatisfy { $0.index.factor(ofAxis: axis) == 1 }
    }
  }

  // MARK: Products

  private func product(
    _ product: Product, _ form: KernelForm, lanes: Int, threads: Int
  ) -> ProductSchedule {
    let kernel = form.kernel
    var schedule = ProductSchedule(rows: rowCut(kernel, product, threads: threads))
    schedule.sharesBody = kernel.isLong(machine)
    schedule.masksAllPanels = masksAllPanels(kernel, product, lanes: lanes)
    if product.blocks == nil, !product.isStaged, schedule.rows == .rest || schedule.rows == .open,
      product.fillsPanel(lanes: lanes)
    {
      schedule.panelsOfSingleRow = max(1, machine.sumsOfOneRow / (product.tile.vectors * product.groups))
    }
    if product.blocks != nil, product.lhs.access.index.factor(ofAxis: kernel.rowAxis) == 1 {
      schedule.prefetchIndices = machine.copyAhead
    }
    schedule.microKernels = schedule.shapes(of: product, kernel, lanes: lanes).map {
      microKernel(kernel, product, rows: $0.rows, vectors: $0.vectors)
    }
    return schedule
  }

  /// The cut of rows: if possible no tile is much lower than the others.
  private func rowCut(_ kernel: Kernel, _ product: Product, threads: Int) -> ProductSchedule.RowCut {
    let height = product.tile.rows
    if product.blocks != nil { return .whole }
    if height == 1 { return .single }
    guard let counts = kernel.possibleRows(threads: threads) else { return .open }
    func isEven(_ rows: Int) -> Bool { product.tile.evenCut(of: rows) != nil }
    if counts.allSatisfy(isEven) { return counts.contains { $0 % height != 0 } ? .even : .whole }
    return counts.contains(where: isEven) ? .open : .rest
  }

  /// Masking one store of a short body costs a few cycles a row, and the contraction is there once less.
  private func masksAllPanels(_ kernel: Kernel, _ product: Product, lanes: Int) -> Bool {
    let panel = product.tile.vectors * lanes
    guard product.fillsPanel(lanes: lanes), product.turns == nil, !kernel.isLong(machine),
      kernel.stores.count == 1, let width = kernel.domain[kernel.lastAxis].constant, width > panel
    else { return false }
    let rest = width % panel
    return rest > panel - lanes
  }

  private func microKernel(_ kernel: Kernel, _ product: Product, rows: Int, vectors: Int) -> MicroKernel {
    // A core that runs a second thread beside ours, perhaps another machine's, gives each of them half of the
    // instructions that it can begin: multiply-adds then wait behind the instructions that only count.
    let side = (product.isStaged ? 1 : product.groups) * vectors
    let unrolling =
      rows * side + rows + side > machine.instructionsOfLongRound
      ? machine.shortUnrolling : machine.longUnrolling
    // Only where the contraction is one loop, and long enough to ask for all.
    let lines = rows * kernel.accessesBesideSums.count
    let isLong = product.depth.constant.map { lines <= $0 / 2 } ?? true
    let asks = product.contracted.count == 1 && product.blocks == nil && lines > 1 && isLong
    return MicroKernel(rows: rows, vectors: vectors, unrolling: unrolling, prefetchedLines: asks ? lines : 0)
  }
}
