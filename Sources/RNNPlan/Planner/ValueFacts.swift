import RNNGraph

/// The third stage: what is true of values whoever computes them, namely who reads them, what must lie in memory, and what
/// stays the same from call to call.
struct ValueFacts: Sendable {
  let views: Views
  /// What becomes a sweep.
  let sweeps: Sweeps
  /// The operations that read each value.
  let users: [[OperationID]]
  /// Values that must lie in memory because of how they are read, and the first operation that reads them so.
  let needed: [ValueID: OperationID]
  /// The inputs that are the same in many calls: parameters that the program does not replace.
  let stableInputs: Set<Int>
  /// The values of the entry that depend on such inputs only.
  let stableValues: Set<ValueID>

  var graph: Graph { views.graph }

  init(_ views: Views) {
    self.views = views
    sweeps = Sweeps(views)
    users = views.graph.users()
    needed = Self.findNeeded(views, sweeps)
    stableInputs = Self.findStableInputs(views.graph)
    stableValues = Self.findStableValues(views, from: stableInputs)
  }

  /// Whether a value is the same in all calls with the same parameters.
  func isStable(_ value: ValueID) -> Bool { stableValues.contains(views(value).base) }

  /// Whether an operation is looked through by all that read it, so that it reads nothing itself.
  func isPlainView(_ operation: Operation) -> Bool {
    guard operation.results.count == 1 else { return false }
    if views.isLeaf(operation.result) { return needed[operation.result] == nil }
    return views(operation.result).base != operation.result
  }

  private static func findNeeded(_ views: Views, _ sweeps: Sweeps) -> [ValueID: OperationID] {
    let graph = views.graph
    var needed: [ValueID: OperationID] = [:]
    for id in graph.reachableRegions.flatMap({ graph[$0].operations }) {
      let operation = graph[id]
      let operands: [ValueID] =
        switch operation.kind {
        case .dot: sweeps.contains(operation) ? [] : operation.operands
        case .gather, .reversePrefix: [operation.operands[0]]
        case .reduce, .scatterAdd: operation.start.map { [$0] } ?? []
        case .constant, .table, .size, .iota, .random, .unary, .binary, .compare, .select, .convert,
          .surrogate,
          .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse, .oneHot, .scan:
          []
        }
      for operand in operands where needed[views(operand).base] == nil { needed[views(operand).base] = id }
    }
    return needed
  }

  private static func findStableInputs(_ graph: Graph) -> Set<Int> {
    let replaced = Set(
      graph.outputs.compactMap { if case .update(let name) = $0.role { name } else { nil } })
    return Set(
      graph.inputs.indices.filter { i in
        guard case .parameter = graph.inputs[i].role else { return false }
        return !replaced.contains(graph.inputs[i].name)
      })
  }

  private static func findStableValues(_ views: Views, from inputs: Set<Int>) -> Set<ValueID> {
    let graph = views.graph
    var found = Set(inputs.map { graph.inputs[$0].value })
    for id in graph[RegionID.entry].operations {
      if case .scan = graph[id].kind { continue }
      if graph[id].operands.allSatisfy({ found.contains(views($0).base) }) { found.insert(graph[id].result) }
    }
    return found
  }
}

extension OperationKind {
  /// Whether each element of the result depends on the same element of each operand only.
  var isElementwise: Bool { traits.contains(.elementwise) }
}
