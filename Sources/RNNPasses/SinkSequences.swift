import RNNGraph

// sink-sequences: a sequence that is cheap to compute is computed by the loop that reads it, a step at a time.
//
//   %2 = one_hot %ids                       scan … sequences(%ids) {
//   scan … sequences(%2) {                    %2 = one_hot %id
//     … dot %element, %W                      … dot %2, %W
//   }                                       }
//
// Only where no work is done twice: when the loop is the only reader, or when it is no work at all, as a one-hot that
// is about to meet a product.

extension Pass {
  static let sinkSequences = Pass(
    name: "sink-sequences", summary: "move the computation of a cheap sequence into the loop that reads it"
  ) { graph in
    let counts = graph.useCounts()
    return graph.rebuild { rebuilder, id in
      let old = rebuilder.old
      guard let scan = ScanView(id, in: old), scan.isStepwise else { return false }
      let cheap = scan.sequences.map { sequence in
        sequence.isComputedPerStep(in: old, counts)
      }
      guard cheap.contains(true), var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
      let kept = draft.sequences
      draft.sequences = Interface(zip(kept, cheap).filter { !$1 }.map(\.0))
      var known: [ValueID: ScanDraft.Recipe] = [:]
      for (i, sequence) in scan.sequences.enumerated() where cheap[i] {
        draft.addRecipe(sequence, rebuilder, counts, &known)
        draft.definitions.append((scan.elements[i], known[sequence]!))
      }
      rebuilder.emit(draft)
      return true
    }
  }
}

extension ValueID {
  /// Whether the loop that reads the sequence had better compute it.
  fileprivate func isComputedPerStep(in graph: Graph, _ counts: [Int]) -> Bool {
    guard let id = graph.definingOperation(self) else { return false }
    let operation = graph[id]
    guard operation.kind.perStep(operation.operands.map { graph.type($0) }) != nil else { return false }
    if case .oneHot = operation.kind { return true }
    return counts[index] == 1
  }
}

extension ScanDraft {
  /// Finds how a step computes its element of a sequence.
  fileprivate mutating func addRecipe(
    _ sequence: ValueID, _ rebuilder: Rebuilder, _ counts: [Int], _ known: inout [ValueID: Recipe]
  ) {
    let old = rebuilder.old
    Graph.visit(
      sequence, isDone: { known[$0] != nil },
      needs: { value in
        guard value.isComputedPerStep(in: old, counts), let id = old.definingOperation(value) else {
          return []
        }
        if case .gather = old[id].kind { return [old[id].operands[1]] }
        return old[id].operands
      }, finish: { known[$0] = recipe($0, rebuilder, counts, known) })
  }

  private mutating func recipe(
    _ sequence: ValueID, _ rebuilder: Rebuilder, _ counts: [Int], _ known: [ValueID: Recipe]
  ) -> Recipe {
    let old = rebuilder.old
    let type = old.type(sequence)
    let element = type.with(shape: Array(type.shape.dropFirst()))
    guard let id = old.definingOperation(sequence) else { return addSequence(rebuilder[sequence]) }
    let operation = old[id]
    if case .constant(let number, _) = operation.kind {
      return recipe(.constant(number, element), [], operation.places)
    }
    if case .broadcast(let axes, let shape) = operation.kind, axes.first != 0 {
      let source = addInvariant(rebuilder[operation.operands[0]])
      if axes.count == shape.count - 1 { return source }
      return recipe(.broadcast(axes: axes.map { $0 - 1 }, shape: element.shape), [source], operation.places)
    }
    guard sequence.isComputedPerStep(in: old, counts),
      let kind = operation.kind.perStep(operation.operands.map { old.type($0) })
    else { return addSequence(rebuilder[sequence]) }
    if case .gather = kind {
      let table = addInvariant(rebuilder[operation.operands[0]])
      return recipe(kind, [table, known[operation.operands[1]]!], operation.places)
    }
    return recipe(kind, operation.operands.map { known[$0]! }, operation.places)
  }
}

extension OperationKind {
  /// The operation on one slice along the first axis that does what this one does on all, if it is cheap.
  func perStep(_ operands: [TensorType]) -> OperationKind? {
    switch self {
    case .unary, .binary, .compare, .select, .convert, .surrogate: return self
    case .oneHot: return operands[0].rank > 0 ? self : nil
    case .gather: return operands[1].rank > 0 ? self : nil
    case .broadcast(let axes, let shape):
      guard axes.first == 0 else { return nil }
      return .broadcast(axes: axes.dropFirst().map { $0 - 1 }, shape: Array(shape.dropFirst()))
    case .reshape(let shape):
      guard shape.first == operands[0].shape.first else { return nil }
      return .reshape(Array(shape.dropFirst()))
    case .transpose(let permutation):
      guard permutation.first == 0 else { return nil }
      return .transpose(permutation.dropFirst().map { $0 - 1 })
    case .slice(let axis, let start, let count, let anchor):
      return axis == 0 ? nil : .slice(axis: axis - 1, start: start, count: count, anchor: anchor)
    case .pad(let axis, let start, let to, let anchor):
      return axis == 0 ? nil : .pad(axis: axis - 1, start: start, to: to, anchor: anchor)
    case .concat(let axis): return axis == 0 ? nil : .concat(axis: axis - 1)
    case .reverse(let axis): return axis == 0 ? nil : .reverse(axis: axis - 1)
    case .reversePrefix, .random, .constant, .table, .size, .iota, .dot, .reduce, .scatterAdd, .scan:
      return nil
    }
  }
}
