import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule

/// Where an operand of a product lies along the innermost contracted axis.
struct Walk {
  /// Its address at the first index.
  var start: IRValue
  /// Bytes from one index to the next.
  var step: IRValue
}

extension KernelEmitter {
  /// Adds the products for all contracted indices of a block to sums.
  func sumOver(
    _ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue], _ sums: [IRValue]
  ) -> [IRValue] {
    if product.contracted.count == 1 || block.depth != nil {
      let first = block.depth?.start ?? constant(0)
      let left = left(block, product, indices, [first], first)
      let right = right(block, product, indices, [first], first)
      if let depth = block.depth {
        return contract(block, product, builder.sub(depth.end, first), left, right, sums)
      }
      return contract(
        block, product, value(of: product.depth), left, right, sums,
        lines: linesBeside(block, indices, depth: product.depth))
    }
    func nest(_ axis: Int, _ deep: [IRValue], _ flat: IRValue, _ sums: [IRValue]) -> [IRValue] {
      let extent = value(of: product.contracted[axis])
      let base = builder.mul(flat, extent)
      if axis == product.contracted.count - 1 {
        let deep = deep + [constant(0)]
        return contract(
          block, product, extent, left(block, product, indices, deep, base),
          right(block, product, indices, deep, base), sums)
      }
      return builder.forLoop(from: constant(0), to: extent, step: constant(1), carrying: sums) { k, sums in
        nest(axis + 1, deep + [k], builder.add(base, k), sums)
      }
    }
    return nest(0, [], constant(0), sums)
  }

  /// A table of addresses that a contraction asks for, one with each of its first indices.
  private struct Lines {
    var table: IRValue
    /// How many there are: whole rounds, or none.
    var count: IRValue
  }

  // Note [Early lines]: what the body reads and writes beside the sums lies in a line here and a line there, which no
  // processor guesses. It asks for one of them with each contracted index: for all at once, it would have to wait. The
  // rounds that ask and those that do not are one loop, which costs them a comparison; two loops would be twice the code.

  /// The cache lines in which a tile's body reads and writes beside the sums; nil if there are none or too many to ask for.
  private func linesBeside(_ block: ProductBlock, _ indices: [Int: IRValue], depth: Size) -> Lines? {
    let kernelOfTile = microKernel(block)
    let count = kernelOfTile.prefetchedLines
    guard count > 0 else { return nil }
    let accesses = kernel.accessesBesideSums
    // The last places of the last round ask for the first line again.
    let unroll = kernelOfTile.unrolling
    let places = (count + unroll - 1) / unroll * unroll
    let table = builder.alloca(module.pointer, count: places, align: 8)
    func fill() {
      var here = indices
      here[rowAxis] = block.row
      here[lastAxis] = block.column
      let lines = accesses.map { address($0, at: here, opaque: true) }
      let rowBytes = constant(8 * accesses.count)
      builder.forLoop(from: constant(0), to: constant(block.height), step: constant(1)) { r in
        let row = builder.offset(table, bytes: builder.mul(r, rowBytes))
        for (i, line) in lines.enumerated() {
          let here = builder.offset(line, bytes: builder.mul(r, rowStep(accesses[i])))
          builder.store(here, builder.offset(row, bytes: 8 * i), align: 8)
        }
      }
      for place in count..<places {
        builder.store(lines[0], builder.offset(table, bytes: 8 * place), align: 8)
      }
    }
    var condition = block.asksForLines
    if depth.constant == nil {
      let isDeep = builder.icmp(.lessOrEqual, constant(2 * count), value(of: depth))
      condition = condition.map { builder.and($0, isDeep) } ?? isDeep
    }
    guard let condition else {
      fill()
      return Lines(table: table, count: constant(places))
    }
    builder.ifThen(condition, fill)
    return Lines(table: table, count: builder.select(condition, constant(places), constant(0)))
  }

  /// The micro-kernel of a tile.
  private func microKernel(_ block: ProductBlock) -> MicroKernel {
    guard let known = productSchedule.microKernel(rows: block.height, vectors: block.vectors) else {
      preconditionFailure("no micro-kernel of \(block.height) × \(block.vectors) is scheduled")
    }
    return known
  }

  /// The innermost loop over `count` indices, in rounds of some; what is left of them comes behind it.
  ///
  /// The two operands' addresses go from round to round, and LLVM knows nothing more of them, so that its loop strength
  /// reduction has nothing to weigh.
  ///
  /// - Parameter lines: What to ask for meanwhile, in whole rounds.
  private func contract(
    _ block: ProductBlock, _ product: Product, _ count: IRValue, _ left: Walk, _ right: Walk,
    _ sums: [IRValue], lines: Lines? = nil
  ) -> [IRValue] {
    let unroll = microKernel(block).unrolling
    let isWhole =
      block.depth.map { $0.divisor % unroll == 0 } ?? product.contracted.last!.isMultiple(of: unroll)
    let rest = isWhole ? constant(0) : builder.urem(count, constant(unroll))
    let walks = [left, right]
    func round(_ places: [IRValue], _ sums: [IRValue], count: Int) -> [IRValue] {
      let first = places.map(builder.opaque)
      var places = first
      var sums = sums
      for u in 0..<count {
        sums = multiplyAdd(block, product, places[0], places[1], sums)
        places = zip(first, walks).map { builder.offset($0, bytes: builder.mul($1.step, constant(u + 1))) }
      }
      return places + sums
    }
    func ask(for lines: Lines, from index: IRValue) {
      builder.ifThen(builder.icmp(.less, index, lines.count), isRare: true) {
        let first = builder.offset(lines.table, bytes: builder.mul(index, constant(8)))
        for u in 0..<unroll {
          builder.prefetch(builder.load(module.pointer, builder.offset(first, bytes: 8 * u), align: 8))
        }
      }
    }
    func loop(from start: IRValue, to end: IRValue, step: Int, _ carried: [IRValue]) -> [IRValue] {
      builder.forLoop(from: start, to: end, step: constant(step), carrying: carried) { index, carried in
        if let lines, step == unroll { ask(for: lines, from: index) }
        return round(Array(carried.prefix(walks.count)), Array(carried.dropFirst(walks.count)), count: step)
      }
    }
    let full = builder.sub(count, rest)
    var carried = loop(from: constant(0), to: full, step: unroll, walks.map(\.start) + sums)
    if rest.constantInteger != 0 { carried = loop(from: full, to: count, step: 1, carried) }
    return Array(carried.dropFirst(walks.count))
  }

  /// The numbers of a tile's first row from a contracted index on, which is given by axis and counted through.
  private func left(
    _ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue], _ deep: [IRValue], _ flat: IRValue
  ) -> Walk {
    let bytes = product.factors.byteCount
    if let depth = block.depth, let blocks = product.blocks {
      let step = constant(product.tile.rows * bytes)
      let within = builder.mul(builder.sub(flat, depth.start), step)
      let base = panel(of: block.row, depth, product, blocks)
      return Walk(start: builder.offset(base, bytes: within), step: step)
    }
    var indices = indices
    indices[rowAxis] = block.row
    return walk(product.lhs.access, address(product.lhs.access, at: indices), deep)
  }

  /// The distance of two rows of the left operand in bytes.
  private func rowStep(_ block: ProductBlock, _ product: Product) -> IRValue {
    if block.depth != nil, product.blocks != nil { return constant(product.factors.byteCount) }
    return rowStep(product.lhs.access)
  }

  /// A walk along the innermost contracted axis from an index on.
  private func walk(_ access: Access, _ address: IRValue, _ deep: [IRValue]) -> Walk {
    let bytes = constant(elementType(access).byteCount)
    let strides = deep.indices.map {
      builder.mul(value(of: access.index.factor(ofAxis: kernel.domain.count + $0)), bytes)
    }
    let start = zip(deep, strides).reduce(address) { address, entry in
      builder.offset(address, bytes: builder.mul(entry.0, entry.1))
    }
    return Walk(start: start, step: strides.last!)
  }

  /// The vectors of a tile's columns from a contracted index on.
  private func right(
    _ block: ProductBlock, _ product: Product, _ indices: [Int: IRValue], _ deep: [IRValue], _ flat: IRValue
  ) -> Walk {
    let access = product.rhs.access
    guard case .packed(let panel, let distance) = product.rhs.layout else {
      var indices = indices
      indices[lastAxis] = block.column
      return walk(access, address(access, at: indices), deep)
    }
    let bytes = constant(byteCount(access))
    let step = constant(block.groups * panel * byteCount(access))
    let number = builder.udiv(block.column, constant(panel))
    let within = builder.mul(builder.sub(block.column, builder.mul(number, constant(panel))), bytes)
    let run = builder.mul(value(of: product.depth), step)
    let group = builder.mul(run, builder.udiv(block.firstGroup, constant(block.groups)))
    let size = builder.mul(value(of: distance), bytes)
    let start = builder.add(builder.add(builder.mul(number, size), group), within)
    let base = builder.offset(address(access, at: indices), bytes: start)
    return Walk(start: builder.offset(base, bytes: builder.mul(flat, step)), step: step)
  }

  /// A vector of columns, where the first one of the tile at this index is `here`.
  private func vector(
    _ block: ProductBlock, _ product: Product, _ here: IRValue, _ group: Int, _ vector: Int
  ) -> IRValue {
    let access = product.rhs.access
    let bytes = byteCount(access)
    let type = memoryType(product.factors).vector(lanes)
    guard case .packed(let panel, let distance) = product.rhs.layout else {
      let factor = access.index.factor(ofAxis: lastAxis)
      let stride = builder.mul(value(of: factor), constant(bytes))
      let width = builder.mul(stride, value(of: kernel.domain[lastAxis]))
      let first = builder.add(
        builder.mul(width, builder.add(block.firstGroup, constant(group))),
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
    // The vectors of the next panels come behind those of the first one.
    let (next, place) = vector.quotientAndRemainder(dividingBy: product.tile.vectors)
    let first =
      next == 0
      ? here : builder.offset(here, bytes: builder.mul(value(of: distance), constant(next * bytes)))
    if format(access) == .bf16 {
      let pair = builder.offset(first, bytes: (group * panel + place / 2 * 2 * lanes) * bytes)
      return widened(pair, isSecond: place % 2 == 1)
    }
    return builder.load(
      type, builder.offset(first, bytes: (group * panel + place * lanes) * bytes), align: bytes)
  }

  /// Adds the product of a column of numbers and a row of vectors, which begin at these addresses, to the sums.
  private func multiplyAdd(
    _ block: ProductBlock, _ product: Product, _ left: IRValue, _ right: IRValue, _ sums: [IRValue]
  ) -> [IRValue] {
    var sums = sums
    let type = memoryType(product.factors)
    let bytes = product.factors.byteCount
    let isWide = product.factors != product.element
    let sumType = memoryType(product.element)
    let pairs = (0..<block.groups).flatMap { group in (0..<block.vectors).map { (group, $0) } }
    let rowStep = rowStep(block, product)
    func number(_ r: Int) -> IRValue {
      let place = builder.offset(left, bytes: builder.mul(rowStep, constant(r)))
      let number = builder.load(type, place, align: bytes)
      return builder.splat(isWide ? builder.fpext(number, to: sumType) : number, lanes)
    }
    func factors(_ group: Int, _ vector: Int) -> IRValue {
      let values = self.vector(block, product, right, group, vector)
      return isWide ? builder.fpext(values, to: sumType.vector(lanes)) : values
    }
    // The side with fewer registers is held, the other one streams.
    if block.height <= pairs.count {
      let numbers = (0..<block.height).map(number)
      for (group, vector) in pairs {
        let values = factors(group, vector)
        for r in 0..<block.height {
          let place = place(block, r, group, vector)
          sums[place] = builder.mulAdd(numbers[r], values, sums[place])
        }
      }
    } else {
      let values = pairs.map { factors($0.0, $0.1) }
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
