import RNNGraph

/// Builds a graph anew from an old one, operation by operation, so that a rule can put something else in an
/// operation's place.
///
/// Every pass but `segment-steps` works this way: no place of insertion has to be searched, the new graph is in order by
/// construction, and its tables hold nothing that is out of use. Operations are emitted in the old order; one that stands
/// further down but is needed now is emitted now.
final class Rebuilder {
  /// Puts something in the place of an operation.
  ///
  /// It gives whether it changed anything, and then has bound all results of the operation that are used. If it
  /// changed nothing and bound nothing, the operation is copied.
  typealias Rule = (Rebuilder, OperationID) -> Bool

  /// The graph to read.
  let old: Graph
  /// Makes operations of the new graph.
  let builder: GraphBuilder
  /// Whether any operation was replaced.
  private(set) var hasChanged = false

  private let rule: Rule
  private var map: [ValueID?]

  init(_ graph: Graph, rule: @escaping Rule) {
    old = graph
    builder = GraphBuilder(Graph(name: graph.name))
    map = [ValueID?](repeating: nil, count: graph.valueCount)
    self.rule = rule
  }

  /// The new value that stands for an old one.
  subscript(value: ValueID) -> ValueID {
    if let new = map[value.index] { return new }
    Graph.visit(
      value, isDone: isBound,
      needs: { old.definingOperation($0).map { old[$0].operands } ?? [] },
      finish: { if let operation = old.definingOperation($0) { emit(operation) } })
    guard let new = map[value.index] else { preconditionFailure("nothing stands for \(value)") }
    return new
  }

  /// Whether something stands for an old value already.
  func isBound(_ value: ValueID) -> Bool { map[value.index] != nil }

  /// Lets `new` stand for `old` from now on: it comes from the equations of both.
  func bind(_ old: ValueID, to new: ValueID) {
    map[old.index] = new
    if let operation = self.old.definingOperation(old) {
      builder.graph.addPlaces(self.old[operation].places, to: new)
    }
  }

  /// The new values of an operation's operands.
  func operands(_ id: OperationID) -> [ValueID] { old[id].operands.map { self[$0] } }

  /// Builds the whole graph.
  func run() -> Graph {
    for input in old.inputs {
      bind(input.value, to: builder.graph.addInput(input, of: old))
    }
    for id in old[RegionID.entry].operations { emit(id) }
    for output in old.outputs {
      builder.graph.addOutput(output, self[output.value])
    }
    return builder.graph
  }

  /// Emits an operation, unless it stands already. What a rule makes in its place comes from the same equations.
  func emit(_ id: OperationID) {
    if old[id].results.allSatisfy(isBound) { return }
    builder.at(old[id].places) { emitUnbound(id) }
  }

  private func emitUnbound(_ id: OperationID) {
    if rule(self, id) {
      hasChanged = true
    } else if old[id].results.allSatisfy(isBound) {
      return
    } else if let draft = ScanDraft(copying: id, in: self) {
      emit(draft)
    } else {
      let operands = operands(id)
      for (old, new) in zip(old[id].results, builder.copy(old[id], of: old, on: operands)) {
        bind(old, to: new)
      }
    }
  }

  /// Emits a scan with the operations of the old body that its results need; gives its final
  /// carries, the totals behind them, and its stacked outputs.
  @discardableResult
  func emit(_ draft: ScanDraft) -> (carries: [ValueID], outputs: [ValueID]) {
    let results = builder.scan(
      draft.stepping, invariants: draft.invariants.map(\.outer),
      carries: draft.carries.map(\.initial) + draft.totals.map(\.initial),
      sequences: draft.sequences.map(\.outer)
    ) { invariants, carries, elements in
      for (entry, argument) in zip(draft.invariants, invariants) {
        if let inner = entry.inner { bind(inner, to: argument) }
      }
      for (entry, argument) in zip(draft.carries, carries) {
        if let inner = entry.argument { bind(inner, to: argument) }
      }
      for (entry, argument) in zip(draft.sequences, elements) {
        if let inner = entry.inner { bind(inner, to: argument) }
      }
      var steps: [ValueID] = []
      func make(_ recipe: ScanDraft.Recipe) -> ValueID {
        switch recipe {
        case .invariant(let i): return invariants[i]
        case .carry(let i): return carries[i]
        case .element(let i): return elements[i]
        case .body(let value): return self[value]
        case .operation(let last):
          for operation in draft.operations[steps.count..<max(last + 1, steps.count)] {
            let operands = operation.operands.map(make)
            steps.append(builder.at(operation.places) { builder.add(operation.kind, operands)[0] })
          }
          return steps[last]
        }
      }
      for (inner, recipe) in draft.definitions { bind(inner, to: make(recipe)) }
      let wanted = draft.carries.map(\.next) + draft.outputs.map(\.value) + draft.bodyValues
      let needed = old.operationsNeeded(for: wanted, in: draft.body, stoppingAt: isBound)
      for id in old[draft.body].operations where needed.contains(id.index) { emit(id) }
      let sums = zip(draft.totals, carries.suffix(draft.totals.count)).map { total, sum in
        let term = make(total.term)
        return builder.at(total.places) { builder.add(sum, term) }
      }
      return (draft.carries.map { self[$0.next] } + sums, draft.outputs.map { self[$0.value] })
    }
    for (entry, new) in zip(draft.carries, results.carries) {
      if let result = entry.result { bind(result, to: new) }
    }
    for (entry, new) in zip(draft.outputs, results.outputs) {
      for result in entry.results { bind(result, to: new) }
    }
    return (results.carries, results.outputs)
  }
}

extension Graph {
  /// Rebuilds the graph by a rule; gives whether anything was replaced.
  mutating func rebuild(_ rule: @escaping Rebuilder.Rule) -> Bool {
    let rebuilder = Rebuilder(self, rule: rule)
    let new = rebuilder.run()
    if rebuilder.hasChanged { self = new }
    return rebuilder.hasChanged
  }
}
