import RNNGraph

// order-sums: a sum over steps is made in the order in which the steps would be gone through segment by segment.
//
//   %2 = dot %g, %h  over steps and batch        %3 = reverse %g, %4 = reverse %h
//                                                %2 = dot %3, %4
//
// The sums that come with a backward loop go from the last step to the first. So a program whose memory is limited,
// which knows them segment by segment, the last one first, adds up the same numbers in the same order. See [Sweeps].
//
// What is not added up step by step becomes a total for each step, and the sum of these:
//
//   %2 = reduce_sum %x axes(0, 1, 2)             %3 = reduce_sum %x axes(1, 2)
//                                                %2 = reduce_sum %3 axes(0)

extension Pass {
  static let orderSums = Pass(
    name: "order-sums", summary: "sum over steps in the order of the loops that their terms come from"
  ) { graph in
    var hasChanged = false
    for steps in graph.timeAxes {
      hasChanged = graph.splitTotals(over: steps) || hasChanged
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
  /// Takes sums over steps apart that are not made step by step.
  fileprivate mutating func splitTotals(over steps: Symbol) -> Bool {
    let sorts = TimeSorts(self, steps)
    return rebuild { rebuilder, id in
      let operation = rebuilder.old[id]
      guard sorts[id] == .outside, operation.start == nil, operation.operands.allSatisfy(sorts.isSequence),
        operation.results.count == 1, !sorts.isSequence(operation.result)
      else { return false }
      let builder = rebuilder.builder
      let operands = rebuilder.operands(id)
      if case .reduce(.sum, let axes) = operation.kind, axes.first == 0, axes.count > 1 {
        let each = builder.reduce(.sum, operands[0], axes: Array(axes.dropFirst()))
        rebuilder.bind(operation.result, to: builder.reduce(.sum, each, axes: [0]))
      } else {
        guard case .dot(let axes) = operation.kind, let pair = axes.lhsContracting.firstIndex(of: 0),
          axes.rhsContracting[pair] == 0
        else { return false }
        var rest = axes
        rest.lhsContracting.remove(at: pair)
        rest.rhsContracting.remove(at: pair)
        if rebuilder.old.isTiled(operation) {
          // The steps become the outermost of the axes that are summed over.
          if pair == 0 { return false }
          rest.lhsContracting.insert(0, at: 0)
          rest.rhsContracting.insert(0, at: 0)
          rebuilder.bind(operation.result, to: builder.dot(operands[0], operands[1], rest))
        } else {
          rest.lhsBatch.insert(0, at: 0)
          rest.rhsBatch.insert(0, at: 0)
          let each = builder.dot(operands[0], operands[1], rest)
          rebuilder.bind(operation.result, to: builder.reduce(.sum, each, axes: [0]))
        }
      }
      return true
    }
  }
}
