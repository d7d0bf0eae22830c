import RNNGraph
import RNNLLVM
import RNNPlan

extension KernelEmitter {
  var rowAxis: Int { kernel.domain.count - 2 }

  /// Emits a product: panels of columns outside, so that a panel of weights stays in the nearest cache for all rows of
  /// the thread.
  func emitProduct(_ product: Product) {
    if let blocks = product.blocks { return emitBlocked(product, blocks) }
    overAxes(Array(0..<rowAxis)) { indices in
      overPanels(product) { column, vectors, mask in
        overTiles(product) { row, height in
          emit(
            ProductBlock(
              row: row, height: height, column: column, vectors: vectors, lastMask: mask),
            product,
            indices)
        }
      }
    }
  }

  /// Runs `body` for each panel of this thread's columns: whole ones, then what is left over.
  func overPanels(_ product: Product, _ body: (IRValue, Int, IRValue?) -> Void) {
    let panel = product.tile.vectors * lanes
    let (start, end) = range(ofAxis: lastAxis)
    guard let width = kernel.domain[lastAxis].constant else {
      // An open number of columns: whole vectors, and a masked one.
      let rest = builder.urem(builder.sub(end, start), constant(lanes))
      let full = builder.sub(end, rest)
      builder.forLoop(from: start, to: full, step: constant(lanes)) { body($0, 1, nil) }
      builder.ifThen(builder.icmp(.less, full, end)) {
        body(full, 1, builder.mask(below: rest, lanes: lanes))
      }
      return
    }
    let full = width / panel * panel
    if full > 0 {
      let last = wholeExtent(ofAxis: lastAxis) == nil ? builder.smin(end, constant(full)) : constant(full)
      builder.forLoop(from: start, to: last, step: constant(panel)) { body($0, product.tile.vectors, nil) }
    }
    let rest = width - full
    if rest == 0 { return }
    let vectors = (rest + lanes - 1) / lanes
    let mask = rest % lanes == 0 ? nil : builder.mask(below: constant(rest % lanes), lanes: lanes)
    if wholeExtent(ofAxis: lastAxis) != nil {
      body(constant(full), vectors, mask)
    } else {
      builder.ifThen(builder.icmp(.equal, end, constant(width))) { body(constant(full), vectors, mask) }
    }
  }

  /// Runs `body` for each tile of this thread's rows.
  private func overTiles(_ product: Product, _ body: (IRValue, Int) -> Void) {
    let height = product.tile.rows
    let (start, end) = range(ofAxis: rowAxis)
    let counts = possibleRows
    if let counts,
      counts.allSatisfy({ (($0 + height - 1) / height) * height - $0 <= ($0 + height - 1) / height })
    {
      // Tiles of the full height, then tiles one lower: none is much lower than the others.
      let length = builder.sub(end, start)
      let tiles = builder.udiv(builder.add(length, constant(height - 1)), constant(height))
      let short = builder.sub(builder.mul(tiles, constant(height)), length)
      let middle = builder.add(start, builder.mul(builder.sub(tiles, short), constant(height)))
      builder.forLoop(from: start, to: middle, step: constant(height)) { body($0, height) }
      if height > 1, counts.contains(where: { $0 % height != 0 }) {
        builder.forLoop(from: middle, to: end, step: constant(height - 1)) { body($0, height - 1) }
      }
      return
    }
    let rest = builder.urem(builder.sub(end, start), constant(height))
    let full = builder.sub(end, rest)
    builder.forLoop(from: start, to: full, step: constant(height)) { body($0, height) }
    builder.forLoop(from: full, to: end, step: constant(1)) { body($0, 1) }
  }

  /// How many rows a thread may have, if that is known.
  private var possibleRows: [Int]? {
    guard let rows = kernel.domain[rowAxis].constant else { return nil }
    switch kernel.split {
    case .none: return [rows]
    case .batch(let axis):
      let threads = program.plan.threads
      return axis == rowAxis ? [rows / threads, (rows + threads - 1) / threads] : [rows]
    case .axis(let axis, _): return axis == rowAxis ? nil : [rows]
    }
  }
}
