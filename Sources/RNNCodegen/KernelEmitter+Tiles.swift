import RNNGraph
import RNNLLVM
import RNNPlan

/// A part of a product that is held in registers while its sums are computed.
struct ProductBlock {
  /// Its first row, and how many rows there are.
  var row: IRValue
  var height: Int
  /// Its first column, vectors of columns (of one panel or of some whole ones), and the mask of the last vector.
  var column: IRValue
  var vectors: Int
  var lastMask: IRValue?
  /// The groups of columns side by side, and the first of them.
  var groups: Int
  var firstGroup: IRValue
  /// Whether to ask for what the kernel's body reads and writes.
  var asksForLines = true
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
      indices[rowAxis] = builder.add(block.row, constant(row))
      // The groups of columns lie side by side, each as wide as the domain.
      let number = builder.add(block.firstGroup, constant(group))
      let width = builder.mul(value(of: kernel.domain[lastAxis]), number)
      let first = builder.add(builder.add(block.column, constant(vector * lanes)), width)
      return loadVector(
        access, address(access, at: indices), Columns(first: first), mask: mask(block, vector))
    }
  }

  /// The addresses of the cache lines in which a tile's body reads and writes beside the sums.
  private func linesBeside(_ block: ProductBlock, _ indices: [Int: IRValue]) -> [IRValue] {
    var accesses: [Access] = []
    func add(_ access: Access) {
      guard access.index.factor(ofAxis: lastAxis) == 1, access.index.factor(ofAxis: rowAxis) != 0,
        !accesses.contains(access)
      else { return }
      accesses.append(access)
    }
    for case .load(let access) in kernel.body { add(access) }
    for store in kernel.stores { add(store.access) }
    return (0..<block.height).flatMap { r in
      var here = indices
      here[rowAxis] = builder.add(block.row, constant(r))
      here[lastAxis] = block.column
      return accesses.map { address($0, at: here) }
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
  /// a load for each sum, next to nothing beside the contraction, and keeps the code small.
  private func finish(_ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue], _ sums: [IRValue])
  {
    if kernel.body.count <= 6 || block.height == 1 {
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
    finishRows(of: block, to: builder.add(block.row, constant(block.height)), product, indices, memory)
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
      let width = block.vectors % 2 == 0 && block.lastMask == nil ? 2 : 1
      func row() {
        finish(block, product, indices, addresses, row: r, vectors: block.vectors / width) { group, vector in
          let place = group * block.vectors + vector * width
          return builder.load(
            memoryType(product.element).vector(lanes), builder.offset(start, bytes: place * bytes),
            align: bytes)
        }
      }
      if width == 2 { withTwiceTheLanes(row) } else { row() }
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
      let stride = access.index.factor(ofAxis: rowAxis) * Size(elementType(access).byteCount)
      return stride == 0
        ? addresses[access]! : builder.offset(addresses[access]!, bytes: builder.mul(r, value(of: stride)))
    }
    for v in 0..<vectors {
      let columns = Columns(
        first: builder.add(block.column, constant(v * lanes)), mask: mask(block, v),
        accumulators: (0..<product.groups).map { sum($0, v) })
      store(evaluate(row, columns), row, columns)
    }
  }

  /// Adds the products for all contracted indices of a block to sums.
  func sumOver(
    _ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue], _ sums: [IRValue]
  ) -> [IRValue] {
    let deepAxes = product.contracted.indices.map { kernel.domain.count + $0 }
    let left = leftAddress(block, product, indices)
    let right = rightAddress(block, product, indices)
    if deepAxes.count == 1 || block.depth != nil {
      let end = block.depth?.end ?? value(of: product.depth)
      func add(_ k: IRValue, _ sums: [IRValue]) -> [IRValue] {
        multiplyAdd(block, product, left: left([k], k), right: right([k], k), sums)
      }
      guard block.depth == nil, let depth = product.depth.constant else {
        return deepLoop(block, from: block.depth?.start ?? constant(0), to: end, known: nil, sums, add)
      }
      let lines = block.asksForLines ? linesBeside(block, indices) : []
      // Note [Early lines]: what the body reads and writes beside the sums lies in a line here and a line there, which no
      // processor guesses. It asks for one of them with each contracted index: for all at once, it would have to wait.
      guard lines.count > 1, lines.count <= depth / 2 else {
        return deepLoop(block, from: constant(0), to: end, known: depth, sums, add)
      }
      // The last one is asked for again and again until the rounds of an unrolled loop are full.
      let unroll = unrolling(block)
      let count = min((lines.count + unroll - 1) / unroll * unroll, depth)
      let table = builder.alloca(module.pointer, count: count, align: 8)
      for i in 0..<count {
        builder.store(lines[min(i, lines.count - 1)], builder.offset(table, bytes: 8 * i), align: 8)
      }
      let first = deepLoop(block, from: constant(0), to: constant(count), known: count, sums) {
        k, sums in
        let place = builder.offset(table, bytes: builder.mul(k, constant(8)))
        builder.prefetch(builder.load(module.pointer, place, align: 8))
        return add(k, sums)
      }
      return deepLoop(block, from: constant(count), to: end, known: depth - count, first, add)
    }
    func nest(_ axis: Int, _ deep: [IRValue], _ flat: IRValue, _ sums: [IRValue]) -> [IRValue] {
      let extent = product.contracted[axis]
      let isInnermost = axis == product.contracted.count - 1
      let base = builder.mul(flat, value(of: extent))
      if !isInnermost {
        return builder.forLoop(from: constant(0), to: value(of: extent), step: constant(1), carrying: sums) {
          k, sums in
          nest(axis + 1, deep + [k], builder.add(base, k), sums)
        }
      }
      return deepLoop(
        block, from: constant(0), to: value(of: extent), known: extent.constant, sums
      ) { k, sums in
        let flat = builder.add(base, k)
        return multiplyAdd(
          block, product, left: left(deep + [k], flat), right: right(deep + [k], flat), sums)
      }
    }
    return nest(0, [], constant(0), sums)
  }

  /// How many contracted indices a round of the innermost loop takes.
  ///
  /// A core that runs a second thread beside ours, perhaps another machine's, gives each of them half of the instructions
  /// that it can begin: multiply-adds then wait behind the instructions that only count. See docs/performance.md.
  private func unrolling(_ block: ProductBlock) -> Int {
    let loads = block.height + block.groups * block.vectors
    return block.height * block.groups * block.vectors + loads > 32 ? 2 : 4
  }

  /// The innermost loop, in rounds of some indices; what is left of them comes behind it.
  private func deepLoop(
    _ block: ProductBlock, from start: IRValue, to end: IRValue, known: Int?,
    _ sums: [IRValue], _ body: (IRValue, [IRValue]) -> [IRValue]
  ) -> [IRValue] {
    let unroll = unrolling(block)
    let rest = known.map { constant($0 % unroll) } ?? builder.urem(builder.sub(end, start), constant(unroll))
    let full = builder.sub(end, rest)
    let sums = builder.forLoop(from: start, to: full, step: constant(unroll), carrying: sums) { k, sums in
      (0..<unroll).reduce(sums) { body($1 == 0 ? k : builder.add(k, constant($1)), $0) }
    }
    if known.map({ $0 % unroll == 0 }) ?? false { return sums }
    return builder.forLoop(from: full, to: end, step: constant(1), carrying: sums, body)
  }

  /// Addresses of the numbers of a tile's rows at a contracted index, given by axis and counted through.
  private func leftAddress(
    _ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue]
  ) -> ([IRValue], IRValue) -> [IRValue] {
    let access = product.lhs.access
    let bytes = product.element.byteCount
    if let depth = block.depth, let blocks = product.blocks {
      let height = product.tile.rows
      let base = panel(of: block.row, depth, product, blocks)
      return { [self] _, flat in
        let within = builder.mul(builder.sub(flat, depth.start), constant(height * bytes))
        let here = builder.offset(base, bytes: within)
        return (0..<block.height).map { builder.offset(here, bytes: $0 * bytes) }
      }
    }
    var indices = indices
    indices[rowAxis] = block.row
    let base = address(access, at: indices)
    let step = builder.mul(value(of: access.index.factor(ofAxis: rowAxis)), constant(bytes))
    let rows = (0..<block.height).map {
      $0 == 0 ? base : builder.offset(base, bytes: builder.mul(step, constant($0)))
    }
    return { [self] deep, _ in
      rows.map { offset($0, access, deep) }
    }
  }

  /// An address moved along the contracted axes.
  private func offset(_ address: IRValue, _ access: Access, _ deep: [IRValue]) -> IRValue {
    let bytes = elementType(access).byteCount
    return deep.enumerated().reduce(address) { address, entry in
      let factor = access.index.factor(ofAxis: kernel.domain.count + entry.offset)
      if factor == 0 { return address }
      let stride = builder.mul(value(of: factor), constant(bytes))
      return builder.offset(address, bytes: builder.mul(entry.element, stride))
    }
  }

  /// The vectors of a tile's columns at a contracted index, by group.
  private func rightAddress(
    _ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue]
  ) -> ([IRValue], IRValue) -> (Int, Int) -> IRValue {
    let access = product.rhs.access
    let bytes = byteCount(access)
    let isHalved = format(access) == .bf16
    let type = memoryType(product.element).vector(lanes)
    switch product.rhs.layout {
    case .packed(let panel):
      let step = block.groups * panel * bytes
      let run = builder.mul(value(of: product.depth), constant(step))
      let number = builder.udiv(block.column, constant(panel))
      let within = builder.sub(block.column, builder.mul(number, constant(panel)))
      let size = builder.mul(run, constant(product.groups / block.groups))
      let group = builder.mul(run, builder.udiv(block.firstGroup, constant(block.groups)))
      let start = builder.offset(
        address(access, at: indices), bytes: builder.add(builder.mul(number, size), group))
      let base = builder.offset(start, bytes: builder.mul(within, constant(bytes)))
      return { [self] _, flat in
        let here = builder.offset(base, bytes: builder.mul(flat, constant(step)))
        return { [self] group, vector in
          // The vectors of the next panels come behind those of the first one.
          let (next, place) = vector.quotientAndRemainder(dividingBy: product.tile.vectors)
          let first = next == 0 ? here : builder.offset(here, bytes: builder.mul(size, constant(next)))
          if isHalved {
            let pair = builder.offset(first, bytes: (group * panel + place / 2 * 2 * lanes) * bytes)
            return widened(pair, isSecond: place % 2 == 1)
          }
          return builder.load(
            type, builder.offset(first, bytes: (group * panel + place * lanes) * bytes), align: bytes)
        }
      }
    case .direct:
      var indices = indices
      indices[lastAxis] = block.column
      let base = address(access, at: indices)
      let factor = access.index.factor(ofAxis: lastAxis)
      let stride = builder.mul(value(of: factor), constant(bytes))
      let group = builder.mul(stride, value(of: kernel.domain[lastAxis]))
      return { [self] deep, _ in
        let here = offset(base, access, deep)
        return { [self] number, vector in
          let first = builder.add(
            builder.mul(group, builder.add(block.firstGroup, constant(number))),
            builder.mul(stride, constant(vector * lanes)))
          let place = builder.offset(here, bytes: first)
          let mask = mask(block, vector)
          if factor == 1 {
            return mask.map { builder.maskedLoad(type, place, mask: $0, align: bytes) }
              ?? builder.load(type, place, align: bytes)
          }
          let offsets = builder.mul(iota(module.i64), builder.splat(stride, lanes))
          return builder.gather(
            type, builder.offset(place, bytes: offsets), mask: mask ?? module.i1.vector(lanes).constant(1),
            align: bytes)
        }
      }
    }
  }

  /// Adds the product of a column of numbers and a row of vectors to the sums.
  private func multiplyAdd(
    _ block: ProductBlock, _ product: Product, left: [IRValue], right: (Int, Int) -> IRValue,
    _ sums: [IRValue]
  ) -> [IRValue] {
    var sums = sums
    let type = memoryType(product.element)
    let bytes = product.element.byteCount
    let pairs = (0..<block.groups).flatMap { group in (0..<block.vectors).map { (group, $0) } }
    func number(_ r: Int) -> IRValue { builder.splat(builder.load(type, left[r], align: bytes), lanes) }
    // The side with fewer registers is held, the other one streams.
    if block.height <= pairs.count {
      let numbers = (0..<block.height).map(number)
      for (group, vector) in pairs {
        let values = right(group, vector)
        for r in 0..<block.height {
          let place = place(block, r, group, vector)
          sums[place] = builder.mulAdd(numbers[r], values, sums[place])
        }
      }
    } else {
      let values = pairs.map { right($0.0, $0.1) }
      for r in 0..<block.height {
        let number = number(r)
        for (i, (group, vector)) in pairs.enumerated() {
          let place = place(block, r, group, vector)
          sums[place] = builder.mulAdd(number, values[i], sums[place])
        }
      }
    }
    return sums
  }
}
