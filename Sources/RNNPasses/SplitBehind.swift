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
// are stacked by the loop, unless they can be had outside.

extension Pass {
  static let splitBehind = Pass(
    name: "split-scan-behind", summary: "do costly work that no carry needs for all steps at once"
  ) { graph in
    let counts = graph.useCounts()
    return graph.rebuild { rebuilder, id in
      guard let scan = ScanView(id, in: rebuilder.old), !scan.initials.isEmpty else { return false }
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
          return term.isNegative ? builder.subtract(sum, total) : builder.add(sum, total)
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

  init(_ scan: ScanView, in graph: Graph, _ counts: [Int]) {
    self.scan = scan
    self.graph = graph
    accumulators = graph.accumulators(of: scan, counts)
    let sums = Set(accumulators.map(\.carry))
    let needed = graph.operationsNeeded(
      for: scan.nexts.indices.filter { !sums.contains($0) }.map { scan.nexts[$0] }, in: scan.body)
    moved = BitSet()
    for id in graph[scan.body].operations where !needed.contains(id.index) {
      let operation = graph[id]
      let isProduct =
        switch operation.kind {
        case .dot, .scan, .scatterAdd: true
        default: false
        }
      if isProduct || operation.operands.contains(where: { moved.contains($0.index) }) {
        for result in operation.results { moved.insert(result.index) }
      }
    }
    for (value, stack) in zip(scan.outputs, scan.stacks) where counts[stack.index] > 0 {
      if !isMoved(value) { stacked.insert(value) }
    }
  }

  func isMoved(_ value: ValueID) -> Bool { moved.contains(value.index) }

  var hasWork: Bool { !accumulators.isEmpty || scan.outputs.contains(where: isMoved) }

  mutating func chooseStacks() {
    for accumulator in accumulators {
      for term in accumulator.terms { requireTotal(term.value) }
    }
    for value in scan.outputs where isMoved(value) { require(value) }
  }

  /// Sees to it that the sum of a value over all steps can be computed outside; mirrors `OutsideView.total`.
  private mutating func requireTotal(_ value: ValueID) {
    guard let id = graph.definingOperation(value), !stacked.contains(value) else { return require(value) }
    switch graph[id].kind {
    case .dot, .scatterAdd, .reduce(.sum, _):
      for operand in graph[id].operands { require(operand) }
    case let kind where kind.isLinear:
      for operand in graph[id].operands { requireTotal(operand) }
    default: require(value)
    }
  }

  /// Sees to it that a value of every step can be had outside.
  private mutating func require(_ value: ValueID) {
    guard visited.insert(value).inserted, !stacked.contains(value), !isAvailable(value) else { return }
    if let id = graph.definingOperation(value), isMoved(value) || graph[id].kind.isFree {
      for operand in graph[id].operands { require(operand) }
    } else {
      stacked.insert(value)
      stacks.append(value)
    }
  }

  /// Whether a value can be had outside without a new stack, and without doing a product twice.
  private mutating func isAvailable(_ value: ValueID) -> Bool {
    if stacked.contains(value) { return true }
    if let known = available[value] { return known }
    let isAvailable: Bool
    if let id = graph.definingOperation(value) {
      isAvailable =
        !graph[id].kind.isCostly && graph[id].operands.allSatisfy { self.isAvailable($0) }
    } else {
      isAvailable = !scan.carryArguments.contains(value)
    }
    available[value] = isAvailable
    return isAvailable
  }
}
