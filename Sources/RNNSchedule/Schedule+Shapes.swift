import RNNPlan

extension ProductSchedule {
  /// The shapes of all tiles that a product is cut into.
  public func shapes(
    of product: Product, _ kernel: Kernel, lanes: Int
  ) -> [(rows: Int, vectors: Int)] {
    heights(of: product).flatMap { rows in
      widths(of: product, kernel, rows: rows, lanes: lanes).map { (rows, $0) }
    }
  }

  /// The heights of tiles.
  private func heights(of product: Product) -> [Int] {
    let height = product.tile.rows
    return switch rows {
    case .single: [1]
    case .whole: [height]
    case .even: [height, height - 1]
    case .rest: [height, 1]
    case .open: Array([height, height - 1, 1].reduce(into: []) { if !$0.contains($1) { $0.append($1) } })
    }
  }

  /// The widths of tiles of a height, in vectors for each group.
  private func widths(of product: Product, _ kernel: Kernel, rows: Int, lanes: Int) -> [Int] {
    let (extent, whole) = (kernel.domain[kernel.lastAxis], product.tile.vectors)
    let panel = whole * lanes
    guard let width = extent.constant else {
      // Whole panels only, however many there are; or a vector after the other.
      let isWhole = extent.isMultiple(of: panel) && product.rhs.layout != .direct
      let together = rows == 1 && panelsOfSingleRow > 1 ? [panelsOfSingleRow * whole] : []
      return isWhole ? together + [whole] : [1]
    }
    if masksAllPanels, !(rows == 1 && panelsOfSingleRow > 1) { return [whole] }
    var widths: [Int] = []
    if rows == 1, panelsOfSingleRow > 1, width >= panelsOfSingleRow * panel {
      widths.append(panelsOfSingleRow * whole)
    }
    if width >= panel { widths.append(whole) }
    let rest = (width % panel + lanes - 1) / lanes
    if rest > 0, !widths.contains(rest) { widths.append(rest) }
    return widths
  }
}
