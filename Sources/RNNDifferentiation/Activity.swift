import RNNGraph

/// Which values have an adjoint: those that depend on a selected input and that the loss depends on.
///
/// Both dependencies follow only operands through which a derivative flows. Each value is marked once and then marks its
/// neighbours, through the bodies of scans and from one of their steps to the next.
struct Activity {
  /// What flows from operands to results.
  enum Flow {
    /// Derivatives: what an argmax or a comparison gives does not vary.
    case derivatives
    /// Values, in whatever way.
    case values
  }

  private let graph: Graph
  /// The region that holds all of them, and the bodies of scans in it.
  private let root: RegionID
  private let flow: Flow
  private var varies: [Bool]
  private var matters: [Bool]

  /// Marks the values between `inputs` and `loss`.
  init(
    of graph: Graph, from inputs: [ValueID], to loss: ValueID, in root: RegionID = .entry,
    flow: Flow = .derivatives
  ) {
    self.graph = graph
    self.root = root
    self.flow = flow
    varies = Array(repeating: false, count: graph.valueCount)
    matters = varies
    markVarying(from: inputs)
    markMattering(for: loss)
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

  private mutating func markVarying(from inputs: [ValueID]) {
    let uses = Uses(graph, in: root)
    var work = inputs
    while let value = work.popLast() {
      if varies[value.index] { continue }
      varies[value.index] = true
      for (id, place) in uses.operands[value.index] {
        let operation = graph[id]
        if case .scan(let scan) = operation.kind {
          work.append(graph[scan.body].arguments[place])
        } else if operands(of: operation).indices.contains(place) {
          work.append(operation.result)
        }
      }
      for (id, place) in uses.results[value, default: []] {
        guard case .scan(let scan) = graph[id].kind else { continue }
        work.append(
          place < scan.carries
            ? graph[scan.body].arguments[scan.invariants + place] : graph[id].results[place])
      }
      if let (id, carry) = graph.carry(value) { work.append(graph[id].results[carry]) }
    }
  }

  private mutating func markMattering(for loss: ValueID) {
    var work = [loss]
    while let value = work.popLast() {
      if matters[value.index] { continue }
      matters[value.index] = true
      switch graph[value].definition {
      case .result(let id, let place):
        guard case .scan(let scan) = graph[id].kind else {
          work += operands(of: graph[id])
          continue
        }
        work.append(graph[scan.body].results[place])
        // Without a step the final carry is the initial one.
        if place < scan.carries { work.append(graph[id].operands[scan.invariants + place]) }
      case .argument(let region, let place):
        guard let owner = graph[region].owner else { continue }
        work.append(graph[owner].operands[place])
        if let (_, carry) = graph.carry(value) { work.append(graph[region].results[carry]) }
      }
    }
  }
}

/// Where values are read.
struct Uses {
  /// By value, the operations that read it, and as which operand.
  var operands: [[(OperationID, Int)]]
  /// By value, the scans whose bodies result in it, and as which result.
  var results: [ValueID: [(OperationID, Int)]] = [:]

  init(_ graph: Graph, in root: RegionID) {
    operands = Array(repeating: [], count: graph.valueCount)
    for region in graph.regions(from: root) {
      for id in graph[region].operations {
        for (place, operand) in graph[id].operands.enumerated() {
          operands[operand.index].append((id, place))
        }
      }
      guard let owner = graph[region].owner else { continue }
      for (place, result) in graph[region].results.enumerated() {
        results[result, default: []].append((owner, place))
      }
    }
  }
}

extension Graph {
  /// Which carry of which scan a value is in the scan's body, if it is one.
  fileprivate func carry(_ value: ValueID) -> (OperationID, Int)? {
    guard case .argument(let region, let place) = self[value].definition, let owner = self[region].owner,
      case .scan(let scan) = self[owner].kind,
      place >= scan.invariants && place < scan.invariants + scan.carries
    else { return nil }
    return (owner, place - scan.invariants)
  }
}

extension Graph {
  /// The operands through which a derivative flows to the result.
  ///
  /// - Requires: `operation` is not a scan, whose operands depend on its body.
  fileprivate func differentiableOperands(of operation: Operation) -> ArraySlice<ValueID> {
    switch operation.kind {
    case .constant, .table, .size, .iota, .random, .compare, .oneHot: []
    case .surrogate(let surrogate): surrogate.source.map { operation.operands[$0...$0] } ?? []
    case .unary(let function) where function.traits.contains(.flat): []
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
