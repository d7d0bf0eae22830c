import RNNGraph
import RNNPlan

extension ProcessorScheduler {
  /// How a product is laid out.
  func arrangement(
    of product: Product, in kernel: Kernel, _ place: KernelPlace
  ) -> ProductArrangement {
    let isSplit = place.splitsExamples(of: kernel)
    let row = kernel.rowAxis
    let rows = kernel.domain[row].constant.map {
      isSplit && kernel.examples == row ? ($0 + place.threads - 1) / place.threads : $0
    }
    let columns = kernel.domain[row + 1].constant
    let sharesColumns = place.threads > 1 && !isSplit && rows ?? 1 < 2 * place.threads
    let lanes = machine.lanes(product.element)
    let tile = chooseTile(
      rows: rows, columns: columns, depth: product.depth.constant, groups: product.groups, lanes: lanes,
      sharers: sharesColumns ? place.threads : 1, format: product.columnFormat)
    var choice = ProductArrangement(
      tile: tile, lanes: lanes, packsColumns: packsColumns(product, in: kernel, place, rows: rows))
    // Only a single row is bound by how fast weights come in. With more, what the processor prefetches is worth more than
    // what L2 still holds: turning takes a training step a tenth longer.
    choice.turns = choice.packsColumns && place.isInLoop && rows ?? 1 == 1
    // Rows that lie across the contraction are copied, if that pays.
    let inner = kernel.domain.count + product.contracted.count - 1
    let isContraction = [product.lhs, product.rhs].contains { $0.access.index.factor(ofAxis: inner) != 0 }
    if isContraction, product.lhs.access.index.factor(ofAxis: inner) != 1, choice.packsColumns,
      kernel.domain.count == 2, let all = kernel.domain[0].constant, all >= 2 * tile.rows, !isSplit,
      tile.groups == product.groups
    {
      choice.blocks = chooseBlocks(product, tile, rows: all, threads: place.threads)
    }
    return choice
  }

  /// Whether columns are copied into panels rather than read as they lie.
  private func packsColumns(
    _ product: Product, in kernel: Kernel, _ place: KernelPlace, rows: Int?
  ) -> Bool {
    guard kernel.domain.last!.constant != nil else { return false }
    if product.columnFormat != .full { return true }
    let isDense = product.rhs.access.index.factor(ofAxis: kernel.lastAxis) == 1
    let readings = place.isInStep ? machine.readingsOfColumnsInStep : machine.readingsOfColumns
    return !(isDense && place.columnsAreNear && rows.map { $0 <= readings } ?? false)
  }

  /// The tile that needs the fewest cycles by a simple model.
  ///
  /// - Parameter sharers: how many threads share the panels of columns.
  private func chooseTile(
    rows: Int?, columns: Int?, depth: Int?, groups: Int, lanes: Int, sharers: Int, format: Buffer.Format
  ) -> Tile {
    // Halved numbers come in pairs of vectors.
    let step = format == .full ? 1 : 2
    let wanted = columns.map { ($0 + lanes - 1) / lanes } ?? 4
    // Few rows are bound by how fast weights come in, and the sums of many would not stay in the L1.
    let canWait = groups > 1 && (rows.map { machine.rowsThatWait.contains($0) } ?? false)
    var best = Tile(rows: 1, vectors: step, groups: groups)
    var bestCost = Double.infinity
    for together in canWait ? [1, groups] : [groups] {
      for vectors in stride(
        from: step, through: rows == 1 ? machine.widestTileOfOneRow : machine.widestTile, by: step)
      where vectors <= max(step, wanted) {
        let panels = ((wanted + vectors - 1) / vectors + sharers - 1) / sharers * (groups / together)
        for height in 1...machine.highestTile where height <= rows ?? machine.highestTile {
          let tile = Tile(rows: height, vectors: vectors, groups: together)
          let registers = tile.sums + min(height, together * vectors) + 1
          guard registers <= machine.vectorRegisters || (height == 1 && vectors == step) else { continue }
          let cost = Double(panels) * cycles(tile, rows: rows ?? machine.openRows, depth: depth)
          // The larger tile wins a tie: it reads less.
          if cost < bestCost * (1 - machine.tieOfTiles)
            || (cost <= bestCost * (1 + machine.tieOfTiles) && tile.sums > best.sums)
          {
            best = tile
            bestCost = cost
          }
        }
      }
    }
    return best
  }

  /// The cycles that rows take with a panel for each contracted index: those of the multiply-adds or the loads, at least the
  /// latency of a multiply-add, and those of each vector that comes from the second cache for one tile after the other.
  private func cycles(_ tile: Tile, rows: Int, depth: Int?) -> Double {
    let vectors = tile.groups * tile.vectors
    let panelBytes = (depth ?? 0) * vectors * machine.vectorBytes
    let isFar = rows > tile.rows && panelBytes > machine.l1Bytes / 4 * 3
    return rowTiles(rows, tile).reduce(0.0) { sum, part in
      let multiplies = Double(part.rows * vectors) / machine.multiplyAddsPerCycle
      let reads = Double(part.rows + vectors) / machine.loadsPerCycle
      let far = isFar ? machine.cyclesOfL2Vector * Double(vectors) : 0
      return sum + Double(part.count) * max(multiplies, reads, far, machine.multiplyAddLatency)
    }
  }

  /// How rows are cut: tiles of the full height and tiles one lower, if that comes out even; else single rows are left.
  private func rowTiles(_ rows: Int, _ tile: Tile) -> [(rows: Int, count: Int)] {
    if let cut = tile.evenCut(of: rows) {
      return [(tile.rows, cut.whole), (tile.rows - 1, cut.lower)].filter { $0.rows > 0 && $0.count > 0 }
    }
    return [(tile.rows, rows / tile.rows), (1, rows % tile.rows)].filter { $0.count > 0 }
  }

  /// Blocks such that a panel of columns takes half of L1 and a block of rows a quarter of L2, whose sums take some of it
  /// as well.
  private func chooseBlocks(
    _ product: Product, _ tile: Tile, rows: Int, threads: Int
  ) -> ProductArrangement.Blocks {
    let bytes = product.factors.byteCount
    let panelBytes = product.groups * tile.vectors * machine.vectorBytes
    var depth = max(machine.l1Bytes / 2 / panelBytes / 16 * 16, machine.shortestBlock)
    if let whole = product.depth.constant, whole <= depth * 3 / 2 { depth = whole }
    // As many panels as fit, but each of a thread's blocks as many as the others: a low one would not use a panel of
    // columns often enough.
    let most = max(machine.l2Bytes / 4 / (depth * tile.rows * bytes), 1)
    let panels = ((rows + tile.rows - 1) / tile.rows + threads - 1) / threads
    let blocks = (panels + most - 1) / most
    return ProductArrangement.Blocks(depth: depth, panels: (panels + blocks - 1) / blocks)
  }
}
