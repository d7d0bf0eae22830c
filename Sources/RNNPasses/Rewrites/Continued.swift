import RNNGraph

// A sequence that comes step by step is read by two graphs: the model's own for the first steps, and this one for the
// steps behind them.
//
//     %1 = constant 0 : f32[B, 8]                    %1 = state "h" : f32[B, 8]
//     %2 = scan T { carry %3 = %1 … }           ->   %2 = scan T { carry %3 = %1 … }
//     state "h" = %2                                 state "h" = %2

extension Graph {
  /// The graph of later steps, which begin in the states that earlier ones left: every loop over `steps` starts from
  /// inputs, also where the first step starts from a parameter, a number or another loop.
  ///
  /// Running it step by step gives what running the graph over the whole sequence gives.
  ///
  /// - Requires: the graph is one for inference.
  /// - Throws: `RewriteError` if a value needs steps that have not been read yet, or a loop ends in what is no output.
  public func continued(over steps: Symbol) throws(RewriteError) -> Graph {
    var graph = self
    var carried: Set<String> = []
    let states = Dictionary(outputs.filter { $0.role == .state }.map { ($0.value, $0.name) }) { first, _ in
      first
    }
    for id in graph[.entry].operations {
      let operation = graph[id]
      if let reason = graph.obstacle(to: steps, operation) {
        throw RewriteError(
          "model '\(name)' cannot run step by step: \(reason)" + (operation.site.map { " (\($0))" } ?? ""),
          note: "a step may need earlier steps only")
      }
      guard case .scan(let scan) = operation.kind, scan.steps == steps else { continue }
      for i in 0..<scan.carries {
        let final = operation.results[i]
        guard let state = states[final] else {
          throw RewriteError(
            "model '\(name)' cannot run step by step: a loop ends in a value that is no final state",
            note: "give out what is carried from step to step, as in 'state \"h\" = \(final)'")
        }
        carried.insert(state)
        let place = scan.invariants + i
        if let known = graph.input(named: state) {
          let input = known.value
          guard known.role == .state, graph.type(input) == graph.type(final) else {
            throw RewriteError(
              "input '\(state)' of model '\(name)' is no state that the loop could go on from")
          }
          if input != operation.operands[place] { graph.setOperand(place, of: id, to: input) }
        } else {
          let type = graph.type(final)
          let input = graph.addInput(state, role: .state, type)
          graph.setOperand(place, of: id, to: input)
        }
      }
    }
    // What only the first step starts from is not needed any more.
    let hasLoops = loops(steps)
    graph.filterOutputs { output in
      output.role == .output || output.role == .state && (carried.contains(output.name) || !hasLoops)
    }
    _ = Pass.deadCode.run(&graph)
    let uses = graph.useCounts()
    graph.filterInputs { uses[$0.value.index] > 0 }
    return graph
  }

  private func loops(_ steps: Symbol) -> Bool {
    self[.entry].operations.contains { id in
      if case .scan(let scan) = self[id].kind { scan.steps == steps } else { false }
    }
  }

  /// Why an operation cannot be computed with the steps known so far, or nil if it can.
  private func obstacle(to steps: Symbol, _ operation: Operation) -> String? {
    func isSequence(_ value: ValueID, _ axis: Int) -> Bool { type(value).shape[axis] == .symbol(steps) }
    let (result, first) = (operation.results.first, operation.operands.first)
    switch operation.kind {
    case .scan(let scan):
      return scan.steps == steps && scan.isReversed ? "a loop runs from the last step to the first" : nil
    case .reverse(let axis), .reversePrefix(let axis):
      return result.map { isSequence($0, axis) } ?? false ? "a sequence is reversed" : nil
    case .concat(let axis), .slice(let axis, _, _, _), .pad(let axis, _, _, _):
      let isAcross = [result, first].contains { $0.map { isSequence($0, axis) } ?? false }
      return isAcross ? "a step is taken out of its sequence" : nil
    case .reduce(_, let axes, _):
      let isAcross = first.map { first in axes.contains { isSequence(first, $0) } } ?? false
      return isAcross ? "the steps of a sequence are combined" : nil
    case .dot(let axes):
      let isAcross = first.map { first in axes.lhsContracting.contains { isSequence(first, $0) } } ?? false
      return isAcross ? "the steps of a sequence are combined" : nil
    case .gather:
      return first.map { isSequence($0, 0) } ?? false ? "a step is looked up in its sequence" : nil
    case .scatterAdd:
      let isAcross = first.map { type($0).shape.contains(.symbol(steps)) } ?? false
      return isAcross ? "the steps of a sequence are combined" : nil
    case .size(let symbols, _):
      return symbols.contains(steps) ? "the number of steps is needed" : nil
    case .iota(let extent, _):
      return extent == .symbol(steps) ? "the number of a step is needed" : nil
    case .constant, .table, .random, .unary, .binary, .compare, .select, .convert, .surrogate, .broadcast,
      .reshape,
      .transpose, .oneHot:
      return nil
    }
  }
}
