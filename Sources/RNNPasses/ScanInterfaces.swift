import RNNGraph

// scan-interfaces: a loop takes and gives each value once, and gives only what it computes itself.
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
      guard let scan = ScanView(id, in: rebuilder.old), scan.isStepwise,
        let draft = ScanDraft(copying: id, in: rebuilder)
      else { return false }
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
  /// The outer values of arguments of the old body.
  private let invariants: [ValueID: ValueID], sequences: [ValueID: ValueID]
  /// The places of the draft's outputs by their values.
  private var places: [ValueID: Int] = [:]
  private let concatenations: Concatenations

  init(_ rebuilder: Rebuilder, _ source: ScanDraft) {
    self.rebuilder = rebuilder
    self.source = source
    draft = source
    draft.invariants = Interface([])
    draft.carries = []
    draft.sequences = Interface([])
    draft.outputs = []
    invariants = Dictionary(
      source.invariants.compactMap { entry in entry.inner.map { ($0, entry.outer) } }
    ) { first, _ in first }
    sequences = Dictionary(
      source.sequences.compactMap { entry in entry.inner.map { ($0, entry.outer) } }
    ) { first, _ in first }
    concatenations = Concatenations(source.outputs, in: rebuilder.old)
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
    let kind = graph.definingKind(outer)
    if case .constant(let number, let type)? = kind {
      define(inner, draft.recipe(.constant(number, type), [], graph.places(of: outer)))
    } else if case .broadcast(let axes, let shape)? = kind {
      let source = graph[graph.definingOperation(outer)!].operands[0]
      let handed = draft.addInvariant(source)
      define(
        inner, draft.recipe(.broadcast(axes: axes, shape: shape), [handed], graph.places(of: outer)))
    } else if draft.invariants.place(of: outer) != nil {
      define(inner, draft.addInvariant(outer))
    } else {
      draft.invariants.append(.init(outer: outer, inner: inner))
    }
  }

  private mutating func addSequence(_ outer: ValueID, _ inner: ValueID) {
    let graph = builder.graph
    let type = builder.type(outer)
    let kind = graph.definingKind(outer)
    if case .constant(let number, _)? = kind {
      let element = type.with(shape: Array(type.shape.dropFirst()))
      define(inner, draft.recipe(.constant(number, element), [], graph.places(of: outer)))
    } else if case .broadcast(let axes, let shape)? = kind, axes.first != 0 {
      let source = draft.addInvariant(graph[graph.definingOperation(outer)!].operands[0])
      let kind = OperationKind.broadcast(axes: axes.map { $0 - 1 }, shape: Array(shape.dropFirst()))
      define(
        inner,
        axes.count == shape.count - 1 ? source : draft.recipe(kind, [source], graph.places(of: outer)))
    } else if draft.sequences.place(of: outer) != nil {
      define(inner, draft.addSequence(outer))
    } else {
      draft.sequences.append(.init(outer: outer, inner: inner))
    }
  }

  private mutating func define(_ inner: ValueID, _ recipe: ScanDraft.Recipe) {
    hasChanged = true
    draft.definitions.append((inner, recipe))
  }

  private mutating func addOutput(_ output: ScanDraft.Output) {
    let old = rebuilder.old
    let (value, builder) = (output.value, builder)
    let steps = Dimension.symbol(source.stepping.steps)
    if let sequence = sequences[value] {
      move(output) { sequence }
    } else if let invariant = invariants[value] {
      move(output) { builder.broadcast(invariant, leading: [steps]) }
    } else if case .constant(let number, let type)? = old.definingKind(value) {
      move(output) { builder.constant(number, type.stacked(steps)) }
    } else if let place = places[value] {
      hasChanged = true
      draft.outputs[place].results += output.results
    } else if let (whole, axis, start) = concatenations.place(of: value) {
      let count = old.type(value).shape[axis].fixed ?? 0
      let rebuilder = rebuilder
      move(output) { builder.slice(rebuilder[whole], axis: axis + 1, start: start, count: count) }
    } else {
      places[value] = draft.outputs.count
      draft.outputs.append(output)
    }
  }

  private mutating func move(_ output: ScanDraft.Output, _ make: @escaping () -> ValueID) {
    hasChanged = true
    let (builder, places) = (builder, rebuilder.old.places(of: output.value))
    moved.append((output.results, { builder.at(places) { make() } }))
  }
}

/// The concatenations that a loop stacks.
private struct Concatenations {
  private struct Concatenation {
    /// Its stack.
    var stack: ValueID
    var value: ValueID
    var axis: Int
    var parts: [ValueID]
    /// Where each part begins.
    var starts: [Int]
  }

  private let graph: Graph
  private var all: [Concatenation] = []
  /// By part, the concatenations and the places in them where it stands.
  private var places: [ValueID: [(concatenation: Int, place: Int)]] = [:]

  init(_ outputs: [ScanDraft.Output], in graph: Graph) {
    self.graph = graph
    for output in outputs {
      guard let id = graph.definingOperation(output.value), case .concat(let axis) = graph[id].kind else {
        continue
      }
      var (starts, end): ([Int], Int) = ([], 0)
      for (place, part) in graph[id].operands.enumerated() {
        places[part, default: []].append((all.count, place))
        starts.append(end)
        end += graph.type(part).shape[axis].fixed ?? 0
      }
      all.append(
        Concatenation(
          stack: output.results[0], value: output.value, axis: axis, parts: graph[id].operands,
          starts: starts))
    }
  }

  /// The stack of a concatenation that has a value of the body in it, as a part or as several in a row.
  func place(of value: ValueID) -> (stack: ValueID, axis: Int, start: Int)? {
    var own: (axis: Int, parts: [ValueID])?
    if let id = graph.definingOperation(value), case .concat(let axis) = graph[id].kind {
      own = (axis, graph[id].operands)
    }
    let first = [value] + (own?.parts.prefix(1) ?? [])
    let found = first.flatMap { places[$0, default: []] }.sorted {
      ($0.concatenation, $0.place) < ($1.concatenation, $1.place)
    }
    for (number, place) in found where all[number].value != value {
      let whole = all[number]
      let wanted = if let own, own.axis == whole.axis { own.parts } else { [value] }
      if wanted.count >= whole.parts.count, own?.axis == whole.axis { continue }
      if whole.parts[place...].starts(with: wanted) { return (whole.stack, whole.axis, whole.starts[place]) }
    }
    return nil
  }
}
