import RNNGraph
import RNNPlan

extension Buffer.Format {
  /// A number as it is kept.
  func rounded(_ number: Double) -> Double {
    self == .full ? number : PlanMemory.widened(PlanMemory.halved(Float(number)))
  }
}

extension KernelRun {
  /// Does what the kernel says.
  func run() throws(PlanFault) {
    switch kernel.kind {
    case .map: try map()
    case .reduce(let reduction, let axes, let keepsLast): try reduce(reduction, axes, keepsLast: keepsLast)
    case .sweep: try sweep()
    case .scatterAdd(let id, let rows):
      try scatterAdd(
        id: id, stride: rows.stride.evaluate(scope.sizes), rows: rows.count.evaluate(scope.sizes))
    }
  }

  private func map() throws(PlanFault) {
    let axes = Array(0..<rank)
    var goesOn = begin(axes)
    while goesOn {
      if let product = kernel.product { try sum(product) }
      try evaluate()
      for (number, store) in kernel.stores.enumerated() { try self.store(value(of: store), number) }
      goesOn = advance(axes)
    }
  }

  // MARK: Products

  /// Adds up the products at the point, group by group.
  private func sum(_ product: Product) throws(PlanFault) {
    guard case .direct = product.lhs.layout, let lhs, let rhs, rank > 0 else {
      throw fault("multiplies rows that are packed, or that are not there")
    }
    for axis in rank..<point.count { point[axis] = 0 }
    let extents = ranges[rank...].map(\.count)
    let row = Walk(start: lhs.value(at: point), steps: Array(lhs.strides[rank...]), extents)
    for group in 0..<product.groups {
      let column = try columns(product, rhs, group, extents)
      var sum = try startingValue(group: group) ?? 0
      var (a, b) = (row, column)
      for _ in 0..<extents.reduce(1, *) {
        let column = try load(product.rhs.access, b.place)
        let factors = (try load(product.lhs.access, a.place), product.columnFormat.rounded(column))
        switch product.element {
        case .f32: sum = Double(Float(sum).addingProduct(Float(factors.0), Float(factors.1)))
        case .f64: sum = sum.addingProduct(factors.0, factors.1)
        case .i32, .bool: throw fault("sums products of \(product.element.rawValue)")
        }
        a.advance()
        b.advance()
      }
      sums[group] = sum
    }
  }

  /// Where a group's columns lie along the contracted axes.
  private func columns(
    _ product: Product, _ rhs: IndexForm, _ group: Int, _ extents: [Int]
  ) throws(PlanFault) -> Walk {
    guard case .packed(let panel, let distance) = product.rhs.layout else {
      // Groups of columns lie side by side.
      let start = rhs.value(at: point) + rhs.strides[rank - 1] * group * width
      return Walk(start: start, steps: Array(rhs.strides[rank...]), extents)
    }
    let column = point[rank - 1]
    let together = product.tile.groups
    var within = column % panel
    if format(of: product.rhs.access) == .bf16 {
      // Neighbouring vectors alternate, number by number.
      let lanes = max(1, panel / product.tile.vectors)
      let (vector, lane) = within.quotientAndRemainder(dividingBy: lanes)
      within = vector / 2 * 2 * lanes + lane * 2 + vector % 2
    }
    let step = together * panel
    let part = group / together * extents.reduce(step, *)
    let start = column / panel * distance.evaluate(scope.sizes) + part + group % together * panel + within
    // The contracted indices are counted through.
    let steps = extents.indices.map { extents[($0 + 1)...].reduce(step, *) }
    return Walk(start: rhs.value(at: point) + start, steps: steps, extents)
  }

  // MARK: Reductions

  private func reduce(_ reduction: Reduction, _ axes: Int, keepsLast: Bool) throws(PlanFault) {
    let end = keepsLast ? rank - 1 : rank
    guard axes >= 0, axes <= end else { throw fault("combines \(axes) axes of \(rank)") }
    let reduced = Array((end - axes)..<end)
    let kept = Array(0..<(end - axes)) + Array(end..<rank)
    var goesOn = begin(kept)
    while goesOn {
      for axis in reduced { point[axis] = 0 }
      let start = try startingValue() ?? reduction.identity
      var results = kernel.stores.map { _ in start }
      var goesDeeper = begin(reduced)
      while goesDeeper {
        try evaluate()
        for (number, store) in kernel.stores.enumerated() {
          results[number] = combine(reduction.function, store.value, results[number], value(of: store))
        }
        goesDeeper = advance(reduced)
      }
      for axis in reduced { point[axis] = 0 }
      for number in results.indices { try store(results[number], number) }
      goesOn = advance(kept)
    }
  }

  // MARK: Sweeps

  /// At each point of the outer axes, the values of each instruction for all elements of the matrix, one instruction after the
  /// other; then the stores.
  private func sweep() throws(PlanFault) {
    guard rank >= 2 else { throw fault("has no rows and columns") }
    let outer = Array(0..<(rank - 2))
    let inner = [rank - 2, rank - 1]
    let (rows, columns) = (ranges[rank - 2].count, ranges[rank - 1].count)
    if rows == 0 || columns == 0 { return }
    var goesOn = begin(outer)
    while goesOn {
      var matrices: [[Double]] = []
      for (number, instruction) in kernel.body.enumerated() {
        var matrix: [Double] = []
        if case .combine(let reduction, let axes, let operand) = instruction {
          matrix = combined(reduction, axes, matrices[operand], number, rows, columns)
        } else {
          var goesDeeper = begin(inner)
          while goesDeeper {
            let place = point[rank - 2] * columns + point[rank - 1]
            for operand in instruction.operands { set(operand, to: matrices[operand][place]) }
            matrix.append(try value(at: number))
            goesDeeper = advance(inner)
          }
        }
        matrices.append(matrix)
      }
      for (number, store) in kernel.stores.enumerated() {
        let axes = kernel.sweepAxes(of: store.access.index)
        var goesDeeper = begin(inner)
        while goesDeeper {
          let (row, column) = (point[rank - 2], point[rank - 1])
          if axes.contains(.rows) || row == 0, axes.contains(.columns) || column == 0 {
            try self.store(matrices[store.value][row * columns + column], number)
          }
          goesDeeper = advance(inner)
        }
      }
      for axis in inner { point[axis] = 0 }
      goesOn = advance(outer)
    }
  }

  /// A matrix combined over some of its axes, repeated along these.
  private func combined(
    _ reduction: Reduction, _ axes: SweepAxes, _ matrix: [Double], _ number: Int, _ rows: Int, _ columns: Int
  ) -> [Double] {
    func group(_ place: Int) -> Int {
      let (row, column) = place.quotientAndRemainder(dividingBy: columns)
      return (axes.contains(.rows) ? 0 : row) * columns + (axes.contains(.columns) ? 0 : column)
    }
    var results = Array(repeating: reduction.identity, count: rows * columns)
    for (place, value) in matrix.enumerated() {
      results[group(place)] = combine(reduction.function, number, results[group(place)], value)
    }
    return matrix.indices.map { results[group($0)] }
  }

  // MARK: Tables

  /// Zeroes the rows of a table, unless sums start from what it holds, and adds rows to them.
  private func scatterAdd(id: Int, stride: Int, rows: Int) throws(PlanFault) {
    guard rank > 0, kernel.body.indices.contains(id) else { throw fault("has no rows, or no ids") }
    let last = rank - 1
    let target = kernel.stores[0].access.index
    let inner = (0..<last).filter { target.factor(ofAxis: $0) != 0 }
    let outer = (0..<last).filter { !inner.contains($0) }
    for axis in outer { point[axis] = 0 }
    var goesOn = begin(inner + [last])
    while goesOn, kernel.start == nil {
      for row in 0..<rows { try store(0, 0, moved: row * stride) }
      goesOn = advance(inner + [last])
    }
    let axes = inner + outer + [last]
    goesOn = begin(axes)
    while goesOn {
      try evaluate()
      let row = Int(value(id))
      if !(0..<rows ~= row) { throw fault("adds to row \(row) of \(rows)") }
      let before = try stored(0, moved: row * stride)
      try store(
        combine(.add, kernel.stores[0].value, before, value(of: kernel.stores[0])), 0, moved: row * stride)
      goesOn = advance(axes)
    }
  }
}

/// A walk through an operand along the contracted axes, the last of them fastest.
private struct Walk {
  /// Where it is.
  private(set) var place: Int
  private let steps: [Int]
  private let extents: [Int]
  private var at: [Int]

  init(start: Int, steps: [Int], _ extents: [Int]) {
    place = start
    self.steps = steps
    self.extents = extents
    at = extents.map { _ in 0 }
  }

  mutating func advance() {
    var axis = extents.count - 1
    while axis >= 0 {
      at[axis] += 1
      place += steps[axis]
      if at[axis] < extents[axis] { return }
      place -= steps[axis] * extents[axis]
      at[axis] = 0
      axis -= 1
    }
  }
}
