import RNNGraph

// scan-interfaces: what goes into a loop and comes out of it is handed over once, and only if the loop adds to it.
//
//   %3:2 = scan T invariants(%0, %0) … sequences(%1) {      %3 = scan T invariants(%0) … sequences(%1) {
//     … return …, element, h, h                               … return …, h
//   }                                                        }
//
// - a carry that never changes, and a sequence that repeats one value, become invariants
// - constants and broadcasts move into the body
// - operands that are handed in twice, and results that are stacked twice, are merged
// - the stack of a sequence's element is the sequence; that of an invariant or a constant is repeated outside
// - the stack of a part of a concatenation that is stacked as well is a slice of the latter

extension Pass {
  static let scanInterfaces = Pass(
    name: "scan-interfaces", summary: "hand each value to a loop, and out of it, once"
  ) { graph in
    graph.rebuild { rebuilder, id in
      guard let draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      var interface = ScanInterface(rebuilder, draft)
      interface.narrow()
      guard interface.hasChanged else { return false }
      rebuilder.emit(interface.draft)
      interface.bindMovedOutputs()
      return true
    }
  }
}

private struct ScanInterface {
  let rebuilder: Rebuilder
  let source: ScanDraft
  var draft: ScanDraft
  var hasChanged = false
  private var moved: [(results: [ValueID], make: () -> ValueID)] = []

  init(_ rebuilder: Rebuilder, _ source: ScanDraft) {
    self.rebuilder = rebuilder
    self.source = source
    draft = source
    draft.invariants = []
    draft.carries = []
    draft.sequences = []
    draft.outputs = []
  }

  private var builder: GraphBuilder { rebuilder.builder }

  mutating func narrow() {
    for entry in source.invariants { if let inner = entry.inner { addInvariant(entry.outer, inner) } }
    for entry in source.carries {
      if let argument = entry.argument, entry.next == argument {
        hasChanged = true
        addInvariant(entry.initial, argument)
        moved.append((entry.result.map { [$0] } ?? [], { entry.initial }))
      } else {
        draft.carries.append(entry)
      }
    }
    for entry in source.sequences { if let inner = entry.inner { addSequence(entry.outer, inner) } }
    for output in source.outputs { addOutput(output) }
  }

  /// Binds the results that no longer are the loop's own, once it stands.
  func bindMovedOutputs() {
    for (results, make) in moved {
      let value = make()
      for result in results { rebuilder.bind(result, to: value) }
    }
  }

  private mutating func addInvariant(_ outer: ValueID, _ inner: ValueID) {
    let graph = builder.graph
    switch graph.definingKind(outer) {
    case .constant(let number, let type)?:
      define(inner, .operation(.constant(number, type), []))
    case .broadcast(let axes, let shape)?:
      let source = graph[graph.definingOperation(outer)!].operands[0]
      define(inner, .operation(.broadcast(axes: axes, shape: shape), [draft.addInvariant(source)]))
    default:
      if draft.invariants.contains(where: { $0.outer == outer }) {
        define(inner, draft.addInvariant(outer))
      } else {
        draft.invariants.append(.init(outer: outer, inner: inner))
      }
    }
  }

  private mutating func addSequence(_ outer: ValueID, _ inner: ValueID) {
    let graph = builder.graph
    let type = builder.type(outer)
    switch graph.definingKind(outer) {
    case .constant(let number, _)?:
      define(inner, .operation(.constant(number, type.with(shape: Array(type.shape.dropFirst()))), []))
    case .broadcast(let axes, let shape)? where axes.first != 0:
      let source = draft.addInvariant(graph[graph.definingOperation(outer)!].operands[0])
      let kind = OperationKind.broadcast(axes: axes.map { $0 - 1 }, shape: Array(shape.dropFirst()))
      define(inner, axes.count == shape.count - 1 ? source : .operation(kind, [source]))
    default:
      if draft.sequences.contains(where: { $0.outer == outer }) {
        define(inner, draft.addSequence(outer))
      } else {
        draft.sequences.append(.init(outer: outer, inner: inner))
      }
    }
  }

  private mutating func define(_ inner: ValueID, _ recipe: ScanDraft.Recipe) {
    hasChanged = true
    draft.definitions.append((inner, recipe))
  }

  private mutating func addOutput(_ output: ScanDraft.Output) {
    let old = rebuilder.old
    let (value, builder) = (output.value, builder)
    let steps = Dimension.symbol(source.steps)
    if let sequence = source.sequences.first(where: { $0.inner == value }) {
      move(output) { sequence.outer }
    } else if let invariant = source.invariants.first(where: { $0.inner == value }) {
      move(output) { builder.broadcast(invariant.outer, leading: [steps]) }
    } else if case .constant(let number, let type)? = old.definingKind(value) {
      move(output) { builder.constant(number, type.stacked(steps)) }
    } else if let place = draft.outputs.firstIndex(where: { $0.value == value }) {
      hasChanged = true
      draft.outputs[place].results += output.results
    } else if let (whole, axis, start) = stackedConcat(holding: value) {
      let count = old.type(value).shape[axis].fixed ?? 0
      let rebuilder = rebuilder
      move(output) { builder.slice(rebuilder[whole], axis: axis + 1, start: start, count: count) }
    } else {
      draft.outputs.append(output)
    }
  }

  private mutating func move(_ output: ScanDraft.Output, _ make: @escaping () -> ValueID) {
    hasChanged = true
    moved.append((output.results, make))
  }

  /// The stack of a concatenation that has a value of the body in it, as a part or as several in a row.
  private func stackedConcat(holding value: ValueID) -> (result: ValueID, axis: Int, start: Int)? {
    let old = rebuilder.old
    for output in source.outputs where output.value != value {
      guard let id = old.definingOperation(output.value), case .concat(let axis) = old[id].kind else {
        continue
      }
      let parts = old[id].operands
      var wanted = [value]
      if let own = old.definingOperation(value), old[own].kind == old[id].kind {
        wanted = old[own].operands
        if wanted.count >= parts.count { continue }
      }
      for first in parts.indices where parts[first...].starts(with: wanted) {
        let start = parts[..<first].reduce(0) { $0 + (old.type($1).shape[axis].fixed ?? 0) }
        return (output.results[0], axis, start)
      }
    }
    return nil
  }
}
