import RNNLLVM
import RNNPlan
import RNNSchedule

/// A block of a product's contraction for some rows.
struct DepthBlock {
  /// The first contracted index and the end.
  var start: IRValue, end: IRValue
  /// A number that divides how many there are.
  var divisor: Int
  var isFirst: IRValue, isLast: IRValue
  /// The first row, and the address of its copy.
  var row: IRValue, copies: IRValue
}

extension KernelEmitter {
  /// Emits a product in blocks: over rows outside, whose sums stay in L2, then over the contraction, then over
  /// panels of columns, each of which stays in L1 for all tiles of the block.
  func emitBlocked(_ product: Product, _ blocks: ProductBlocks) {
    let depth = value(of: product.depth)
    let (low, high) = range(ofAxis: rowAxis)
    let height = product.tile.rows
    let blockBytes = value(of: blocks.panels * Size(blocks.panelStride * product.factors.byteCount))
    let blockRows = value(of: blocks.panels * Size(height))
    let copies = builder.offset(start(of: blocks.copies), bytes: builder.mul(threadNumber, blockBytes))
    let divisor = [8, 4, 2].first { blocks.depth % $0 == 0 && product.depth.isMultiple(of: $0) } ?? 1
    builder.forLoop(from: low, to: high, step: blockRows) { row in
      let rowEnd = builder.smin(builder.add(row, blockRows), high)
      // A sum of no products is stored as well: there is always a first block.
      let first = constant(0)
      let bound = builder.smax(depth, constant(1))
      builder.forLoop(from: first, to: bound, step: constant(blocks.depth)) { k in
        let next = builder.add(k, constant(blocks.depth))
        let end = builder.smin(next, depth)
        let isFirst = builder.icmp(.equal, k, first)
        let isLast = builder.icmp(.greaterOrEqual, next, depth)
        let block = DepthBlock(
          start: k, end: end, divisor: divisor, isFirst: isFirst, isLast: isLast, row: row, copies: copies)
        copyRows(of: block, to: rowEnd, product, blocks)
        // The last tile may have copies of fewer rows; the sums of the others are of whatever lies behind them.
        let hasRest = kernel.mayHaveLowTiles
        overPanels(product) { column, vectors, mask in
          builder.forLoop(from: row, to: rowEnd, step: constant(height)) { row in
            emit(
              ProductBlock(
                row: row, height: height, rowEnd: hasRest ? rowEnd : nil, column: column, vectors: vectors,
                lastMask: mask, groups: product.groups, firstGroup: constant(0), depth: block),
              product, [:])
          }
        }
      }
    }
  }

  /// Runs `body` for each panel of some rows; only the last of all rows may be lower, and comes row by row if its height is
  /// not known. It is given a panel's first row, a place in the panel, and how many rows there are from there on.
  private func overPanelsOfRows(
    from start: IRValue, to end: IRValue, _ height: Int,
    _ body: (_ first: IRValue, _ place: IRValue, _ count: Int) -> Void
  ) {
    let top = constant(0)
    guard let rows = kernel.domain[rowAxis].constant else {
      let full = builder.sub(end, builder.urem(builder.sub(end, start), constant(height)))
      builder.forLoop(from: start, to: full, step: constant(height)) { body($0, top, height) }
      builder.forLoop(from: top, to: builder.sub(end, full), step: constant(1)) { body(full, $0, 1) }
      return
    }
    let full = builder.smin(end, constant(rows / height * height))
    builder.forLoop(from: start, to: full, step: constant(height)) { body($0, top, height) }
    let rest = rows % height
    if rest > 0 {
      builder.ifThen(builder.icmp(.equal, end, constant(rows))) { body(constant(rows - rest), top, rest) }
    }
  }

  /// The address of a panel of copies that begins with `row`.
  func panel(of row: IRValue, _ block: DepthBlock, _ product: Product, _ blocks: ProductBlocks) -> IRValue {
    let number = builder.udiv(builder.sub(row, block.row), constant(product.tile.rows))
    return builder.offset(
      block.copies, bytes: builder.mul(number, constant(blocks.panelStride * product.factors.byteCount)))
  }

  /// Copies the rows of a block into panels. It goes along the rows first, where they follow each other in memory.
  private func copyRows(
    of block: DepthBlock, to rowEnd: IRValue, _ product: Product, _ blocks: ProductBlocks
  ) {
    let access = product.lhs.access
    let element = product.factors
    let bytes = element.byteCount
    let height = product.tile.rows
    let isDense = access.index.factor(ofAxis: rowAxis) == 1
    // What lies along the rows is often too short for the processor to guess what comes next.
    let last = builder.sub(block.end, constant(1))
    let lineElements = constant(program.scheduled.machine.lineBytes / bytes)
    let distance = productSchedule.prefetchIndices
    builder.forLoop(from: block.start, to: block.end, step: constant(1)) { k in
      let indices = deepIndices(k, product)
      if distance > 0 {
        var ahead = deepIndices(builder.smin(builder.add(k, constant(distance)), last), product)
        builder.forLoop(from: block.row, to: rowEnd, step: lineElements) { row in
          ahead[rowAxis] = row
          builder.prefetch(address(access, at: ahead))
        }
      }
      let within = builder.mul(builder.sub(k, block.start), constant(height * bytes))
      overPanelsOfRows(from: block.row, to: rowEnd, height) { first, place, count in
        let row = builder.add(first, place)
        let bytesBefore = builder.add(within, builder.mul(place, constant(bytes)))
        let target = builder.offset(panel(of: first, block, product, blocks), bytes: bytesBefore)
        var copied = 0
        while copied < count {
          // Powers of two, since masks cost more than another instruction.
          var width = isDense ? lanes : 1
          while width > count - copied { width /= 2 }
          var here = indices
          here[rowAxis] = builder.add(row, constant(copied))
          let type = width == 1 ? memoryType(element) : memoryType(element).vector(width)
          builder.store(
            builder.load(type, address(access, at: here), align: bytes),
            builder.offset(target, bytes: copied * bytes), align: bytes)
          copied += width
        }
      }
    }
  }

  /// The indices along the contracted axes of one that counts through all of them.
  private func deepIndices(_ flat: IRValue, _ product: Product) -> [Int: IRValue] {
    var rest = flat
    var indices: [Int: IRValue] = [:]
    for (i, extent) in product.contracted.enumerated().reversed() {
      let axis = kernel.domain.count + i
      if i == 0 {
        indices[axis] = rest
      } else {
        let extent = value(of: extent)
        indices[axis] = builder.urem(rest, extent)
        rest = builder.udiv(rest, extent)
      }
    }
    return indices
  }

  /// The number of this thread, which follows from where its range begins.
  private var threadNumber: IRValue {
    guard case .axis(let axis, let multiple) = kernel.split else { return constant(0) }
    let threads = constant(program.plan.threads)
    let units = builder.udiv(
      builder.add(value(of: kernel.domain[axis]), constant(multiple - 1)), constant(multiple))
    let first = builder.mul(builder.udiv(low, constant(multiple)), threads)
    return builder.udiv(builder.add(first, builder.sub(units, constant(1))), units)
  }

  // MARK: Sums between blocks

  private func partialAddress(
    _ block: ProductBlock, _ product: Product, _ row: Int, _ group: Int, _ vector: Int
  ) -> IRValue {
    let bytes = product.element.byteCount
    let width = kernel.domain[lastAxis]
    let line = builder.mul(builder.add(block.row, constant(row)), value(of: width * Size(product.groups)))
    let before = builder.add(value(of: width * Size(group)), constant(vector * lanes))
    let place = builder.add(builder.add(line, block.column), before)
    return builder.offset(start(of: product.blocks!.partial!), bytes: builder.mul(place, constant(bytes)))
  }

  /// Asks for the sums of the tile of rows behind this one: the first multiply-add cannot begin without them.
  func prefetchNextPartial(_ block: ProductBlock, _ product: Product) {
    var next = block
    next.row = builder.add(block.row, constant(block.height))
    for row in 0..<block.height {
      for group in 0..<product.groups {
        builder.prefetch(partialAddress(next, product, row, group, 0), forWriting: true)
      }
    }
  }

  func loadPartial(_ block: ProductBlock, _ product: Product) -> [IRValue] {
    let type = memoryType(product.element).vector(lanes)
    let bytes = product.element.byteCount
    return forEachSum(block) { row, group, vector in
      let address = partialAddress(block, product, row, group, vector)
      return mask(block, vector).map { builder.maskedLoad(type, address, mask: $0, align: bytes) }
        ?? builder.load(type, address, align: bytes)
    }
  }

  func storePartial(_ block: ProductBlock, _ product: Product, _ sums: [IRValue]) {
    let bytes = product.element.byteCount
    _ = forEachSum(block) { row, group, vector in
      let address = partialAddress(block, product, row, group, vector)
      let sum = sums[place(block, row, group, vector)]
      if let mask = mask(block, vector) {
        builder.maskedStore(sum, address, mask: mask, align: bytes)
      } else {
        builder.store(sum, address, align: bytes)
      }
      return sum
    }
  }

  func forEachSum(_ block: ProductBlock, _ body: (Int, Int, Int) -> IRValue) -> [IRValue] {
    (0..<block.height).flatMap { row in
      (0..<block.groups).flatMap { group in (0..<block.vectors).map { body(row, group, $0) } }
    }
  }
}
