import RNNGraph
import RNNPlan

extension Plan {
  /// Moves the rows of buffers apart.
  ///
  /// - Parameter gaps: elements between two rows, by buffer. What an index adds up in multiples of the row's length counts
  ///   rows, the rest is a place within one: so the verifier has it.
  mutating func widenRows(_ gaps: [BufferID: Int]) {
    if gaps.isEmpty { return }
    var rows: [BufferID: (length: Int, gap: Int)] = [:]
    for (id, gap) in gaps {
      guard let length = self[id].row else { continue }
      rows[id] = (length, gap)
      self[id].count = self[id].count.widened(length, by: gap)
    }
    steps = steps.map { $0.mappingKernels { $0.widened(rows) } }
  }
}

extension Kernel {
  fileprivate func widened(_ rows: [BufferID: (length: Int, gap: Int)]) -> Kernel {
    var kernel = self
    func widen(_ access: Access) -> Access {
      guard let row = rows[access.buffer] else { return access }
      var access = access
      access.index.constant = access.index.constant.mapCoefficients { count in
        // Backwards through a row, an index begins at its end.
        count + (count >= 0 ? count / row.length : -((row.length - 1 - count) / row.length)) * row.gap
      }
      access.index.factors = access.index.factors.mapValues { $0.widened(row.length, by: row.gap) }
      return access
    }
    func widen(_ table: TableRows, in buffer: BufferID) -> TableRows {
      guard let row = rows[buffer] else { return table }
      return TableRows(count: table.count, stride: table.stride.widened(row.length, by: row.gap))
    }
    if var product {
      product.lhs.access = widen(product.lhs.access)
      product.rhs.access = widen(product.rhs.access)
      kernel.product = product
    }
    kernel.body = body.map { instruction in
      if case .loadRow(let access, let id, let rows) = instruction {
        return .loadRow(widen(access), id: id, widen(rows, in: access.buffer))
      }
      return instruction.mappingAccess(widen)
    }
    if case .scatterAdd(let id, let rows) = kind {
      kernel.kind = .scatterAdd(id: id, widen(rows, in: stores[0].access.buffer))
    }
    kernel.stores = stores.map { Store(access: widen($0.access), value: $0.value) }
    kernel.start = start.map(widen)
    return kernel
  }
}

extension Size {
  /// A distance with a gap behind each whole row of it, forwards or backwards.
  fileprivate func widened(_ row: Int, by gap: Int) -> Size { mapCoefficients { $0 + $0 / row * gap } }
}
