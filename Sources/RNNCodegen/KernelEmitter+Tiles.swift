import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

/// A part of a product that is held in registers while its sums are computed.
struct ProductBlock {
  /// Its first row, and how many rows there are.
  var row: IRValue
  var height: Int
  /// Where the rows end, if that may be within the tile: there are no results for those behind it.
  var rowEnd: IRValue?
  /// Its first column, vectors of columns (of one panel or of some whole ones), and the mask of the last vector.
  var column: IRValue
  var vectors: Int
  var lastMask: IRValue?
  /// The groups of columns side by side, and the first of them.
  var groups: Int
  var firstGroup: IRValue
  /// When to ask for what the kernel's body reads and writes; nil for always.
  var asksForLines: IRValue?
  /// The part of the contraction to sum over; nil for all.
  var depth: DepthBlock?
}

extension KernelEmitter {
  /// Computes a tile's sums and what follows them.
  func emit(_ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue]) {
    guard let depth = block.depth, product.blocks?.partial != nil else {
      let start = startingSums(block, product, indices)
      return finish(block, product, indices, sumOver(block, product, indices, start))
    }
    prefetchNextPartial(block, product)
    var sums = builder.ifElse(
      depth.isFirst, then: { startingSums(block, product, indices) }, else: { loadPartial(block, product) })
    sums = sumOver(block, product, indices, sums)
    _ = builder.ifElse(
      depth.isLast,
      then: {
        finish(block, product, indices, sums)
        return []
      },
      else: {
        storePartial(block, product, sums)
        return []
      })
  }

  /// What the sums of a tile start from.
  func startingSums(_ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue]) -> [IRValue] {
    guard let access = kernel.start else {
      let zero = memoryType(product.element).vector(lanes).zero
      return Array(repeating: zero, count: block.height * block.groups * block.vectors)
    }
    return forEachSum(block) { row, group, vector in
      var indices = indices
      let here = builder.add(block.row, constant(row))
      indices[rowAxis] = block.rowEnd.map { builder.smin(here, builder.sub($0, constant(1))) } ?? here
      // The groups of columns lie side by side, each as wide as the domain.
      let number = builder.add(block.firstGroup, constant(group))
      let width = builder.mul(value(of: kernel.domain[lastAxis]), number)
      let first = builder.add(builder.add(block.column, constant(vector * lanes)), width)
      return loadVector(
        access, address(access, at: indices), Columns(first: first), mask: mask(block, vector))
    }
  }

  func place(_ block: ProductBlock, _ row: Int, _ group: Int, _ vector: Int) -> Int {
    (row * block.groups + group) * block.vectors + vector
  }

  func mask(_ block: ProductBlock, _ vector: Int) -> IRValue? {
    vector == block.vectors - 1 ? block.lastMask : nil
  }

  /// Applies the kernel's body to the sums, row by row.
  ///
  /// Where the body is long, the sums pass through memory so that one copy of it serves all rows: that costs a store and
  /// a load for each sum, next to nothing beside the contraction, and keeps the code small. It is also the way where a
  /// tile may have fewer rows than sums.
  private func finish(_ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue], _ sums: [IRValue])
  {
    if block.rowEnd == nil, !productSchedule.sharesBody || block.height == 1 {
      let addresses = addresses(of: block.row, indices)
      for r in 0..<block.height {
        finish(block, product, indices, addresses, row: constant(r), vectors: block.vectors) {
          sums[place(block, r, $0, $1)]
        }
      }
      return
    }
    let memory = waitingRoom(block.height, block.vectors, product)
    keep(sums, of: block, product, memory, first: block.row)
    let end = builder.add(block.row, constant(block.height))
    finishRows(of: block, to: block.rowEnd.map { builder.smin(end, $0) } ?? end, product, indices, memory)
  }

  /// Applies the kernel's body to sums that wait in memory, for rows from the block's first one on.
  func finishRows(
    of block: ProductBlock, to end: IRValue, _ product: Product, _ indices: [Int: IRValue], _ memory: IRValue
  ) {
    let addresses = addresses(of: block.row, indices)
    let bytes = lanes * product.element.byteCount
    let rowBytes = constant(product.groups * block.vectors * bytes)
    builder.forLoop(from: constant(0), to: builder.sub(end, block.row), step: constant(1)) { r in
      let start = builder.offset(memory, bytes: builder.mul(r, rowBytes))
      // The last vector of a masked panel is on its own.
      let isPaired = block.vectors % schedule.registers == 0 && block.lastMask == nil
      let width = isPaired ? schedule.registers : 1
      func row() {
        finish(block, product, indices, addresses, row: r, vectors: block.vectors / width) { group, vector in
          let place = group * block.vectors + vector * width
          return builder.load(
            memoryType(product.element).vector(lanes), builder.offset(start, bytes: place * bytes),
            align: bytes)
        }
      }
      withVectors(of: width, row)
    }
  }

  /// Room for the sums of some rows of a panel.
  func waitingRoom(_ rows: Int, _ vectors: Int, _ product: Product) -> IRValue {
    builder.alloca(
      memoryType(product.element).vector(lanes), count: rows * product.groups * vectors,
      align: lanes * product.element.byteCount)
  }

  /// Stores a tile's sums where those of all groups of the rows from `first` on are to meet.
  func keep(
    _ sums: [IRValue], of block: ProductBlock, _ product: Product, _ memory: IRValue, first: IRValue
  ) {
    let bytes = lanes * product.element.byteCount
    let row = builder.mul(builder.sub(block.row, first), constant(product.groups))
    let start = builder.mul(builder.add(row, block.firstGroup), constant(block.vectors * bytes))
    _ = forEachSum(block) { row, group, vector in
      let sum = sums[place(block, row, group, vector)]
      let within = (row * product.groups + group) * block.vectors + vector
      let address = builder.offset(builder.offset(memory, bytes: start), bytes: within * bytes)
      builder.store(sum, address, align: bytes)
      return sum
    }
  }

  /// The distance of an access's rows in bytes.
  func rowStep(_ access: Access) -> IRValue {
    value(of: access.index.factor(ofAxis: rowAxis) * Size(byteCount(access)))
  }

  /// Where a row begins in memory, by access.
  private func addresses(of row: IRValue, _ indices: [Int: IRValue]) -> [Access: IRValue] {
    var first = indices
    first[rowAxis] = row
    return Dictionary(
      accesses.map { ($0, address($0, at: first, opaque: true)) }, uniquingKeysWith: { one, _ in one })
  }

  /// Applies the kernel's body to the sums of row `r` of a block, whose first row begins at `addresses`.
  private func finish(
    _ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue], _ addresses: [Access: IRValue],
    row r: IRValue, vectors: Int, _ sum: (_ group: Int, _ vector: Int) -> IRValue
  ) {
    var indices = indices
    indices[rowAxis] = builder.add(block.row, r)
    let row = row(at: indices) { access in
      let step = rowStep(access)
      return step.constantInteger == 0
        ? addresses[access]! : builder.offset(addresses[access]!, bytes: builder.mul(r, step))
    }
    for v in 0..<vectors {
      let columns = Columns(
        first: builder.add(block.column, constant(v * lanes)), mask: mask(block, v),
        accumulators: (0..<product.groups).map { sum($0, v) })
      store(evaluate(row, columns), row, columns)
    }
  }
}
