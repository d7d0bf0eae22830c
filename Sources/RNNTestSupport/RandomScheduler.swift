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

  public func schedule(_ form: KernelForm, threads: Int) -> Schedule {
    var schedule = usual.schedule(form, threads: threads)
    func draw<Value>(_ values: [Value]) -> Value {
      values[generator.withLock { $0.below(values.count) }]
    }
    let kernel = form.kernel
    if kernel.kind == .map, kernel.product == nil {
      // Fewer elements than a register has room for, and squares element by element.
      schedule.lanes = draw([schedule.lanes, max(1, schedule.lanes / 2), 1])
      schedule.transposedAxis = draw([schedule.transposedAxis, nil])
      let isPaired = kernel.bound == nil && kernel.fillsVectors(of: 2 * schedule.lanes)
      schedule.registers = schedule.transposedAxis == nil && isPaired ? draw([1, 2]) : 1
    }
    if schedule.prefetchRows > 0 { schedule.prefetchRows = draw([0, 1, 8]) }
    if var how = schedule.product, let product = kernel.product {
      schedule.registers = draw([1, 2])
      // Narrower vectors go through a panel in several steps.
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
