import RNNGraph
import RNNPlan
import RNNSchedule
import Synchronization

/// Legal schedules drawn at random, which compute what those of the processor's scheduler compute, bit for bit.
public final class RandomScheduler: Scheduler {
  private let usual: ProcessorScheduler
  private let generator: Mutex<SplitMix64>

  /// Draws from a seed.
  public init(_ machine: Machine, seed: UInt64) {
    usual = ProcessorScheduler(machine)
    generator = Mutex(SplitMix64(seed: seed))
  }

  public var machine: Machine { usual.machine }

  private func draw<Value>(_ values: [Value]) -> Value {
    values[generator.withLock { $0.below(values.count) }]
  }

  public func sharesExamples(_ plan: Plan, threads: Int) -> Bool { draw([false, true]) }

  /// Not drawn: whether two axes of a reduction can be joined decides about the order of its sums.
  public func gap(behind row: Int, _ element: ElementType) -> Int { usual.gap(behind: row, element) }

  public func arrangement(of kernel: Kernel, _ place: KernelPlace) -> KernelArrangement {
    var choice = KernelArrangement()
    if let product = kernel.product { choice.product = arrangement(of: product, in: kernel, place) }
    choice.split = draw(splits(of: kernel, choice.product, place))
    if case .batch = choice.split { choice.product?.blocks = nil }
    return choice
  }

  /// The ways in which threads may share a kernel.
  private func splits(
    of kernel: Kernel, _ product: ProductArrangement?, _ place: KernelPlace
  ) -> [Split] {
    var splits = [Split.none]
    if place.threads == 1 { return splits }
    let last = kernel.domain.count - 1
    if let axis = kernel.examples, place.sharesExamples, product == nil || axis < last {
      splits += [.batch(axis: axis), .batch(axis: axis)]
    }
    if let product {
      splits.append(.axis(last - 1, multiple: product.tile.rows))
      splits.append(.axis(last, multiple: product.tile.vectors * product.lanes))
      return splits
    }
    switch kernel.kind {
    case .map: splits += kernel.domain.indices.map { .axis($0, multiple: draw([1, 8, 16])) }
    case .reduce:
      splits += kernel.domain.indices.filter { !kernel.reducedAxes.contains($0) }.map {
        .axis($0, multiple: 8)
      }
    case .scatterAdd: splits.append(.axis(last, multiple: 16))
    case .sweep: splits += (0..<(last - 1)).map { .axis($0, multiple: draw([1, 2])) }
    }
    return splits
  }

  private func arrangement(
    of product: Product, in kernel: Kernel, _ place: KernelPlace
  ) -> ProductArrangement {
    let row = kernel.rowAxis
    let lanes = machine.lanes(product.element)
    let isRounded = product.columnFormat != .full
    let mayWait = kernel.domain[row].constant.map { $0 <= 200 } ?? false
    let tile = Tile(
      rows: draw([1, 2, 3, 4, 6]), vectors: isRounded ? 2 : draw([1, 2, 3]),
      groups: mayWait ? draw([product.groups, 1]) : product.groups)
    let mayPack = kernel.domain[row + 1].constant != nil
    var choice = ProductArrangement(
      tile: tile, lanes: isRounded ? lanes : draw([lanes, max(1, lanes / 2), 1]),
      packsColumns: isRounded || mayPack && draw([false, true, true]))
    if choice.packsColumns, kernel.domain.count == 2, kernel.domain[0].constant != nil,
      tile.groups == product.groups
    {
      choice.blocks = draw([nil, nil, .init(depth: draw([1, 7, 16, 128]), panels: draw([1, 2, 5]))])
    }
    choice.turns = choice.packsColumns && choice.blocks == nil && place.isInLoop && draw([false, true])
    return choice
  }

  public func schedule(_ form: KernelForm, threads: Int) -> Schedule {
    var schedule = usual.schedule(form, threads: threads)
    let kernel = form.kernel
    if kernel.kind == .map, kernel.product == nil {
      // Fewer elements than a register has room for, and squares element by element.
      schedule.lanes = draw([schedule.lanes, max(1, schedule.lanes / 2), 1])
      schedule.transposedAxis = draw([schedule.transposedAxis, nil])
      let isPaired = kernel.bound == nil && kernel.fillsVectors(of: 2 * schedule.lanes)
      schedule.registers = schedule.transposedAxis == nil && isPaired ? draw([1, 2]) : 1
    }
    if schedule.sweep != nil, !kernel.combinesColumns { schedule.sweep?.vectors = draw([1, 2, 5]) }
    if schedule.prefetchRows > 0 { schedule.prefetchRows = draw([0, 1, 8]) }
    if var how = schedule.product, let product = kernel.product {
      schedule.registers = draw([1, 2])
      // Vectors may be as wide as the layout has them; narrower ones go through a panel in several steps.
      let isHalved = form.formats[product.rhs.access.buffer.index] == .bf16
      if !isHalved { schedule.lanes = draw([schedule.lanes, max(1, schedule.lanes / 2)]) }
      how.sharesBody = draw([false, true])
      if how.masksAllPanels { how.masksAllPanels = draw([false, true]) }
      if product.blocks == nil, product.tile.rows > 1 { how.rows = draw([how.rows, .open, .rest]) }
      let hasSingleRows = how.rows == .rest || how.rows == .open
      let fillsPanel = product.fillsPanel(lanes: schedule.lanes)
      how.masksAllPanels = how.masksAllPanels && fillsPanel
      how.panelsOfSingleRow = hasSingleRows && fillsPanel && !product.isStaged ? draw([1, 2, 3]) : 1
      if how.prefetchIndices > 0 { how.prefetchIndices = draw([0, 1, 30]) }
      let lines = kernel.accessesBesideSums.count
      let mayAsk = product.contracted.count == 1 && product.blocks == nil
      how.microKernels = how.shapes(of: product, kernel, lanes: schedule.lanes).map {
        MicroKernel(
          rows: $0.rows, vectors: $0.vectors, unrolling: draw([1, 2, 3, 4, 8]),
          prefetchedLines: mayAsk ? draw([0, $0.rows * lines]) : 0)
      }
      schedule.product = how
    }
    return schedule
  }
}
