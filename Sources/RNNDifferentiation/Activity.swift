import RNNGraph

/// Which values have an adjoint: those that depend on a selected input and that the loss depends on.
///
/// Both dependencies follow only operands through which a derivative flows. A scan's carries form a cycle, so each of
/// its sides is marked until nothing changes.
struct Activity {
  /// What flows from operands to results.
  enum Flow {
    /// Derivatives: what an argmax or a comparison gives does not vary.
    case derivatives
    /// Values, in whatever way.
    case values
  }

  private let graph: Graph
  private let flow: Flow
  private var varies: [Bool]
  private var matters: [Bool]

  /// Marks the values between `inputs` and `loss`.
  init(of graph: Graph, from inputs: [ValueID], to loss: ValueID, flow: Flow = .derivatives) {
    self.graph = graph
    self.flow = flow
    varies = Array(repeating: false, count: graph.valueCount)
    matters = varies
    for input in inputs { varies[input.index] = true }
    matters[loss.index] = true
    markVarying(in: .entry)
    markMattering(in: .entry)
  }

  /// Whether a value of the graph has an adjoint.
  func isActive(_ value: ValueID) -> Bool { varies[value.index] && matters[value.index] }

  /// Whether a value depends on the inputs.
  func isVarying(_ value: ValueID) -> Bool { varies[value.index] }

  /// Whether the loss depends on a value.
  func isMattering(_ value: ValueID) -> Bool { matters[value.index] }

  /// The operands through which something flows to the result.
  ///
  /// - Requires: `operation` is not a scan, whose operands depend on its body.
  private func operands(of operation: Operation) -> ArraySlice<ValueID> {
    switch flow {
    case .derivatives: graph.differentiableOperands(of: operation)
    case .values: operation.operands[...]
    }
  }

  private mutating func markVarying(in region: RegionID) {
    for id in graph[region].operations {
      let operation = graph[id]
      if case .scan(let scan) = operation.kind {
        let body = graph[scan.body]
        for (argument, operand) in zip(body.arguments, operation.operands) { spread(operand, to: argument) }
        let carries = zip(body.arguments.dropFirst(scan.invariants), body.results).prefix(scan.carries)
        var isStable = false
        while !isStable {
          markVarying(in: scan.body)
          isStable = true
          for (argument, next) in carries where varies[next.index] && !varies[argument.index] {
            varies[argument.index] = true
            isStable = false
          }
        }
        for (result, (argument, _)) in zip(operation.results, carries) { spread(argument, to: result) }
        for (result, inner) in zip(operation.results, body.results).dropFirst(scan.carries) {
          spread(inner, to: result)
        }
      } else {
        for operand in operands(of: operation) { spread(operand, to: operation.result) }
      }
    }
  }

  private mutating func spread(_ source: ValueID, to target: ValueID) {
    if varies[source.index] { varies[target.index] = true }
  }

  private mutating func markMattering(in region: RegionID) {
    for id in graph[region].operations.reversed() {
      let operation = graph[id]
      if case .scan(let scan) = operation.kind {
        let body = graph[scan.body]
        for (result, inner) in zip(operation.results, body.results) { require(inner, for: result) }
        let carries = zip(body.arguments.dropFirst(scan.invariants), body.results).prefix(scan.carries)
        var isStable = false
        while !isStable {
          markMattering(in: scan.body)
          isStable = true
          for (argument, next) in carries where matters[argument.index] && !matters[next.index] {
            matters[next.index] = true
            isStable = false
          }
        }
        for (argument, operand) in zip(body.arguments, operation.operands) { require(operand, for: argument) }
        // Without a step the final carry is the initial one.
        for i in 0..<scan.carries {
          require(operation.operands[scan.invariants + i], for: operation.results[i])
        }
      } else {
        for operand in operands(of: operation) { require(operand, for: operation.result) }
      }
    }
  }

  private mutating func require(_ source: ValueID, for target: ValueID) {
    if matters[target.index] { matters[source.index] = true }
  }
}

extension Graph {
  /// The operands through which a derivative flows to the result.
  ///
  /// - Requires: `operation` is not a scan, whose operands depend on its body.
  fileprivate func differentiableOperands(of operation: Operation) -> ArraySlice<ValueID> {
    switch operation.kind {
    case .constant, .size, .iota, .random, .compare, .detach, .oneHot, .unary(.sign): []
    case .unary, .binary, .dot, .reduce, .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse:
      operation.operands[...]
    case .convert(let element):
      element.isFloat && type(operation.operands[0]).element.isFloat ? operation.operands[...] : []
    case .gather, .reversePrefix: operation.operands[..<1]
    case .select, .scatterAdd: operation.operands[1...]
    case .scan: preconditionFailure("the operands of a scan depend on its body")
    }
  }
}
