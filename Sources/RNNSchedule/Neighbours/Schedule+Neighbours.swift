import RNNPlan

extension Schedule {
  /// Other ways to compute what a form says, each with another decision; not all of them are legal. How many elements a
  /// vector has and how a reduction is made stay.
  func neighbours(of form: KernelForm) -> [Schedule] {
    let kernel = form.kernel
    var result: [Schedule] = []
    func add(_ change: (inout Schedule) -> Void) {
      var other = self
      change(&other)
      result.append(other)
    }
    for other in product?.neighbours(of: form, lanes: lanes) ?? [] { add { $0.product = other } }
    add { $0.registers = registers == 1 ? 2 : 1 }
    if kernel.product == nil, kernel.kind == .map {
      for axis in kernel.domain.indices.dropLast().map(Optional.some) + [nil] {
        add { ($0.transposedAxis, $0.registers) = (axis, axis == nil ? registers : 1) }
      }
    }
    if let sweep {
      // Another cut makes sums over columns in another order, unless there is none.
      for vectors in [sweep.vectors / 2, sweep.vectors * 2] where !kernel.combinesColumns {
        add { $0.sweep?.vectors = vectors }
      }
    }
    if case .scatterAdd = kernel.kind {
      for rows in [0, max(prefetchRows / 2, 1), max(prefetchRows * 2, 4)] { add { $0.prefetchRows = rows } }
    }
    return result
  }
}

extension ProductSchedule {
  /// Other ways to compute a product, each with another decision.
  fileprivate func neighbours(of form: KernelForm, lanes: Int) -> [ProductSchedule] {
    let kernel = form.kernel
    guard let product = kernel.product else { return [] }
    var result: [ProductSchedule] = []
    func add(_ change: (inout ProductSchedule) -> Void) {
      var other = self
      change(&other)
      other.fitMicroKernels(to: product, kernel, lanes: lanes, like: self)
      result.append(other)
    }
    func addMicroKernels(_ change: (inout MicroKernel) -> Void) {
      add { for i in $0.microKernels.indices { change(&$0.microKernels[i]) } }
    }
    for unrolling in [1, 2, 4, 8] { addMicroKernels { $0.unrolling = unrolling } }
    let lines = kernel.accessesBesideSums.count
    addMicroKernels { $0.prefetchedLines = 0 }
    addMicroKernels { $0.prefetchedLines = $0.rows * lines }
    add { $0.sharesBody.toggle() }
    for panels in [panelsOfSingleRow * 2, panelsOfSingleRow / 2] { add { $0.panelsOfSingleRow = panels } }
    for cut in RowCut.allCases {
      add {
        $0.rows = cut
        if cut != .rest, cut != .open { $0.panelsOfSingleRow = 1 }
      }
    }
    add { $0.masksAllPanels.toggle() }
    for indices in [0, prefetchIndices / 2, max(prefetchIndices * 2, 12)] {
      add { $0.prefetchIndices = indices }
    }
    return result
  }

  /// Gives each shape of a tile a micro-kernel: its own, or one like that of the highest tile.
  private mutating func fitMicroKernels(
    to product: Product, _ kernel: Kernel, lanes: Int, like old: ProductSchedule
  ) {
    guard let model = old.microKernels.max(by: { $0.rows < $1.rows }) else { return }
    let lines = kernel.accessesBesideSums.count
    microKernels = shapes(of: product, kernel, lanes: lanes).map { shape in
      microKernel(rows: shape.rows, vectors: shape.vectors)
        ?? MicroKernel(
          rows: shape.rows, vectors: shape.vectors, unrolling: model.unrolling,
          prefetchedLines: model.prefetchedLines == 0 ? 0 : shape.rows * lines)
    }
  }
}
