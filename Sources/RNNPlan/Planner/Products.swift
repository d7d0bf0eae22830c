import RNNGraph

/// Which operand of a product gives the rows and which the columns of tiles.
struct ProductForm {
  /// The operand whose numbers are broadcast, and the one that is loaded as vectors.
  let rows: Int, columns: Int
  /// Whether the rows have an axis of the result; otherwise there is one row.
  let hasRows: Bool

  /// The most groups of columns that a kernel computes side by side: as many as have a sum each in half of 16 registers,
  /// the fewest of any processor with vectors.
  static let mostGroups = 6

  /// How a product maps to tiles, or nil if it is better computed as a reduction.
  init?(_ axes: DotAxes, _ operation: Operation, _ views: Views) {
    let types = operation.operands.map { views.graph.type($0) }
    let rows = axes.lhsFree(rank: types[0].rank)
    let columns = axes.rhsFree(rank: types[1].rank)
    // A vector of one or two elements would waste the rest of a register.
    if let last = views.graph.type(operation.result).shape.last, let width = views.extent(last).constant,
      width <= 2
    {
      return nil
    }
    if columns.count == 1 {
      (self.rows, self.columns, hasRows) = (0, 1, !rows.isEmpty)
    } else if columns.isEmpty, rows.count == 1 {
      (self.rows, self.columns, hasRows) = (1, 0, false)
    } else {
      return nil
    }
  }
}

extension Lowering {
  /// Completes a kernel whose body reads the accumulators of a product.
  func withProduct(_ kernel: Kernel, _ id: OperationID, groups: Int, batchAxis: Int?) -> Kernel {
    let operation = graph[id]
    guard case .dot(let axes) = operation.kind, let form = ProductForm(axes, operation, views) else {
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
    let contracted = axes.lhsContracting.map { views.extent(graph.type(operation.operands[0]).shape[$0]) }

    // Unit axes vanish; then the rows are the axis before the columns, or a unit axis is put there.
    var kept: [Int?] = kernel.domain.indices.filter { $0 == rank - 1 || kernel.domain[$0] != 1 }
    let rowAxes = form.hasRows ? axes.lhsBatch.count..<(axes.lhsBatch.count + free[0].count) : 0..<0
    var domain = kept.map { kernel.domain[$0!] }
    var forms = [Affine](repeating: Affine(0), count: deep + contracted.count)
    let hasRowAxis = kept.count >= 2 && rowAxes.contains(kept[kept.count - 2]!)
    if !hasRowAxis {
      kept.insert(nil, at: kept.count - 1)
      domain.insert(1, at: domain.count - 1)
    }
    for case (let place, let axis?) in kept.enumerated() { forms[axis] = Affine(.axis(place)) }
    for i in contracted.indices { forms[deep + i] = Affine(.axis(domain.count + i)) }
    if let start = operation.start { kernel.start = memory.access(views(start), examples: batchAxis) }
    batchAxis = batchAxis.flatMap { kept.firstIndex(of: $0) }
    kernel.remap(forms, domain: domain)
    maps = maps.map { $0.map { $0.substituting(forms) } }

    let element = graph.type(operation.result).element
    let factors = graph.type(operation.operands[0]).element
    let columns = views(operation.operands[form.columns]).through(maps[form.columns])
    let rows = views(operation.operands[form.rows]).through(maps[form.rows])
    // Columns of an open number cannot be copied, so they stay as they are.
    let isRounded =
      weights == .bf16 && element == .f32 && facts.isStable(columns.base) && domain.last!.constant != nil
    kernel.product = Product(
      lhs: ProductOperand(access: memory.access(rows, examples: batchAxis), layout: .direct),
      rhs: ProductOperand(access: memory.access(columns, examples: batchAxis), layout: .direct),
      groups: groups, contracted: contracted.isEmpty ? [1] : contracted, factors: factors, element: element,
      columnFormat: isRounded ? .bf16 : .full)
    kernel.examples = batchAxis
    let lhs = graph.type(operation.operands[0]).shape
    kernel.sumsOverExamples = axes.lhsContracting.contains { lhs[$0] == .batch }
    kernel.order = axes.order
    return kernel
  }
}
