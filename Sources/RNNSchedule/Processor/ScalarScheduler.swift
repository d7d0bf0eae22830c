import RNNGraph
import RNNPlan

/// Schedules without any art: one thread, one number at a time, everything as it lies.
///
/// What its code computes differs from what a plan's interpreter computes only if the code generator is wrong; and from what
/// the code of another scheduler computes only if that schedule, or the code for it, is.
public struct ScalarScheduler: Scheduler {
  public let machine = Machine(vectorBytes: 4, vectorRegisters: 16)

  /// Makes a scheduler.
  public init() {}

  public func sharesExamples(_ plan: Plan, threads: Int) -> Bool { false }

  public func gap(behind row: Int, _ element: ElementType) -> Int { 0 }

  public func arrangement(of kernel: Kernel, _ place: KernelPlace) -> KernelArrangement {
    KernelArrangement(
      product: kernel.product.map { product in
        // Rounded columns are kept in memory, in pairs.
        let isRounded = product.columnFormat != .full
        return ProductArrangement(
          tile: Tile(rows: 1, vectors: isRounded ? 2 : 1, groups: product.groups), lanes: 1,
          packsColumns: isRounded)
      })
  }

  public func schedule(_ form: KernelForm, threads: Int) -> Schedule {
    var schedule = Schedule(lanes: 1)
    if case .reduce = form.kernel.kind { schedule.reduction = ReductionSchedule(accumulators: 1) }
    if form.kernel.kind == .sweep { schedule.sweep = SweepSchedule(vectors: 1) }
    if let product = form.kernel.product {
      var how = ProductSchedule(rows: .single)
      how.microKernels = how.shapes(of: product, form.kernel, lanes: 1).map {
        MicroKernel(rows: $0.rows, vectors: $0.vectors, unrolling: 1)
      }
      schedule.product = how
    }
    return schedule
  }
}
