import RNNGraph

// stack-carries: a concatenation that a loop carries is stacked by the loop, not put together again behind it.
//
//   %3, %4 = scan … carries(%0) {           %3, %4, %5 = scan … {
//     %c = concat %a, %b                      …
//     yield %c, %a                            yield %c, %a, %c
//   }                                       }
//   %5 = concat %4, %7
//
// Here %7 computes %b for all steps. A carry that is stacked, too, is stored once, right in the stack. Otherwise its parts
// are stored for the next step, and read and stored again behind the loop.

extension Pass {
  static let stackCarries = Pass(
    name: "stack-carries", summary: "stack what a loop carries instead of putting it together again"
  ) { graph in
    let repeated = graph.repeatedConcatenations()
    return graph.rebuild { rebuilder, id in
      guard let repeated = repeated[id], var draft = ScanDraft(copying: id, in: rebuilder) else {
        return false
      }
      for (outer, inner) in repeated { draft.outputs.append(.init(value: inner, results: [outer])) }
      rebuilder.emit(draft)
      return true
    }
  }
}

extension Graph {
  /// By scan, the concatenations behind it that it carries, each with the value of the body that it repeats.
  fileprivate func repeatedConcatenations() -> [OperationID: [(outer: ValueID, inner: ValueID)]] {
    var views: [(id: OperationID, view: BodyView)] = []
    // By value, the views that know it as a stack.
    var knowing: [ValueID: [Int]] = [:]
    var found: [OperationID: [(outer: ValueID, inner: ValueID)]] = [:]
    for id in self[RegionID.entry].operations {
      if let scan = ScanView(id, in: self) {
        guard carriesConcatenation(scan) else { continue }
        let view = BodyView(scan, in: self)
        for outer in view.inner.keys { knowing[outer, default: []].append(views.count) }
        views.append((id, view))
        continue
      }
      let operands = self[id].operands
      guard let stack = operands.first(where: { constant($0) == nil }) ?? operands.first else { continue }
      for place in knowing[stack, default: []] {
        guard let inner = views[place].view.recognize(id, in: self) else { continue }
        knowing[self[id].result, default: []].append(place)
        if case .concat = self[id].kind, views[place].view.nexts.contains(inner) {
          found[views[place].id, default: []].append((self[id].result, inner))
        }
      }
    }
    return found
  }

  private func carriesConcatenation(_ scan: ScanView) -> Bool {
    scan.nexts.contains { if case .concat? = definingKind($0) { true } else { false } }
  }
}

/// What values outside of a loop are the stacks of which values of its body.
private struct BodyView {
  /// What the body does to an operand: a value of the body, or a constant.
  enum Operand: Hashable {
    case value(ValueID)
    case constant(Double)
  }

  struct Expression: Hashable {
    var kind: OperationKind
    var operands: [Operand]

    init(_ kind: OperationKind, _ operands: [Operand]) {
      self.kind = kind
      self.operands = operands
      if kind.isCommutative, operands.count == 2, case .value(let a) = operands[0],
        case .value(let b) = operands[1], b < a
      {
        self.operands.swapAt(0, 1)
      }
    }
  }

  let nexts: Set<ValueID>
  private(set) var inner: [ValueID: ValueID]
  private var computed: [Expression: ValueID] = [:]

  init(_ scan: ScanView, in graph: Graph) {
    nexts = Set(scan.nexts)
    inner = Dictionary(zip(scan.sequences, scan.elements)) { first, _ in first }
    for (stack, value) in zip(scan.stacks, scan.outputs) { inner[stack] = value }
    let steps = Dimension.symbol(scan.attributes.steps)
    for id in graph[scan.body].operations {
      guard let kind = graph[id].kind.lifted(over: steps) else { continue }
      let operands = graph[id].operands.map { graph.constant($0).map(Operand.constant) ?? .value($0) }
      computed[Expression(kind, operands)] = graph[id].result
    }
  }

  /// The value of the body that an operation outside computes for all steps, if there is one; it is known from then on.
  mutating func recognize(_ id: OperationID, in graph: Graph) -> ValueID? {
    let operation = graph[id]
    var operands: [Operand] = []
    for operand in operation.operands {
      if let value = inner[operand] {
        operands.append(.value(value))
      } else if let number = graph.constant(operand) {
        operands.append(.constant(number))
      } else {
        return nil
      }
    }
    guard !operands.isEmpty, let value = computed[Expression(operation.kind, operands)] else { return nil }
    inner[operation.result] = value
    return value
  }
}

extension Graph {
  /// The number that every element of a value is, if it is a constant.
  fileprivate func constant(_ value: ValueID) -> Double? {
    if case .constant(let number, _)? = definingKind(value) { number } else { nil }
  }
}
