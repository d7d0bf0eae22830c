import RNNGraph

// order-sums: a sum over steps is a chain, in the order in which the steps would be gone through segment by segment.
//
//   %2 = dot %g, %h  over steps and batch        %3 = reverse %g, %4 = reverse %h
//                                                %2 = dot %3, %4  chain
//
// The sums that come with a backward loop go from the last step to the first. So a program whose memory is limited,
// which knows them segment by segment, the last one first, adds up the same numbers in the same order. See [Sweeps].
//
// A chain of single numbers would leave vectors empty. There, a total for each step is made in any order, and then the sum of
// these:
//
//   %2 = reduce_sum %x axes(0, 1, 2)             %3 = reduce_sum %x axes(1, 2)
//                                                %2 = reduce_sum %3 axes(0)

extension Pass {
  static let orderSums = Pass(
    name: "order-sums", summary: "sum over steps in the order of the loops that their terms come from"
  ) { graph in
    var hasChanged = false
    for steps in graph.timeAxes {
      hasChanged = graph.chainTotals(over: steps) || hasChanged
      let schedule = SweepSchedule(graph, steps, turningSums: true)
      hasChanged =
        graph.rebuild { rebuilder, id in
          guard case .sum(let isReversed) = schedule.sorts[id], let sweep = schedule.sweep[id],
            schedule.isReversed(sweep) != isReversed
          else { return false }
          let operation = rebuilder.old[id]
          let operands = schedule.sorts.operands(id).map { operand in
            isReversed ? rebuilder[operand] : rebuilder.builder.reverse(rebuilder[operand], axis: 0)
          }
          rebuilder.bind(operation.result, to: rebuilder.builder.add(operation.kind, operands)[0])
          return true
        } || hasChanged
    }
    return hasChanged
  }
}

extension Graph {
  /// Makes chains of the sums over steps, or takes them apart where that would be slow.
  fileprivate mutating func chainTotals(over steps: Symbol) -> Bool {
    let sorts = TimeSorts(self, steps)
    return rebuild { rebuilder, id in
      guard sorts[id] == .total else { return false }
      let (old, builder) = (rebuilder.old, rebuilder.builder)
      let operation = old[id]
      let operands = rebuilder.operands(id)
      func bind(_ kind: OperationKind, _ operands: [ValueID]) {
        rebuilder.bind(operation.result, to: builder.add(kind, operands)[0])
      }
      /// The sum of the totals of all steps.
      func bind(_ totals: ValueID) {
        bind(
          .reduce(.sum, axes: [0], order: builder.type(totals).isWide(enough: 2) ? .chain : .any), [totals])
      }
      if case .reduce(_, let axes, _) = operation.kind {
        let type = old.type(operation.operands[0])
        if axes.last != type.rank - 1, type.isWide(enough: 2) {
          bind(operation.kind.summed(in: .chain), operands)
        } else if axes.count > 1 {
          bind(builder.reduce(.sum, operands[0], axes: Array(axes.dropFirst())))
        } else {
          return false
        }
      } else if case .dot(let axes) = operation.kind, let pair = axes.lhsContracting.firstIndex(of: 0) {
        var rest = axes
        rest.lhsContracting.remove(at: pair)
        rest.rhsContracting.remove(at: pair)
        if old.type(operation.result).isWide(enough: 3) {
          // The steps become the outermost of the axes that are summed over.
          rest.lhsContracting.insert(0, at: 0)
          rest.rhsContracting.insert(0, at: 0)
          bind(.dot(rest).summed(in: .chain), operands)
        } else {
          rest.lhsBatch.insert(0, at: 0)
          rest.rhsBatch.insert(0, at: 0)
          bind(builder.dot(operands[0], operands[1], rest))
        }
      } else {
        bind(operation.kind.summed(in: .chain), operands)
      }
      return true
    }
  }
}

extension TensorType {
  /// Whether a row has so many elements that their chains, side by side, are worth a vector.
  fileprivate func isWide(enough count: Int) -> Bool { shape.last?.fixed.map { $0 >= count } ?? false }
}
