import RNNGraph

/// Computes values of a loop's body outside of the loop, for all steps at once.
final class OutsideView {
  let old: Graph
  let lift: Lift
  private var known: [ValueID: Lifted] = [:]
  private var totals: [ValueID: ValueID] = [:]

  /// Starts from the invariants and the sequences of a loop.
  init(of draft: ScanDraft, in rebuilder: Rebuilder) {
    old = rebuilder.old
    lift = Lift(builder: rebuilder.builder, steps: .symbol(draft.stepping.steps))
    for entry in draft.invariants {
      if let inner = entry.inner { know(inner, as: Lifted(value: entry.outer, isStacked: false)) }
    }
    for entry in draft.sequences {
      if let inner = entry.inner { know(inner, as: Lifted(value: entry.outer, isStacked: true)) }
    }
  }

  /// Says what stands for a value of the body outside of the loop.
  func know(_ inner: ValueID, as lifted: Lifted) { known[inner] = lifted }

  /// What a value of the body is outside of the loop, computed there if need be.
  ///
  /// - Requires: what it is computed from, down to the body's arguments, is known.
  subscript(inner: ValueID) -> Lifted {
    Graph.visit(
      inner, isDone: { known[$0] != nil }, needs: { operation(of: $0).operands },
      finish: { value in
        let operation = operation(of: value)
        let lifted = lift.operation(operation, operation.operands.map { known[$0]! }, in: old)
        for (result, value) in zip(operation.results, lifted) { known[result] = value }
      })
    return known[inner]!
  }

  private func operation(of inner: ValueID) -> Operation {
    guard let id = old.definingOperation(inner) else {
      preconditionFailure("\(inner) is not known outside of its loop")
    }
    return old[id]
  }

  /// The sum of a value of the body over all steps; linear operations are done once, on the sum.
  ///
  /// - Requires: what it is computed from, down to the body's arguments, is known.
  func total(_ inner: ValueID) -> ValueID {
    Graph.visit(
      inner, isDone: { totals[$0] != nil },
      needs: { value in
        guard known[value] == nil, let id = old.definingOperation(value),
          old[id].kind.traits.contains(.linear)
        else {
          return []
        }
        return old[id].operands
      }, finish: { totals[$0] = makeTotal($0) })
    return totals[inner]!
  }

  private func makeTotal(_ inner: ValueID) -> ValueID {
    if let lifted = known[inner] { return lift.total(lifted) }
    guard let id = old.definingOperation(inner) else { return lift.total(self[inner]) }
    let operation = old[id]
    return lift.builder.at(operation.places) {
      if operation.kind.traits.contains(.linear) {
        return lift.builder.add(operation.kind, operation.operands.map { totals[$0]! })[0]
      }
      if operation.kind.order == .any, operation.start == nil { return totalOfSum(operation) }
      return lift.total(self[inner])
    }
  }

  /// The sum over all steps of what an operation adds up in each.
  private func totalOfSum(_ operation: Operation) -> ValueID {
    let operands = operation.operands.map { self[$0] }
    if case .dot(let axes) = operation.kind { return lift.totalOfDot(axes, operands[0], operands[1]) }
    if case .scatterAdd(let extent, _) = operation.kind {
      return lift.totalOfScatterAdd(extent, operands[0], operands[1])
    }
    if case .reduce(.sum, let axes, _) = operation.kind, operands[0].isStacked {
      return lift.builder.reduce(.sum, operands[0].value, axes: [0] + axes.map { $0 + 1 })
    }
    return lift.total(self[operation.result])
  }
}
