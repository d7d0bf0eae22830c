import RNNPlan

extension KernelArrangement {
  /// Other ways to lay a kernel out, each with another decision; not all of them are legal.
  ///
  /// - Parameter kernel: the kernel as it is laid out, with its axes joined.
  func neighbours(
    of kernel: Kernel, _ arrangement: Arrangement, _ machine: Machine
  ) -> [KernelArrangement] {
    let products = product.map { $0.neighbours(of: kernel) } ?? []
    let splits = arrangement.threads > 1 ? self.splits(of: kernel, machine) : []
    return products.map { other in
      KernelArrangement(split: fitted(split, kernel, other), product: other)
    } + splits.map { KernelArrangement(split: $0, product: product) }
  }

  /// All ways in which threads may share a kernel.
  private func splits(of kernel: Kernel, _ machine: Machine) -> [Split] {
    let last = kernel.domain.count - 1
    let examples = kernel.examples.map { [Split.batch(axis: $0)] } ?? []
    let axes = kernel.domain.indices.map { axis in
      fitted(.axis(axis, multiple: axis == last ? 2 * machine.lanes(.f32) : 1), kernel, product)
    }
    return examples + axes + [.none]
  }

  /// A split in whole tiles and panels of a product.
  private func fitted(_ split: Split, _ kernel: Kernel, _ product: ProductArrangement?) -> Split {
    guard case .axis(let axis, _) = split, let product else { return split }
    return switch axis {
    case kernel.rowAxis: .axis(axis, multiple: product.tile.rows)
    case kernel.lastAxis: .axis(axis, multiple: product.tile.vectors * product.lanes)
    default: split
    }
  }
}

extension ProductArrangement {
  /// Other ways to lay a product out, each with another decision. How wide vectors are stays.
  fileprivate func neighbours(of kernel: Kernel) -> [ProductArrangement] {
    guard let product = kernel.product else { return [] }
    var result: [ProductArrangement] = []
    func add(_ change: (inout ProductArrangement) -> Void) {
      var other = self
      change(&other)
      result.append(other)
    }
    for rows in [tile.rows + 1, tile.rows - 1] { add { $0.tile.rows = rows } }
    // Rounded columns come in pairs of vectors.
    for vectors in [1, -1, 2, -2].map({ tile.vectors + $0 }) where vectors > 0 {
      add { $0.tile.vectors = vectors }
      // About as many sums: registers hold no more.
      add { $0.tile = Tile(rows: tile.rows * tile.vectors / vectors, vectors: vectors, groups: tile.groups) }
    }
    if product.groups > 1 {
      let groups = tile.groups == 1 ? product.groups : 1
      add { $0.tile.groups = groups }
      add { $0.tile = Tile(rows: tile.rows * tile.groups / groups, vectors: tile.vectors, groups: groups) }
      add { $0.tile = Tile(rows: tile.rows, vectors: tile.vectors * tile.groups / groups, groups: groups) }
    }
    add {
      $0.packsColumns.toggle()
      if !$0.packsColumns { ($0.blocks, $0.turns) = (nil, false) }
    }
    add { $0.turns.toggle() }
    if let blocks {
      for depth in [blocks.depth * 2, blocks.depth / 2] { add { $0.blocks!.depth = depth } }
      for panels in [blocks.panels * 2, blocks.panels / 2] { add { $0.blocks!.panels = panels } }
      add { $0.blocks = nil }
    } else {
      add { ($0.packsColumns, $0.turns, $0.blocks) = (true, false, Blocks(depth: 256, panels: 4)) }
    }
    return result
  }
}
