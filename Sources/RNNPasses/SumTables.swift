import RNNGraph

// sum-tables: a sum over all rows is made of the few rows of a table to which they were added by id.
//
//   %4 = scatter_add %ids, %g extent(28)    %4 = scatter_add %ids, %g extent(28)
//   %5 = reduce_sum %g  along the ids       %5 = reduce_sum %4  along the rows
//
// A bias beside the matrix of a one-hot input has such a gradient; the gradients of all steps need not be read again for
// it. If the table has only some of the columns, the others are summed as before.

extension Pass {
  static let sumTables = Pass(
    name: "sum-tables", summary: "take sums over all rows from the tables that the rows were added to"
  ) { graph in
    let tables = graph.tablesOfRows()
    return graph.rebuild { rebuilder, id in
      let old = rebuilder.old
      guard case .reduce(.sum, let axes, .any) = old[id].kind, old[id].start == nil,
        let tables = tables[old[id].operands[0]]?.filter({ axes.sorted() == Array(0..<$0.idAxes) }),
        let axis = tables.first?.axis
      else { return false }
      let builder = rebuilder.builder
      let rows = rebuilder[old[id].operands[0]]
      var (parts, end): ([ValueID], Int) = ([], 0)
      func sumRows(to start: Int) {
        if start <= end { return }
        let rest = builder.slice(rows, axis: axis, start: end, count: start - end)
        parts.append(builder.reduce(.sum, rest, axes: axes))
      }
      for table in tables.sorted(by: { $0.start < $1.start }) where table.axis == axis && table.start >= end {
        sumRows(to: table.start)
        parts.append(builder.reduce(.sum, rebuilder[table.result], axes: [0]))
        end = table.start + table.count
      }
      sumRows(to: old.type(old[id].operands[0]).shape[axis].fixed ?? end)
      rebuilder.bind(old[id].result, to: builder.concat(parts, axis: axis - axes.count))
      return true
    }
  }
}

/// A table to which rows are added, or some of their columns.
private struct Table {
  var result: ValueID
  /// How many axes the ids have.
  var idAxes: Int
  /// Which columns: the last axis of the rows, where they begin and how many there are.
  var axis: Int, start: Int, count: Int
}

extension Graph {
  /// The tables by the rows that are added to them.
  fileprivate func tablesOfRows() -> [ValueID: [Table]] {
    var tables: [ValueID: [Table]] = [:]
    for id in self[RegionID.entry].operations {
      // Many sums would be no less to read than the rows.
      guard case .scatterAdd(let extent, _) = self[id].kind, extent <= 512, self[id].start == nil else {
        continue
      }
      let rows = self[id].operands[1]
      let axis = type(rows).rank - 1
      var table = Table(
        result: self[id].result, idAxes: type(self[id].operands[0]).rank, axis: axis, start: 0,
        count: type(rows).shape[axis].fixed ?? 0)
      // Rows may be single numbers, and then there are no columns.
      guard axis >= table.idAxes, table.count > 0 else { continue }
      tables[rows, default: []].append(table)
      if case .slice(axis, let start, _, .front)? = definingKind(rows) {
        table.start = start
        tables[self[definingOperation(rows)!].operands[0], default: []].append(table)
      }
    }
    return tables
  }
}
