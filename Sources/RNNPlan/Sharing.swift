import RNNGraph

extension Kernel {
  /// Rewrites the domain: `forms` give the old axes as forms of the new ones.
  mutating func remap(_ forms: [Affine], domain: [Size]) {
    self.domain = domain
    func remap(_ access: Access) -> Access {
      var access = access
      access.index = access.index.substituting(forms)
      return access
    }
    body = body.map { instruction in
      switch instruction {
      case .load(let access): .load(remap(access))
      case .loadRow(let access, let id, let stride): .loadRow(remap(access), id: id, rowStride: stride)
      case .index(let form): .index(form.substituting(forms))
      case .constant, .size, .accumulator, .random, .unary, .binary, .compare, .select, .convert: instruction
      }
    }
    stores = stores.map { Store(access: remap($0.access), value: $0.value) }
    bound = bound.map { Bound(index: $0.index.substituting(forms), limit: $0.limit) }
    start = start.map(remap)
  }

  /// Every form over the domain that the kernel evaluates.
  var forms: [Affine] {
    body.compactMap { instruction in
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): access.index
      case .index(let form): form
      case .constant, .size, .accumulator, .random, .unary, .binary, .compare, .select, .convert: nil
      }
    } + stores.map(\.access.index) + (bound.map { [$0.index] } ?? []) + (start.map { [$0.index] } ?? [])
  }
}

extension Planner {
  /// Whether a kernel with this axis of examples is shared among the threads by examples.
  func splitsBatch(_ batchAxis: Int?) -> Bool { batchAxis != nil && sharesExamples }

  /// A kernel without a product in its final form: unit axes gone, axes joined where that loses nothing, and shared.
  func finished(_ kernel: Kernel, batchAxis: Int?) -> Kernel {
    var kernel = kernel
    var batchAxis = batchAxis
    dropUnitAxes(&kernel, &batchAxis)
    joinAxes(&kernel, &batchAxis)
    kernel.split = split(kernel, batchAxis: batchAxis)
    return kernel
  }

  private func dropUnitAxes(_ kernel: inout Kernel, _ batchAxis: inout Int?) {
    if case .scatterAdd = kernel.kind { return }
    let rank = kernel.domain.count
    for axis in (0..<rank).reversed() where kernel.domain[axis] == 1 && kernel.domain.count > 1 {
      if case .reduce(let reduction, let axes, let keepsLast) = kernel.kind {
        let count = kernel.domain.count
        let isReduced = keepsLast ? axis >= count - 1 - axes && axis < count - 1 : axis >= count - axes
        if isReduced {
          // The last reduced axis stays: it makes the kernel a reduction.
          if axes == 1 { continue }
          kernel.kind = .reduce(reduction, axes: axes - 1, keepsLast: keepsLast)
        } else if keepsLast, axis == count - 1 {
          // A chain of a single number stays one.
          if kernel.needsChains { continue }
          kernel.kind = .reduce(reduction, axes: axes, keepsLast: false)
        }
      }
      var forms = View.identity(kernel.domain.count)
      forms[axis] = Affine(0)
      for later in (axis + 1)..<max(axis + 1, kernel.domain.count) { forms[later] = Affine(.axis(later - 1)) }
      var domain = kernel.domain
      domain.remove(at: axis)
      kernel.remap(forms, domain: domain)
      if let b = batchAxis { batchAxis = b == axis ? nil : b > axis ? b - 1 : b }
    }
  }

  private func joinAxes(_ kernel: inout Kernel, _ batchAxis: inout Int?) {
    var axis = kernel.domain.count - 2
    while axis >= 0 {
      defer { axis -= 1 }
      let inner = kernel.domain[axis + 1]
      if splitsBatch(batchAxis), batchAxis == axis || batchAxis == axis + 1 { continue }
      guard kernel.forms.allSatisfy({ $0.factor(ofAxis: axis) == $0.factor(ofAxis: axis + 1) * inner })
      else { continue }
      switch kernel.kind {
      case .map: break
      case .scatterAdd: continue
      case .reduce(let reduction, let axes, let keepsLast):
        let firstReduced = kernel.domain.count - axes - (keepsLast ? 1 : 0)
        let isInside = { $0 >= firstReduced && $0 < firstReduced + axes }
        guard isInside(axis) == isInside(axis + 1) else { continue }
        if isInside(axis) { kernel.kind = .reduce(reduction, axes: axes - 1, keepsLast: keepsLast) }
      }
      var forms = View.identity(kernel.domain.count)
      forms[axis] = Affine(0)
      for later in (axis + 1)..<kernel.domain.count { forms[later] = Affine(.axis(later - 1)) }
      var domain = kernel.domain
      domain[axis] = domain[axis] * inner
      domain.remove(at: axis + 1)
      kernel.remap(forms, domain: domain)
      if let b = batchAxis { batchAxis = b == axis || b == axis + 1 ? nil : b > axis ? b - 1 : b }
    }
  }

  /// What an open number of steps counts as in elementwise work.
  private var openSteps: Int { 16 }

  private func split(_ kernel: Kernel, batchAxis: Int?) -> Split {
    if threads == 1 { return .none }
    if let batchAxis, splitsBatch(batchAxis) { return .batch(axis: batchAxis) }
    if kernel.domain.reduce(1, *).withSteps(openSteps) < machine.barrierCost { return .none }
    let lanes = machine.lanes(.f32) * 2
    let last = kernel.domain.count - 1
    switch kernel.kind {
    case .map:
      // The outermost axis that is long enough; the last one in whole vectors.
      for axis in kernel.domain.indices where (kernel.domain[axis].constant ?? 1024) >= 4 * threads {
        return .axis(axis, multiple: axis == last ? lanes : 1)
      }
      return .none
    case .reduce(_, let axes, let keepsLast):
      let kept = keepsLast ? Array(0..<(last - axes)) + [last] : Array(0..<(last + 1 - axes))
      for axis in kept where (kernel.domain[axis].constant ?? 1024) >= (axis == last ? lanes : 1) * threads {
        return .axis(axis, multiple: axis == last ? lanes : 1)
      }
      return .none
    case .scatterAdd:
      return (kernel.domain[last].constant ?? 0) >= lanes * threads ? .axis(last, multiple: lanes) : .none
    }
  }

  /// How the threads share a product.
  func productSplit(_ kernel: Kernel, batchAxis: Int?) -> Split {
    guard threads > 1, let product = kernel.product else { return .none }
    let row = kernel.domain.count - 2
    // Columns are cut at panels only, which examples do not respect.
    if let batchAxis, batchAxis <= row, splitsBatch(batchAxis) { return .batch(axis: batchAxis) }
    // A call of one step is not to be slowed down by meetings. A multiply-add of a single row takes a quarter of the time
    // of an element of a map: it needs another weight from the second cache.
    let work = (kernel.domain.reduce(1, *) * product.depth * Size(product.groups)).withSteps(1)
    if work < 4 * machine.barrierCost { return .none }
    let panel = product.tile.vectors * machine.lanes(product.element)
    let columns = kernel.domain[row + 1].constant ?? 1024
    // An open number of rows may be one. Columns also let each thread keep its part of the weights in its own cache.
    if kernel.domain[row].constant == nil, columns >= 2 * panel * threads {
      return .axis(row + 1, multiple: panel)
    }
    if (kernel.domain[row].constant ?? 1024) >= 2 * product.tile.rows * threads {
      return .axis(row, multiple: product.tile.rows)
    }
    if columns >= panel * threads { return .axis(row + 1, multiple: panel) }
    return .none
  }
}
