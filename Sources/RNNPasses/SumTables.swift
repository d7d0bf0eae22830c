import RNNGraph

// sum-tables: what was added up by id is added up altogether from the few sums.
//
//   %4 = scatter_add %ids, %g extent(28)    %4 = scatter_add %ids, %g extent(28)
//   %5 = reduce_sum %g  along the ids       %5 = reduce_sum %4  along the rows
//
// So the gradient of a bias beside a matrix of a one-hot does not read the gradients of all steps again.

extension Pass {
  static let sumTables = Pass(
    name: "sum-tables", summary: "take sums over all rows from the tables that the rows were added to"
  ) { graph in
    var tables: [ValueID: OperationID] = [:]
    for id in graph[RegionID.entry].operations {
      // Many sums would be no less to read than the rows.
      if case .scatterAdd(let extent) = graph[id].kind, extent <= 512 { tables[graph[id].operands[1]] = id }
    }
    return graph.rebuild { [tables] rebuilder, id in
      let old = rebuilder.old
      guard case .reduce(.sum, let axes) = old[id].kind, let table = tables[old[id].operands[0]],
        axes.sorted() == Array(0..<old.type(old[table].operands[0]).rank)
      else { return false }
      rebuilder.bind(
        old[id].result, to: rebuilder.builder.reduce(.sum, rebuilder[old[table].result], axes: [0]))
      return true
    }
  }
}
