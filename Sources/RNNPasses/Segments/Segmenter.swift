import RNNGraph

// segment-steps: the work over steps is done segment by segment, and what a segment needs again is computed again.
//
//   %1, %2 = scan T … %h0 …                %1, %5 = scan T_count segments(T, T_longest, T_segment) {
//   %3 = … %2                                carry %h
//   %4 = dot %3, %x                          %6, … = scan T_segment … %h …
//                                            yield %6, %h                        the carries in front of each segment
//                                          }
//                                          %4 = scan T_count segments(…) reverse {
//                                            carry %sum; sequence %h = %5
//                                            … = scan T_segment … %h …           the segment again
//                                            %3 = …
//                                            %7 = dot %3, %x, %sum
//                                            yield %7
//                                          }
//
// See [Sweeps].

extension Pass {
  static let segmentSteps = Pass(
    name: "segment-steps",
    summary: "work through sequences in segments, so that memory does not grow with them"
  ) { graph in
    var hasChanged = Pass.deadCode.run(&graph)
    for steps in graph.timeAxes {
      let schedule = SweepSchedule(graph, steps)
      if schedule.count == 0 { continue }
      graph = Segmenter(graph, schedule, steps).run()
      hasChanged = true
    }
    return hasChanged
  }
}

/// Builds the graph of a schedule anew.
private final class Segmenter {
  let old: Graph
  let schedule: SweepSchedule
  let builder: GraphBuilder
  let copier: GraphCopier
  let steps: Symbol
  /// The number of segments.
  let count: Symbol
  let segments: Segments
  /// What stands for an old value outside of sweeps.
  var map: [ValueID: ValueID] = [:]
  /// The carries of a loop in front of each segment.
  var checkpoints: [OperationID: [ValueID]] = [:]
  /// 1 at one step and 0 at the others, by the step's distance from an end.
  private var marks: [Mark: ValueID] = [:]
  private var finishedSweeps = 0
  /// The places of the entry's operations, and by sweep the sums that it makes and the steps that it picks.
  let place: [OperationID: Int]
  private(set) var ends: [Int: [OperationID]] = [:]

  struct Mark: Hashable {
    var start: Int
    var anchor: Anchor
  }

  init(_ graph: Graph, _ schedule: SweepSchedule, _ steps: Symbol) {
    old = graph
    self.schedule = schedule
    self.steps = steps
    builder = GraphBuilder(Graph(name: graph.name))
    copier = GraphCopier(old: graph, builder: builder)
    let operations = graph[RegionID.entry].operations
    place = Dictionary(uniqueKeysWithValues: operations.enumerated().map { ($1, $0) })
    for id in operations {
      switch schedule.sorts[id] {
      case .sum, .pick: ends[schedule.sweep[id]!, default: []].append(id)
      case .map, .loop, .mirror, .total, .outside: continue
      }
    }
    let taken = graph.symbols
    func symbol(_ suffix: String) -> Symbol {
      var name = "\(steps)_\(suffix)"
      while taken.contains(Symbol(name)) { name += "_" }
      return Symbol(name)
    }
    count = symbol("count")
    segments = Segments(whole: steps, longest: symbol("longest"), length: symbol("segment"))
  }

  func run() -> Graph {
    for input in old.inputs {
      map[input.value] = builder.graph.addInput(input, of: old)
    }
    for output in old.outputs {
      builder.graph.addOutput(output, whole(output.value))
    }
    return builder.graph
  }

  /// The new value that stands for an old one outside of sweeps.
  func whole(_ value: ValueID) -> ValueID {
    Graph.visit(
      value, isDone: { map[$0] != nil },
      needs: { sweepNumber(of: $0) == nil ? old[operation(of: $0)].operands : [] },
      finish: { value in
        if let number = sweepNumber(of: value) {
          sweep(through: number)
        } else {
          copier.copy(operation(of: value), &map)
        }
      })
    guard let new = map[value] else { preconditionFailure("no sweep has computed \(value)") }
    return new
  }

  private func operation(of value: ValueID) -> OperationID {
    guard let id = old.definingOperation(value) else { preconditionFailure("nothing stands for \(value)") }
    return id
  }

  /// The sweep that computes a value; nil if it is computed outside of sweeps.
  private func sweepNumber(of value: ValueID) -> Int? {
    let id = operation(of: value)
    return switch schedule.sorts[id] {
    case .loop, .sum, .pick: schedule.stored[value] ?? schedule.sweep[id]!
    case .map: schedule.stored[value]
    case .mirror, .total, .outside: nil
    }
  }

  private func sweep(through number: Int) {
    while finishedSweeps <= number {
      let next = finishedSweeps
      finishedSweeps += 1
      Sweep(self, next).emit()
    }
  }

  /// A sequence of 1 at one step and 0 at the others.
  func mark(_ mark: Mark) -> ValueID {
    if let known = marks[mark] { return known }
    let one = builder.constant(1, TensorType(.f32, [1]))
    let new = builder.pad(one, axis: 0, start: mark.start, to: .symbol(steps), anchor: mark.anchor)
    marks[mark] = new
    return new
  }

  /// Whether a loop runs again in a later sweep.
  func isRunAgain(_ id: OperationID, after number: Int) -> Bool {
    schedule.runs.indices.contains { $0 > number && schedule.runs[$0].contains(id) }
  }
}

/// One sweep: a loop over the segments.
private final class Sweep {
  let whole: Segmenter
  let number: Int
  var old: Graph { whole.old }
  var builder: GraphBuilder { whole.builder }
  var schedule: SweepSchedule { whole.schedule }
  /// What stands for an old value in a segment.
  private var local: [ValueID: ValueID] = [:]
  private var localMarks: [Segmenter.Mark: ValueID] = [:]
  private var loop: OpenScan
  /// What the sweep's results stand for.
  private var finals: [(ValueID) -> Void] = []
  private var outputs: [(ValueID) -> Void] = []

  init(_ whole: Segmenter, _ number: Int) {
    self.whole = whole
    self.number = number
    loop = OpenScan(
      body: whole.builder.makeBody(),
      stepping: Stepping(
        steps: whole.count, isReversed: whole.schedule.isReversed(number), segments: whole.segments))
  }

  private var isReversed: Bool { loop.stepping.isReversed }
  private var length: Symbol { whole.segments.length }

  /// The operations of the entry that take part, in their order.
  private var members: [OperationID] {
    var found = schedule.runs[number]
    for value in schedule.computed[number] {
      if let id = old.definingOperation(value), schedule.sorts[id] == .map { found.insert(id) }
    }
    found.formUnion(whole.ends[number, default: []])
    return found.sorted { whole.place[$0]! < whole.place[$1]! }
  }

  func emit() {
    let members = members
    // All that comes from outside stands in front of the loop.
    for id in members {
      for operand in schedule.sorts.operands(id) where !isLocal(operand) { _ = whole.whole(operand) }
      if let mark = mark(of: id) { _ = whole.mark(mark) }
    }
    let starts = Dictionary(uniqueKeysWithValues: members.compactMap { id in start(of: id).map { (id, $0) } })
    builder.move(toEndOf: loop.body)
    for id in members {
      builder.at(old[id].places) {
        switch schedule.sorts[id] {
        case .map: emitMap(id)
        case .loop: emitLoop(id)
        case .sum: emitSum(id, from: starts[id]!)
        case .pick: emitPick(id, from: starts[id]!)
        case .mirror, .total, .outside: break
        }
      }
    }
    for (value, place) in schedule.stored.sorted(by: { $0.key < $1.key }) where place == number {
      loop.outputs.append(local[value]!)
      outputs.append { [whole] in whole.map[value] = $0 }
    }
    builder.move(toEndOf: .entry)
    let loops = members.filter { if case .loop = schedule.sorts[$0] { true } else { false } }
    let results = builder.at(old.places(of: loops.isEmpty ? members : loops)) { builder.add(loop) }
    for (bind, result) in zip(finals, results.carries) { bind(result) }
    for (bind, result) in zip(outputs, results.outputs) { bind(result) }
  }

  /// Whether a value is computed in the segment.
  private func isLocal(_ value: ValueID) -> Bool { schedule.computed[number].contains(value) }

  /// What a sum over all segments starts from.
  private func start(of id: OperationID) -> ValueID? {
    switch schedule.sorts[id] {
    case .sum: builder.at(old[id].places) { builder.constant(0, old.type(old[id].result)) }
    case .pick: builder.at(old[id].places) { builder.constant(-Double.infinity, element(of: id)) }
    case .map, .loop, .mirror, .total, .outside: nil
    }
  }

  /// The value in a segment of an old value.
  private func read(_ value: ValueID) -> ValueID {
    if let known = local[value] { return known }
    let outer = whole.whole(value)
    local[value] =
      schedule.sorts.isSequence(value) ? sequence(outer) : invariant(outer)
    return local[value]!
  }

  private func invariant(_ outer: ValueID) -> ValueID {
    let argument = builder.addArgument(builder.type(outer), to: loop.body)
    loop.invariants.append((argument, outer))
    return argument
  }

  /// The part of a whole sequence, or the element of one with an element for each segment.
  private func sequence(_ outer: ValueID) -> ValueID {
    let argument = builder.addArgument(loop.stepping.element(of: builder.type(outer)), to: loop.body)
    loop.sequences.append((argument, outer))
    return argument
  }

  private func carry(from initial: ValueID, bind: @escaping (ValueID) -> Void) -> ValueID {
    let argument = builder.addArgument(builder.type(initial), to: loop.body)
    loop.carries.append((argument, initial))
    finals.append(bind)
    return argument
  }

  // MARK: Members

  private func emitMap(_ id: OperationID) {
    let operation = old[id]
    if let mark = mark(of: id) {
      let shape = old.type(operation.result).shape
      let local = TensorType(old.type(operation.result).element, [.symbol(length)] + shape.dropFirst())
      let value = builder.reshape(read(operation.operands[0]), Array(local.shape.dropFirst()))
      let all = builder.broadcast(value, axes: Array(1..<max(1, local.rank)), shape: local.shape)
      bind(operation.result, builder.select(isMarked(mark, like: local), all, builder.constant(0, local)))
    } else {
      let kind = operation.kind.over(.symbol(length), insteadOf: .symbol(whole.steps))
      bind(operation.result, builder.add(kind, operation.operands.map(read))[0])
    }
  }

  private func bind(_ old: ValueID, _ new: ValueID) { local[old] = new }

  private func emitLoop(_ id: OperationID) {
    let scan = ScanView(id, in: old)!
    let outputs = scan.stacks.indices.filter { isLocal(scan.stacks[$0]) }
    let isFirst = schedule.sweep[id] == number
    let kept =
      isFirst
      ? Array(scan.nexts.indices) : old.carriesNeeded(for: outputs.map { scan.outputs[$0] }, of: scan)
    let initials = kept.map { carry in
      isFirst
        ? self.carry(from: whole.whole(scan.initials[carry])) { [whole] in whole.map[scan.finals[carry]] = $0
        }
        : sequence(whole.checkpoints[id]![carry])
    }
    if isFirst, whole.isRunAgain(id, after: number) {
      whole.checkpoints[id] = initials
      for (i, initial) in initials.enumerated() {
        loop.outputs.append(initial)
        self.outputs.append { [whole] in whole.checkpoints[id]![i] = $0 }
      }
    }
    let results = whole.copier.scan(
      scan, Stepping(steps: length, isReversed: scan.attributes.isReversed),
      invariants: scan.invariants.map(read), carries: initials,
      sequences: scan.sequences.map(read), keepingCarries: kept, outputs: outputs)
    if isFirst { loop.next += results.prefix(kept.count) }
    for (output, result) in zip(outputs, results.dropFirst(kept.count)) { bind(scan.stacks[output], result) }
  }

  private func emitSum(_ id: OperationID, from initial: ValueID) {
    let operation = old[id]
    let sum = carry(from: initial) { [whole] in whole.map[operation.result] = $0 }
    let terms = schedule.sorts.operands(id).map { operand in
      isReversed ? builder.reverse(read(operand), axis: 0) : read(operand)
    }
    loop.next.append(builder.add(operation.kind, terms + [sum])[0])
  }

  /// The one step, or what has been picked before: less than anything until then.
  private func emitPick(_ id: OperationID, from initial: ValueID) {
    let operation = old[id]
    let picked = carry(from: initial) { [whole] in
      let (picked, shape) = ($0, whole.old.type(operation.result).shape)
      whole.map[operation.result] = whole.builder.at(operation.places) {
        whole.builder.reshape(picked, shape)
      }
    }
    let all = read(operation.operands[0])
    let none = builder.constant(-Double.infinity, like: all)
    let here = builder.select(isMarked(mark(of: id)!, like: builder.type(all)), all, none)
    loop.next.append(builder.binary(.maximum, picked, builder.reduce(.maximum, here, axes: [0])))
  }

  // MARK: Single steps

  /// The type of one element of the sequence that an operation picks from.
  private func element(of id: OperationID) -> TensorType {
    let type = old.type(old[id].result)
    return type.with(shape: Array(type.shape.dropFirst()))
  }

  /// The step that an operation picks, or puts among zeros.
  private func mark(of id: OperationID) -> Segmenter.Mark? {
    if schedule.sorts[id] == .outside { return nil }
    if case .slice(axis: 0, let start, _, let anchor) = old[id].kind {
      return Segmenter.Mark(start: start, anchor: anchor)
    }
    guard case .pad(axis: 0, let start, _, let anchor) = old[id].kind else { return nil }
    return Segmenter.Mark(start: start, anchor: anchor)
  }

  /// Whether an element belongs to a step.
  private func isMarked(_ mark: Segmenter.Mark, like type: TensorType) -> ValueID {
    let marks = localMarks[mark] ?? sequence(whole.mark(mark))
    localMarks[mark] = marks
    let all = builder.broadcast(marks, axes: [0], shape: type.shape)
    return builder.compare(.equal, all, builder.constant(1, like: all))
  }
}
