import RNNGraph

/// Which operand of a product gives the rows and which the columns.
struct ProductForm {
  /// The operand whose numbers are broadcast, and the one that is loaded as vectors.
  var rows: Int, columns: Int
  /// Whether the rows have an axis of the result; otherwise there is one row.
  var hasRows: Bool
}

extension Planner {
  /// The most groups of columns that a tile may compute side by side.
  var maximalGroups: Int { machine.vectorRegisters / 2 - 2 }

  /// How a product maps to tiles, or nil if it is better computed as a reduction.
  func productForm(_ axes: DotAxes, _ operation: Operation) -> ProductForm? {
    let types = operation.operands.map { graph.type($0) }
    let rows = axes.lhsFree(rank: types[0].rank)
    let columns = axes.rhsFree(rank: types[1].rank)
    // A vector of one or two elements would waste the rest of a register.
    if let last = graph.type(operation.result).shape.last, let width = extent(last).constant, width <= 2 {
      return nil
    }
    if columns.count == 1 { return ProductForm(rows: 0, columns: 1, hasRows: !rows.isEmpty) }
    if columns.isEmpty, rows.count == 1 { return ProductForm(rows: 1, columns: 0, hasRows: false) }
    return nil
  }

  /// Completes a kernel whose body reads the accumulators of a product.
  func withProduct(_ kernel: Kernel, _ id: OperationID, groups: Int, batchAxis: Int?) -> Kernel {
    let operation = graph[id]
    guard case .dot(let axes) = operation.kind, let form = productForm(axes, operation) else {
      preconditionFailure("not a product of tiles")
    }
    var kernel = kernel
    var batchAxis = batchAxis
    // The operands' axes as forms of the domain's, the contracted axes numbered behind these.
    let rank = kernel.domain.count
    let free = [
      axes.lhsFree(rank: graph.type(operation.operands[0]).rank),
      axes.rhsFree(rank: graph.type(operation.operands[1]).rank),
    ]
    var maps = operation.operands.map { View.identity(graph.type($0).rank) }
    for (i, axis) in axes.lhsBatch.enumerated() { maps[0][axis] = Affine(.axis(i)) }
    for (i, axis) in axes.rhsBatch.enumerated() { maps[1][axis] = Affine(.axis(i)) }
    for (i, axis) in free[0].enumerated() { maps[0][axis] = Affine(.axis(axes.lhsBatch.count + i)) }
    for (i, axis) in free[1].enumerated() {
      maps[1][axis] = Affine(.axis(axes.lhsBatch.count + free[0].count + i))
    }
    // One more axis than the domain has leaves room for a unit axis of rows.
    let deep = rank + 1
    for (i, axis) in axes.lhsContracting.enumerated() { maps[0][axis] = Affine(.axis(deep + i)) }
    for (i, axis) in axes.rhsContracting.enumerated() { maps[1][axis] = Affine(.axis(deep + i)) }
    let contracted = axes.lhsContracting.map { extent(graph.type(operation.operands[0]).shape[$0]) }

    // Unit axes vanish; then the rows are the axis before the columns, or a unit axis is put there.
    var kept = kernel.domain.indices.filter { $0 == rank - 1 || kernel.domain[$0] != 1 }
    let rowAxes = form.hasRows ? axes.lhsBatch.count..<(axes.lhsBatch.count + free[0].count) : 0..<0
    var domain = kept.map { kernel.domain[$0] }
    var forms = [Affine](repeating: Affine(0), count: deep + contracted.count)
    let hasRowAxis = kept.count >= 2 && rowAxes.contains(kept[kept.count - 2])
    if !hasRowAxis {
      kept.insert(-1, at: kept.count - 1)
      domain.insert(1, at: domain.count - 1)
    }
    for (place, axis) in kept.enumerated() where axis >= 0 { forms[axis] = Affine(.axis(place)) }
    for i in contracted.indices { forms[deep + i] = Affine(.axis(domain.count + i)) }
    if let start = operation.start {
      let builder = KernelBuilder(
        planner: self, clustering: Clustering(), cluster: nil, batchAxis: batchAxis)
      kernel.start = builder.access(of: start, View.identity(rank))
    }
    batchAxis = batchAxis.flatMap { kept.firstIndex(of: $0) }
    kernel.remap(forms, domain: domain)
    maps = maps.map { $0.map { $0.substituting(forms) } }

    let element = graph.type(operation.result).element
    let factors = graph.type(operation.operands[0]).element
    let builder = KernelBuilder(planner: self, clustering: Clustering(), cluster: nil, batchAxis: batchAxis)
    let columnsView = resolve(operation.operands[form.columns]).through(maps[form.columns])
    let rowsView = resolve(operation.operands[form.rows]).through(maps[form.rows])
    let rowsAccess = builder.access(storage[rowsView.base]!, rowsView)
    let deepAxes = contracted.indices.map { domain.count + $0 }
    let isSplit = splitsBatch(batchAxis)
    let rowCount = domain[domain.count - 2].constant.map {
      isSplit && batchAxis == domain.count - 2 ? ($0 + threads - 1) / threads : $0
    }
    let format = weights == .bf16 && element == .f32 && isStable(columnsView.base) ? weights : .full
    let sharesColumns = threads > 1 && !isSplit && rowCount ?? 1 < 2 * threads
    let depth = contracted.reduce(1, *).constant
    let tile = chooseTile(
      rows: rowCount, columns: domain.last!.constant, depth: depth, groups: groups,
      lanes: machine.lanes(element), sharers: sharesColumns ? threads : 1, format: format)
    let packer = Packer(
      planner: self, domain: domain, contracted: contracted, groups: groups, element: factors,
      lanes: machine.lanes(element), builder: builder, format: format)

    let rhs = packer.columns(operation.operands[form.columns], columnsView, tile: tile, rows: rowCount)
    var product = Product(
      lhs: ProductOperand(access: rowsAccess, layout: .direct), rhs: rhs, groups: groups,
      contracted: contracted.isEmpty ? [1] : contracted, tile: tile, blocks: nil,
      turns: rowCount ?? 1 == 1 ? turn(with: rhs) : nil,
      factors: factors, element: element)
    // Rows that lie across the contraction are copied, if that pays.
    if let inner = deepAxes.last, rowsAccess.index.factor(ofAxis: inner) != 1, case .packed = rhs.layout,
      domain.count == 2, let rows = domain[0].constant, rows >= 2 * tile.rows, !isSplit, !product.isStaged
    {
      product.blocks = chooseBlocks(product, rows: rows, columns: domain[1].constant!)
    }
    kernel.product = product
    kernel.order = axes.order
    kernel.split = productSplit(kernel, batchAxis: batchAxis)
    return kernel
  }

  /// The parity of the innermost loop being lowered, if each iteration reads the same panels.
  ///
  /// Only a single row is bound by how fast weights come in. With more, what the processor fetches ahead is worth more than
  /// what the far cache still holds: turning takes a training step a tenth longer.
  private func turn(with columns: ProductOperand) -> Affine? {
    guard case .packed = columns.layout, let scan = openRegions.last.flatMap({ graph[$0].owner }),
      let loop = loopNumbers[scan]
    else { return nil }
    return columns.access.index.factors[.loop(loop)] == nil ? Affine(.parity(loop)) : nil
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
    // Few rows are bound by how fast weights come in, and the sums of many would not stay in the near cache.
    let canWait = groups > 1 && (rows.map { (4...64).contains($0) } ?? false)
    var best = Tile(rows: 1, vectors: step, groups: groups)
    var bestCost = Double.infinity
    for together in canWait ? [1, groups] : [groups] {
      for vectors in stride(from: step, through: rows == 1 ? 12 : 4, by: step)
      where vectors <= max(step, wanted) {
        let panels = ((wanted + vectors - 1) / vectors + sharers - 1) / sharers * (groups / together)
        for height in 1...14 where height <= rows ?? 14 {
          let tile = Tile(rows: height, vectors: vectors, groups: together)
          let registers = tile.sums + min(height, together * vectors) + 1
          guard registers <= machine.vectorRegisters || (height == 1 && vectors == step) else { continue }
          let cost = Double(panels) * cycles(tile, rows: rows ?? 840, depth: depth)
          // The larger tile wins a tie: it reads less.
          if cost < bestCost * 0.999 || (cost <= bestCost * 1.001 && tile.sums > best.sums) {
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
    let isFar = rows > tile.rows && panelBytes > machine.nearCacheBytes / 4 * 3
    return rowTiles(rows, tile).reduce(0.0) { sum, part in
      let multiplies = Double(part.rows * vectors) / machine.multiplyAddsPerCycle
      let reads = Double(part.rows + vectors) / machine.loadsPerCycle
      let far = isFar ? machine.cyclesOfFarVector * Double(vectors) : 0
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

  /// Blocks such that a panel of columns takes half of the near cache and a block of rows a quarter of the far one,
  /// whose sums take some of it as well.
  private func chooseBlocks(_ product: Product, rows: Int, columns: Int) -> ProductBlocks {
    let tile = product.tile
    let bytes = product.factors.byteCount
    let panelBytes = product.groups * tile.vectors * machine.vectorBytes
    var depth = max(machine.nearCacheBytes / 2 / panelBytes / 16 * 16, 128)
    let isWhole = product.depth.constant.map { $0 <= depth * 3 / 2 } ?? false
    if isWhole { depth = product.depth.constant! }
    // As many panels as fit, but each of a thread's blocks as many as the others: a low one would not use a panel of
    // columns often enough.
    let most = max(machine.farCacheBytes / 4 / (depth * tile.rows * bytes), 1)
    let allPanels = (rows + tile.rows - 1) / tile.rows
    let panels = (allPanels + threads - 1) / threads
    let blocks = (panels + most - 1) / most
    let count = (panels + blocks - 1) / blocks
    let stride = (depth * tile.rows * bytes / Buffer.alignment + 1) * Buffer.alignment / bytes
    return ProductBlocks(
      depth: depth, panels: Size(count),
      copies: addBuffer("block", product.factors, [Size(threads), Size(count * stride)]), panelStride: stride,
      partial: isWhole
        ? nil
        : addBuffer(
          "partial", product.element, [Size(allPanels * tile.rows), Size(columns * product.groups)]))
  }
}
