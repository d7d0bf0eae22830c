import BitCollections
import RNNGraph

// split-scan-behind: costly work of a loop that no carry needs is done for all steps at once, behind it.
//
//   %9 = scan … carries(%0) {               %8 = scan … {
//     %2 = dot %g, %h  along the batch        … return %g
//     %3 = add %sum, %2                     }
//     … return %3                           %2 = dot %8, %hs  along steps and batch
//   }                                       %9 = add %0, %2
//
// Two sorts of work: sums over the steps (the gradients of weights), and products, with all that follows from them,
// of which only the stack over the steps is wanted (the gradients of inputs, the logits). The values that they read
// are stacked by the loop, unless they can be had outside. See note [Products of all steps] for those that stay.

extension Pass {
  static let splitBehind = Pass(
    name: "split-scan-behind", summary: "do costly work that no carry needs for all steps at once"
  ) { graph in
    let counts = graph.useCounts()
    return graph.rebuild { rebuilder, id in
      guard let scan = ScanView(id, in: rebuilder.old), scan.isStepwise, !scan.initials.isEmpty else {
        return false
      }
      var split = ScanSplit(scan, in: rebuilder.old, counts)
      guard split.hasWork, var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      split.chooseStacks()

      let outside = OutsideView(of: draft, in: rebuilder)
      let carries = draft.carries
      let moved = Set(split.accumulators.map(\.carry))
      draft.carries = draft.carries.indices.filter { !moved.contains($0) }.map { draft.carries[$0] }
      let movedOutputs = draft.outputs.filter { split.isMoved($0.value) }
      draft.outputs.removeAll { split.isMoved($0.value) }
      // What is stacked anew has no old result: it is known by its place.
      draft.outputs += split.stacks.map { .init(value: $0, results: []) }
      let stacked = rebuilder.emit(draft).outputs
      for (output, stack) in zip(draft.outputs, stacked) {
        outside.know(output.value, as: Lifted(value: stack, isStacked: true))
      }

      let builder = rebuilder.builder
      for accumulator in split.accumulators {
        let carry = carries[accumulator.carry]
        let sum = accumulator.terms.reduce(carry.initial) { sum, term in
          let total = outside.total(term.value)
          return builder.at(rebuilder.old.places(of: term.value)) {
            term.isNegative ? builder.subtract(sum, total) : builder.add(sum, total)
          }
        }
        if let result = carry.result { rebuilder.bind(result, to: sum) }
      }
      for output in movedOutputs {
        let stack = outside.lift.stacked(outside[output.value])
        for result in output.results { rebuilder.bind(result, to: stack) }
      }
      return true
    }
  }
}

/// Which part of a loop can stand behind it, and what has to be stacked for that.
private struct ScanSplit {
  let scan: ScanView
  let graph: Graph
  let accumulators: [Accumulator]
  /// The values of the body that are stacked in addition.
  private(set) var stacks: [ValueID] = []
  /// Values that are computed behind the loop.
  private var moved: BitSet
  /// Values that are stacked, or are about to be.
  private var stacked: Set<ValueID> = []
  private var visited: Set<ValueID> = []
  private var available: [ValueID: Bool] = [:]
  private let carryArguments: Set<ValueID>

  init(_ scan: ScanView, in graph: Graph, _ counts: [Int]) {
    self.scan = scan
    self.graph = graph
    carryArguments = Set(scan.carryArguments)
    accumulators = graph.accumulators(of: scan, counts)
    let sums = Set(accumulators.map(\.carry))
    let needed = graph.operationsNeeded(
      for: scan.nexts.indices.filter { !sums.contains($0) }.map { scan.nexts[$0] }, in: scan.body)
    moved = BitSet()
    let varying = graph.valuesDepending(on: scan.carryArguments + scan.elements, in: scan.body)
    for id in graph[scan.body].operations where !needed.contains(id.index) {
      let operation = graph[id]
      if isWorthMoving(operation, varying) || operation.operands.contains(where: { moved.contains($0.index) })
      {
        for result in operation.results { moved.insert(result.index) }
      }
    }
    for (value, stack) in zip(scan.outputs, scan.stacks) where counts[stack.index] > 0 {
      if !isMoved(value) { stacked.insert(value) }
    }
  }

  /// Whether it pays to do an operation behind the loop for its own sake, and not only behind another.
  private func isWorthMoving(_ operation: Operation, _ varying: BitSet) -> Bool {
    if case .reduce = operation.kind { return false }
    if case .dot = operation.kind { return operation.operands.contains { !varying.contains($0.index) } }
    return operation.kind.traits.contains(.costly)
  }

  func isMoved(_ value: ValueID) -> Bool { moved.contains(value.index) }

  var hasWork: Bool { !accumulators.isEmpty || scan.outputs.contains(where: isMoved) }

  mutating func chooseStacks() {
    for accumulator in accumulators {
      for term in accumulator.terms { require([.total(of: term.value)]) }
    }
    for value in scan.outputs where isMoved(value) { require([.steps(of: value)]) }
  }

  /// What is to be had outside.
  private enum Need {
    /// A value of every step.
    case steps(of: ValueID)
    /// The sum of a value over all steps.
    case total(of: ValueID)
  }

  /// Sees to it that what is needed can be had outside.
  private mutating func require(_ needs: [Need]) {
    var work = needs
    while let need = work.popLast() {
      switch need {
      case .steps(let value): work += sources(of: value).reversed().map { .steps(of: $0) }
      case .total(let value): work += sources(ofTotal: value).reversed()
      }
    }
  }

  /// What the sum of a value over all steps is computed of outside; mirrors `OutsideView.total`.
  private func sources(ofTotal value: ValueID) -> [Need] {
    guard let id = graph.definingOperation(value), !stacked.contains(value) else {
      return [.steps(of: value)]
    }
    let operation = graph[id]
    if operation.kind.traits.contains(.linear) { return operation.operands.map { .total(of: $0) } }
    if operation.kind.order == .any, operation.start == nil {
      return operation.operands.map { .steps(of: $0) }
    }
    return [.steps(of: value)]
  }

  /// What a value of every step is computed of outside; it is stacked if it is not computed there.
  private mutating func sources(of value: ValueID) -> [ValueID] {
    guard visited.insert(value).inserted, !stacked.contains(value), !isAvailable(value) else { return [] }
    if let id = graph.definingOperation(value), isMoved(value) || graph[id].kind.traits.contains(.free) {
      return graph[id].operands
    }
    stacked.insert(value)
    stacks.append(value)
    return []
  }

  /// Whether a value can be had outside without a new stack, and without doing a product twice.
  private mutating func isAvailable(_ value: ValueID) -> Bool {
    // The values that wait for their operands, and how many of these have been looked at.
    var open = [(value: value, next: 0)]
    var answer = true
    while let (value, next) = open.last {
      if next == 0, let known = stacked.contains(value) ? true : available[value] {
        answer = known
        open.removeLast()
        continue
      }
      if let id = graph.definingOperation(value) {
        if next == 0 { answer = !graph[id].kind.traits.contains(.costly) }
        if answer, next < graph[id].operands.count {
          open[open.count - 1].next += 1
          open.append((graph[id].operands[next], 0))
          continue
        }
      } else {
        answer = !carryArguments.contains(value)
      }
      available[value] = answer
      open.removeLast()
    }
    return answer
  }
}
