import RNNGraph

/// A copy of a graph in which other values stand in place of some, without what nothing needs any more.
///
/// It uses no pass: the fault that is looked for may be one of a pass.
struct GraphCopy {
  /// What can stand in place of a value.
  enum Substitute {
    /// Another value of the same type, which is defined earlier in the same region.
    case value(ValueID)
    /// The same number everywhere.
    case constant
    /// A new input; only in the entry region.
    case input
  }

  /// Outputs that are left out.
  var dropped: Set<Int> = []
  /// Outputs that become plain ones.
  var plain: Set<Int> = []
  /// Outputs that become plain ones of another value in the entry region.
  var moved: [Int: ValueID] = [:]
  /// Scans in whose place their body stands once.
  var inlined: Set<OperationID> = []
  /// What stands in place of values.
  var substitutes: [ValueID: Substitute] = [:]

  private let old: Graph

  init(of graph: Graph) { old = graph }

  /// Makes the copy.
  func run() -> Graph {
    let kept = old.outputs.enumerated().filter { !dropped.contains($0.offset) }.map { i, output -> Output in
      if let value = moved[i] { return output.plain(value) }
      return plain.contains(i) ? output.plain(output.value) : output
    }
    return Writer(old, self, kept, live(for: kept)).run()
  }

  /// The value that stands for another one.
  fileprivate func resolved(_ value: ValueID) -> ValueID {
    var value = value
    while case .value(let other)? = substitutes[value] { value = other }
    return value
  }

  /// What some outputs need, with what is put in its place, but not with what is needed in the places of others.
  private func live(for outputs: [Output]) -> Set<ValueID> {
    var live: Set<ValueID> = []
    var work: [ValueID] = []
    func mark(_ value: ValueID) {
      let value = resolved(value)
      if live.insert(value).inserted { work.append(value) }
    }
    /// A carry needs what it starts from and its next value, even where nothing reads it in the body.
    func markCarry(_ carry: Int, of id: OperationID, _ scan: ScanAttributes) {
      mark(old[id].operands[scan.invariants + carry])
      mark(old[scan.body].results[carry])
    }
    for output in outputs {
      mark(output.value)
      if let input = output.role.inputName.flatMap({ old.input(named: $0) }) { mark(input.value) }
    }
    while let value = work.popLast() {
      if substitutes[value] != nil { continue }
      switch old[value].definition {
      case .result(let id, let index):
        guard case .scan(let scan) = old[id].kind else {
          for operand in old[id].operands { mark(operand) }
          continue
        }
        if index < scan.carries {
          markCarry(index, of: id, scan)
        } else {
          mark(old[scan.body].results[index])
        }
      case .argument(let region, let index):
        guard let owner = old[region].owner, case .scan(let scan) = old[owner].kind else { continue }
        let carry = index - scan.invariants
        if (0..<scan.carries).contains(carry) {
          markCarry(carry, of: owner, scan)
        } else {
          mark(old[owner].operands[index])
        }
      }
    }
    return live
  }
}

/// Writes the new graph.
private final class Writer {
  private let old: Graph
  private let copy: GraphCopy
  private let outputs: [Output]
  private let live: Set<ValueID>
  private let builder: GraphBuilder
  private var map: [ValueID: ValueID] = [:]

  init(_ old: Graph, _ copy: GraphCopy, _ outputs: [Output], _ live: Set<ValueID>) {
    self.old = old
    self.copy = copy
    self.outputs = outputs
    self.live = live
    builder = GraphBuilder(Graph(name: old.name))
  }

  func run() -> Graph {
    for input in old.inputs where live.contains(input.value) {
      guard copy.substitutes[input.value] == nil || isNamed(input.name) else { continue }
      map[input.value] = builder.graph.addInput(input, of: old)
    }
    for input in old.inputs { substitute(input.value) }
    for id in old[.entry].operations { emit(id) }
    for output in outputs { builder.graph.addOutput(output, new(output.value)) }
    return builder.graph
  }

  /// Whether an output belongs to the input of this name.
  private func isNamed(_ input: String) -> Bool { outputs.contains { $0.role.inputName == input } }

  private func new(_ value: ValueID) -> ValueID {
    guard let new = map[copy.resolved(value)] else { preconditionFailure("nothing stands for \(value)") }
    return new
  }

  /// Makes what stands in place of a value, if it is something new.
  private func substitute(_ value: ValueID) {
    guard live.contains(value), map[value] == nil else { return }
    let type = old.type(value)
    switch copy.substitutes[value] {
    case .constant: map[value] = constant(type)
    case .input: map[value] = input(for: value, type)
    case .value, nil: return
    }
  }

  /// A number that is inside of any limit.
  private func constant(_ type: TensorType) -> ValueID {
    builder.constant(type.element.isFloat ? 0.5 : 0, type)
  }

  private func input(for value: ValueID, _ type: TensorType) -> ValueID {
    var name = "v\(value.index)"
    while old.input(named: name) != nil { name += "_" }
    return builder.graph.addInput(name, role: .data, type)
  }

  private func emit(_ id: OperationID) {
    let operation = old[id]
    for result in operation.results { substitute(result) }
    let wanted = operation.results.filter { live.contains($0) && copy.substitutes[$0] == nil }
    guard !wanted.isEmpty else { return }
    let outside = builder.places
    builder.places = operation.places
    defer { builder.places = outside }
    if case .scan(let scan) = operation.kind {
      return copy.inlined.contains(id) ? inline(scan, operation) : emit(scan, operation)
    }
    let new = builder.copy(operation, of: old, on: operation.operands.map { self.new($0) })
    for (result, value) in zip(operation.results, new) { map[result] = value }
  }

  /// Writes one step of a scan. Elements of sequences are new inputs, and so are carries that start from a constant: in
  /// later steps nothing is known of them.
  private func inline(_ scan: ScanAttributes, _ operation: Operation) {
    let body = old[scan.body]
    for (i, argument) in body.arguments.enumerated() where live.contains(argument) {
      if copy.substitutes[argument] != nil {
        substitute(argument)
      } else if i < scan.invariants
        || i < scan.invariants + scan.carries && !isConstant(operation.operands[i])
      {
        map[argument] = new(operation.operands[i])
      } else if builder.region == .entry {
        map[argument] = input(for: argument, old.type(argument))
      } else {
        map[argument] = constant(old.type(argument))
      }
    }
    for id in body.operations { emit(id) }
    for (i, result) in operation.results.enumerated() where live.contains(result) && map[result] == nil {
      let value = new(body.results[i])
      map[result] = i < scan.carries ? value : builder.broadcast(value, leading: [.symbol(scan.steps)])
    }
  }

  private func isConstant(_ value: ValueID) -> Bool {
    if case .constant? = old.definingKind(copy.resolved(value)) { true } else { false }
  }

  private func emit(_ scan: ScanAttributes, _ operation: Operation) {
    let body = old[scan.body]
    func isWanted(_ value: ValueID) -> Bool { live.contains(value) && copy.substitutes[value] == nil }
    let first = scan.invariants + scan.carries
    let invariants = (0..<scan.invariants).filter { isWanted(body.arguments[$0]) }
    let carries = (0..<scan.carries).filter {
      isWanted(body.arguments[scan.invariants + $0]) || isWanted(operation.results[$0])
    }
    let sequences = (first..<body.arguments.count).filter { isWanted(body.arguments[$0]) }
    let stacks = (scan.carries..<operation.results.count).filter { isWanted(operation.results[$0]) }
    let results = builder.scan(
      scan.stepping,
      invariants: invariants.map { new(operation.operands[$0]) },
      carries: carries.map { new(operation.operands[scan.invariants + $0]) },
      sequences: sequences.map { new(operation.operands[$0]) }
    ) { newInvariants, newCarries, newElements in
      for (i, value) in zip(invariants, newInvariants) { map[body.arguments[i]] = value }
      for (i, value) in zip(carries, newCarries) {
        let argument = body.arguments[scan.invariants + i]
        if copy.substitutes[argument] == nil { map[argument] = value }
      }
      for (i, value) in zip(sequences, newElements) { map[body.arguments[i]] = value }
      for argument in body.arguments { substitute(argument) }
      for id in body.operations { emit(id) }
      return (carries.map { new(body.results[$0]) }, stacks.map { new(body.results[$0]) })
    }
    for (i, value) in zip(carries, results.carries) where map[operation.results[i]] == nil {
      map[operation.results[i]] = value
    }
    for (i, value) in zip(stacks, results.outputs) { map[operation.results[i]] = value }
  }
}
