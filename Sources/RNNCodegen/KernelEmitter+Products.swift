import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

extension KernelEmitter {
  var rowAxis: Int { kernel.rowAxis }

  /// Emits a product: panels of columns outside, so that a panel of weights stays in L1 for all rows of
  /// the thread.
  func emitProduct(_ product: Product) {
    if let blocks = product.blocks { return emitBlocked(product, blocks) }
    let cut = cutRows(product)
    if product.isStaged { return emitStaged(product, cut) }
    overAxes(Array(0..<rowAxis)) { indices in
      func emit(_ row: IRValue, _ height: Int, _ column: IRValue, _ vectors: Int, _ mask: IRValue?) {
        let block = ProductBlock(
          row: row, height: height, column: column, vectors: vectors, lastMask: mask,
          groups: product.groups, firstGroup: constant(0))
        self.emit(block, product, indices)
      }
      func tiles() {
        overPanels(product) { column, vectors, mask in
          overTiles(product, cut) { row, height in emit(row, height, column, vectors, mask) }
        }
      }
      guard let rest = cut.rest else { return tiles() }
      // Few rows may make no tile at all.
      builder.ifThen(builder.icmp(.less, cut.start, rest), tiles)
      builder.ifThen(builder.icmp(.less, rest, cut.end)) {
        overPanels(product, together: productSchedule.panelsOfSingleRow) { column, vectors, mask in
          builder.forLoop(from: rest, to: cut.end, step: constant(1)) { row in
            emit(row, 1, column, vectors, mask)
          }
        }
      }
    }
  }

  /// Emits a product one group after the other: the sums of all rows wait in memory for those of the last group.
  private func emitStaged(_ product: Product, _ cut: RowCut) {
    let rows = kernel.possibleRows(threads: program.plan.threads)?.max() ?? kernel.domain[rowAxis].constant!
    let memory = waitingRoom(rows, product.tile.vectors, product)
    overAxes(Array(0..<rowAxis)) { indices in
      overPanels(product) { column, vectors, mask in
        builder.forLoop(from: constant(0), to: constant(product.groups), step: constant(1)) { group in
          let isFirst = builder.icmp(.equal, group, constant(0))
          func sums(_ row: IRValue, _ height: Int) {
            let block = ProductBlock(
              row: row, height: height, column: column, vectors: vectors, lastMask: mask, groups: 1,
              firstGroup: group, asksForLines: isFirst)
            let sums = sumOver(block, product, indices, startingSums(block, product, indices))
            keep(sums, of: block, product, memory, first: cut.start)
          }
          overTiles(product, cut, sums)
          if let rest = cut.rest {
            builder.forLoop(from: rest, to: cut.end, step: constant(1)) { sums($0, 1) }
          }
        }
        let rows = ProductBlock(
          row: cut.start, height: 1, column: column, vectors: vectors, lastMask: mask, groups: product.groups,
          firstGroup: constant(0))
        finishRows(of: rows, to: cut.end, product, indices, memory)
      }
    }
  }

  /// Runs `body` for each panel of this thread's columns, or for some `together`: whole ones, then what is left over.
  func overPanels(_ product: Product, together: Int = 1, _ body: (IRValue, Int, IRValue?) -> Void) {
    let panel = product.tile.vectors * lanes
    let (start, end) = range(ofAxis: lastAxis)
    let extent = kernel.domain[lastAxis]
    let width = extent.constant
    // Whole panels only, however many there are.
    let isWhole = extent.isMultiple(of: panel) && (width != nil || product.rhs.layout != .direct)
    guard isWhole || width != nil else {
      // An open number of columns: whole vectors, and a masked one.
      let rest = builder.urem(builder.sub(end, start), constant(lanes))
      let full = builder.sub(end, rest)
      builder.forLoop(from: start, to: full, step: constant(lanes)) { body($0, 1, nil) }
      builder.ifThen(builder.icmp(.less, full, end)) {
        body(full, 1, builder.mask(below: rest, lanes: lanes))
      }
      return
    }
    if together == 1, productSchedule.masksAllPanels, let width {
      let last = constant(width - (product.tile.vectors - 1) * lanes)
      builder.forLoop(from: start, to: end, step: constant(panel)) { column in
        let mask = builder.mask(below: builder.sub(last, column), lanes: lanes)
        body(column, product.tile.vectors, mask)
      }
      return
    }
    // What whole panels cover, if that is known.
    let full = width.map { $0 / panel * panel }
    if full != 0 {
      let last = full.map { builder.smin(end, constant($0)) } ?? end
      var next = start
      if together > 1, full.map({ $0 >= together * panel }) ?? true {
        let run = constant(together * panel)
        let rest = builder.urem(builder.sub(builder.smax(last, start), start), run)
        next = builder.sub(builder.smax(last, start), rest)
        builder.forLoop(from: start, to: next, step: run) { body($0, together * product.tile.vectors, nil) }
      }
      builder.forLoop(from: next, to: last, step: constant(panel)) { column in
        body(turned(column, from: next, to: last, product), product.tile.vectors, nil)
      }
    }
    guard !isWhole, let width, let full else { return }
    let rest = width - full
    let vectors = (rest + lanes - 1) / lanes
    let mask = rest % lanes == 0 ? nil : builder.mask(below: constant(rest % lanes), lanes: lanes)
    if kernel.wholeExtent(ofAxis: lastAxis) != nil {
      body(constant(full), vectors, mask)
    } else {
      builder.ifThen(builder.icmp(.equal, end, constant(width))) { body(constant(full), vectors, mask) }
    }
  }

  /// A panel's first column, counted from the other end where the product turns.
  private func turned(
    _ column: IRValue, from start: IRValue, to end: IRValue, _ product: Product
  ) -> IRValue {
    guard let turns = product.turns else { return column }
    let panel = constant(product.tile.vectors * lanes)
    let mirrored = builder.sub(builder.sub(builder.add(start, end), panel), column)
    return builder.select(builder.icmp(.equal, evaluate(turns, at: [:]), constant(0)), column, mirrored)
  }

  /// How this thread's rows are cut into tiles: some of the full height, some one lower, and a rest of single ones.
  struct RowCut {
    var start: IRValue
    /// Where the tiles one lower begin.
    var middle: IRValue
    /// Where single rows begin; nil if there are none.
    var rest: IRValue?
    var end: IRValue
    /// Whether there may be tiles one lower.
    var hasLower: Bool
  }

  /// This thread's rows, cut as the schedule says.
  private func cutRows(_ product: Product) -> RowCut {
    let cut = productSchedule.rows
    let height = constant(product.tile.rows)
    let (start, end) = range(ofAxis: rowAxis)
    if cut == .single { return RowCut(start: start, middle: end, rest: nil, end: end, hasLower: false) }
    func behind(_ count: IRValue) -> IRValue { builder.add(start, builder.mul(count, height)) }
    let length = builder.sub(end, start)
    let tiles = builder.udiv(builder.add(length, constant(product.tile.rows - 1)), height)
    let short = builder.sub(builder.mul(tiles, height), length)
    if cut == .whole || cut == .even {
      return RowCut(
        start: start, middle: behind(builder.sub(tiles, short)), rest: nil, end: end, hasLower: cut == .even)
    }
    let whole = behind(builder.udiv(length, height))
    if cut == .rest { return RowCut(start: start, middle: whole, rest: whole, end: end, hasLower: false) }
    let fits = builder.icmp(.lessOrEqual, short, tiles)
    return RowCut(
      start: start, middle: builder.select(fits, behind(builder.sub(tiles, short)), whole),
      rest: builder.select(fits, end, whole), end: end, hasLower: true)
  }

  /// Runs `body` for each tile of a cut.
  private func overTiles(_ product: Product, _ cut: RowCut, _ body: (IRValue, Int) -> Void) {
    let height = product.tile.rows
    builder.forLoop(from: cut.start, to: cut.middle, step: constant(height)) { body($0, height) }
    if cut.hasLower {
      let end = cut.rest ?? cut.end
      builder.forLoop(from: cut.middle, to: end, step: constant(height - 1)) { body($0, height - 1) }
    }
  }
}
