import RNNGraph
import RNNPlan

extension ProcessorScheduler {
  /// How the threads share a kernel without a product.
  func split(_ kernel: Kernel, _ place: KernelPlace) -> Split {
    let threads = place.threads
    if threads == 1 { return .none }
    if let axis = kernel.examples, place.sharesExamples { return .batch(axis: axis) }
    if kernel.domain.reduce(1, *).withSteps(machine.openSteps) < machine.barrierCost { return .none }
    let lanes = machine.lanes(.f32) * 2
    let last = kernel.domain.count - 1
    switch kernel.kind {
    case .map:
      // The outermost axis that is long enough; the last one in whole vectors.
      for axis in kernel.domain.indices
      where (kernel.domain[axis].constant ?? machine.openExtent) >= 4 * threads {
        return .axis(axis, multiple: axis == last ? lanes : 1)
      }
      return .none
    case .reduce:
      for axis in kernel.domain.indices
      where !kernel.reducedAxes.contains(axis)
        && (kernel.domain[axis].constant ?? machine.openExtent) >= (axis == last ? lanes : 1) * threads
      {
        return .axis(axis, multiple: axis == last ? lanes : 1)
      }
      return .none
    case .sweep:
      for axis in 0..<(last - 1) where (kernel.domain[axis].constant ?? machine.openExtent) >= threads {
        return .axis(axis, multiple: 1)
      }
      return .none
    case .scatterAdd:
      return (kernel.domain[last].constant ?? 0) >= lanes * threads ? .axis(last, multiple: lanes) : .none
    }
  }

  /// How the threads share a product.
  func split(
    _ kernel: Kernel, _ product: Product, _ choice: ProductArrangement, _ place: KernelPlace
  ) -> Split {
    let threads = place.threads
    if threads == 1 { return .none }
    let row = kernel.rowAxis
    // Columns are cut at panels only, which examples do not respect.
    if let axis = kernel.examples, axis <= row, place.sharesExamples { return .batch(axis: axis) }
    // A call of one step is not to be slowed down by barriers. A multiply-add of a single row takes a quarter of the time
    // of an element of a map: it needs another weight from the second cache.
    let work = (kernel.domain.reduce(1, *) * product.depth * Size(product.groups)).withSteps(1)
    if work < 4 * machine.barrierCost { return .none }
    let panel = choice.tile.vectors * choice.lanes
    let columns = kernel.domain[row + 1].constant ?? machine.openExtent
    // An open number of rows may be one. Columns also let each thread keep its part of the weights in its own cache.
    if kernel.domain[row].constant == nil, columns >= 2 * panel * threads {
      return .axis(row + 1, multiple: panel)
    }
    if (kernel.domain[row].constant ?? machine.openExtent) >= 2 * choice.tile.rows * threads {
      return .axis(row, multiple: choice.tile.rows)
    }
    if columns >= panel * threads { return .axis(row + 1, multiple: panel) }
    return .none
  }
}
