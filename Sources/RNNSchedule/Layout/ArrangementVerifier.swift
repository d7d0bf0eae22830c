import RNNGraph
import RNNPlan

extension Arrangement {
  /// What is wrong with gaps and with how examples are shared:
  ///
  /// 1. Rows have gaps only where a buffer has rows, of no more elements than a row has.
  func problems(in plan: Plan) -> [String] {
    gaps.sorted { $0.key < $1.key }.compactMap { id, gap in
      guard plan.buffers.indices.contains(id.index), let row = plan[id].row else {
        return "\(id) has no rows"
      }
      return (0...max(row, 64)).contains(gap)
        ? nil : "a gap of \(gap) between rows of \(row) elements of \(id)"
    }
  }
}

extension KernelArrangement {
  /// What is wrong with it for a kernel, beyond what the verifier of plans checks of the plan that it makes:
  ///
  /// 2. Threads share what no other thread adds to: of a map any axis, of a reduction one that is kept, of a scatter-add
  ///    the last, of a product rows or whole panels of columns; or examples, where the plan shares these.
  /// 3. A kernel with a product has an arrangement of it, and no other has.
  /// 4. Tiles have sums for one group, or for all side by side; groups that wait for each other have a known number of rows.
  /// 5. Columns are packed if they are known to be so many, and always if they are rounded, in pairs of vectors then. Only
  ///    packed columns are taken in turns, in a loop.
  /// 6. Only packed columns go with blocks, which are made of a known number of rows that are not shared by examples.
  func problems(of kernel: Kernel, _ place: KernelPlace, _ machine: Machine) -> [String] {
    var problems: [String] = []
    func check(_ holds: Bool, _ problem: String) {
      if !holds { problems.append("\(kernel.name): \(problem)") }
    }
    check((product == nil) == (kernel.product == nil), "a tile for what is no product, or none for one")
    switch split {
    case .none: break
    case .batch(let axis):
      check(
        place.sharesExamples && axis == kernel.examples, "i\(axis) is no axis of examples that are shared")
      check(kernel.product == nil || axis <= kernel.rowAxis, "columns are shared as examples")
    case .axis(let axis, let multiple):
      check(place.threads > 1 && multiple > 0, "an axis shared by one thread, or in parts of none")
      check(kernel.domain.indices.contains(axis), "no axis i\(axis)")
      let last = kernel.domain.count - 1
      switch kernel.kind {
      case .map:
        check(kernel.product == nil || axis >= kernel.rowAxis, "a product is shared by rows or columns")
      case .reduce: check(!kernel.reducedAxes.contains(axis), "threads share an axis that is summed over")
      case .scatterAdd: check(axis == last, "threads share rows that are added up")
      case .sweep: check(axis < last - 1, "threads share rows or columns of a sweep")
      }
    }
    guard problems.isEmpty, let product, let wanted = kernel.product else { return problems }
    let (tile, row) = (product.tile, kernel.rowAxis)
    let most = machine.lanes(wanted.element)
    check((1...most).contains(product.lanes) && most % product.lanes == 0, "vectors of \(product.lanes)")
    check(tile.rows > 0 && tile.vectors > 0 && tile.groups > 0, "a tile of nothing")
    if !problems.isEmpty { return problems }
    check(
      tile.rows <= mostCopies && tile.vectors <= mostCopies && tile.sums <= 2 * mostCopies,
      "a tile of \(tile.sums) vectors")
    check(
      tile.groups == wanted.groups || tile.groups == 1,
      "\(tile.groups) of \(wanted.groups) groups side by side")
    if tile.groups < wanted.groups {
      check(kernel.domain[row].constant.map { $0 <= 1024 } ?? false, "the sums of so many rows cannot wait")
    }
    let panel = tile.vectors * product.lanes
    if case .axis(row, let multiple) = split {
      check(product.blocks == nil || multiple % tile.rows == 0, "threads share parts of panels of rows")
    } else if case .axis(row + 1, let multiple) = split {
      check(multiple % panel == 0, "threads share parts of panels")
    }
    if product.packsColumns {
      check(kernel.domain[row + 1].constant != nil, "packed columns of an open number")
    }
    if wanted.columnFormat != .full {
      check(product.packsColumns && tile.vectors % 2 == 0, "rounded columns that are not packed in pairs")
    }
    check(
      !product.turns || product.packsColumns && place.isInLoop, "panels turned that are none, or in no loop")
    if let blocks = product.blocks {
      check(blocks.depth > 0 && blocks.panels > 0, "blocks of nothing")
      check(
        blocks.depth <= 1 << 16 && blocks.panels <= 1 << 16, "blocks of \(blocks.depth) × \(blocks.panels)")
      check(
        product.packsColumns && kernel.domain.count == 2 && kernel.domain[0].constant != nil
          && tile.groups == wanted.groups && !product.turns,
        "blocks of columns that are not packed, or of rows of an open number")
      if case .batch = split { check(false, "blocks of rows that are shared by examples") }
    }
    return problems
  }
}
