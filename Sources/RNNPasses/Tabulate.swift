import BitCollections
import RNNGraph

// tabulate: what a loop computes of a token alone is computed once for every token that there is.
//
//   scan … sequences(one_hot %ids) {       %2 = transpose %W           a row for each token
//     %2 = dot %element, %W                %3 = f(%2)
//     %3 = f(%2)                           %4 = gather %3, %ids
//     … add %3, %5                         scan … sequences(%4) {
//                                            … add %element, %5
//
// It runs before differentiation, so the derivative of f is computed for each token, too, and not for each example and
// step. A product alone is left to `one-hot`.

extension Pass {
  /// - Parameter batch: How many examples there are at once; a table should have fewer rows than these have steps.
  static func tabulate(batch: Int) -> Pass {
    Pass(name: "tabulate", summary: "compute what depends on a token alone once for every token") { graph in
      graph.rebuild { rebuilder, id in
        guard let scan = ScanView(id, in: rebuilder.old), scan.isStepwise else { return false }
        let tables = zip(scan.sequences, scan.elements).compactMap { sequence, element in
          Tokens(sequence, in: rebuilder.old).flatMap { tokens in
            tokens.count <= 16 * batch
              ? TokenFunctions(of: element, tokens, scan, in: rebuilder.old) : nil
          }
        }
        guard !tables.isEmpty, var draft = ScanDraft(copying: id, in: rebuilder) else { return false }
        for functions in tables {
          let ids = rebuilder[functions.tokens.ids]
          for (value, table) in functions.tables(in: rebuilder, draft) {
            let rows = rebuilder.builder.at(rebuilder.old.places(of: value)) {
              rebuilder.builder.gather(table, ids)
            }
            draft.sequences.append(.init(outer: rows, inner: value))
          }
        }
        rebuilder.emit(draft)
        return true
      }
    }
  }
}

/// A sequence that is a row of something for each token.
private struct Tokens {
  let ids: ValueID
  /// How many tokens there are.
  let count: Int
  /// The rows by token; nil if they are those of the identity matrix.
  let rows: ValueID?

  init?(_ sequence: ValueID, in graph: Graph) {
    guard let id = graph.definingOperation(sequence) else { return nil }
    if case .oneHot(let extent, _) = graph[id].kind {
      (count, rows) = (extent, nil)
    } else {
      guard case .gather = graph[id].kind else { return nil }
      let table = graph[id].operands[0]
      guard graph.type(table).rank == 2, let extent = graph.type(table).shape[0].fixed else { return nil }
      (count, rows) = (extent, table)
    }
    ids = graph[id].operands.last!
    // One token for each example; an id that is no token gives zeros, and that is no row of a table.
    let shape = graph.type(sequence).shape
    guard shape.count == 3, shape[1] == .batch, graph.idLimit(of: ids).map({ $0 <= count }) ?? false
    else { return nil }
  }
}

extension Graph {
  /// What all numbers of a value are below, if they are ids that the caller gives.
  fileprivate func idLimit(of value: ValueID) -> Int? {
    var value = value
    while let id = definingOperation(value) {
      guard self[id].kind.traits.contains(.moving) else { return nil }
      value = self[id].operands[0]
    }
    guard case .argument(.entry, let place) = self[value].definition else { return nil }
    return inputs[place].idLimit
  }
}

/// What a loop's body computes of one token: for each example by itself, and with nothing else that examples differ in.
private struct TokenFunctions {
  let tokens: Tokens
  private let old: Graph
  private let element: ValueID
  /// The functions that the rest of the body reads.
  private let results: [ValueID]

  /// Finds the functions; nil if there are none that a table would save.
  init?(of element: ValueID, _ tokens: Tokens, _ scan: ScanView, in old: Graph) {
    var functions = BitSet(), uniform = BitSet()
    for value in scan.invariantArguments where !old.type(value).shape.contains(.batch) {
      uniform.insert(value.index)
    }
    for id in old[scan.body].operations {
      let operation = old[id]
      let operands = operation.operands
      let isFunction = operands.contains { $0 == element || functions.contains($0.index) }
      guard
        operands.allSatisfy({ $0 == element || functions.contains($0.index) || uniform.contains($0.index) }),
        old.keepsRows(id)
      else { continue }
      if tokens.rows == nil, operands.contains(element) {
        // A row of the identity picks one of the other factor.
        guard case .dot(let axes) = operation.kind, operands[0] == element, axes.lhsContracting == [1] else {
          continue
        }
      }
      for result in operation.results {
        if isFunction { functions.insert(result.index) } else { uniform.insert(result.index) }
      }
    }
    // A row is repeated where it is read.
    var tabulated = functions
    for id in old[scan.body].operations {
      if case .broadcast = old[id].kind { tabulated.remove(old[id].result.index) }
    }
    results = old.valuesRead(by: scan, from: tabulated)
    let needed = old.operationsNeeded(for: results, in: scan.body)
    let saves = old[scan.body].operations.contains { id in
      needed.contains(id.index) && old[id].results.contains { functions.contains($0.index) }
        && !old[id].kind.traits.contains(.free)
        && !(tokens.rows == nil && old[id].operands.contains(element))
    }
    guard saves else { return nil }
    (self.tokens, self.old, self.element) = (tokens, old, element)
  }

  /// The functions of all tokens, in front of the loop.
  func tables(in rebuilder: Rebuilder, _ draft: ScanDraft) -> [(value: ValueID, table: ValueID)] {
    let builder = rebuilder.builder
    var known: [ValueID: ValueID] = [:]
    for entry in draft.invariants {
      if let inner = entry.inner { known[inner] = entry.outer }
    }
    if let rows = tokens.rows { known[element] = rebuilder[rows] }
    func operation(_ value: ValueID) -> Operation {
      guard let id = old.definingOperation(value) else {
        preconditionFailure("\(value) is no function of a token")
      }
      return old[id]
    }
    /// A product that picks a row for each token, by what it picks from.
    func picked(_ operation: Operation) -> (factor: ValueID, axes: DotAxes)? {
      guard tokens.rows == nil, operation.operands.first == element, case .dot(let axes) = operation.kind
      else { return nil }
      return (operation.operands[1], axes)
    }
    return results.map { value in
      Graph.visit(
        value, isDone: { known[$0] != nil },
        needs: { picked(operation($0)).map { [$0.factor] } ?? operation($0).operands },
        finish: { value in
          let operation = operation(value)
          known[value] = builder.at(operation.places) {
            if let (factor, axes) = picked(operation) {
              let table = known[factor]!
              let rest = axes.rhsFree(rank: builder.type(table).rank)
              return builder.transpose(table, axes.rhsContracting + rest)
            }
            let operands = operation.operands.map { known[$0]! }
            return builder.add(operation.kind.over(.fixed(tokens.count), insteadOf: .batch), operands)[0]
          }
        })
      return (value, known[value]!)
    }
  }
}

extension Graph {
  /// Whether an operation computes each row of its result, along a first axis of examples, of the same rows of its
  /// operands, and the same for all examples of operands without such an axis.
  fileprivate func keepsRows(_ id: OperationID) -> Bool {
    let operation = self[id]
    let types = (operation.operands + operation.results).map(type)
    guard operation.results.count == 1, !types.contains(where: { $0.shape.dropFirst().contains(.batch) })
    else { return false }
    let hasRows = types.map { $0.shape.first == .batch }
    let first = hasRows.first ?? false
    switch operation.kind {
    case .constant, .table, .unary, .binary, .compare, .select, .convert, .surrogate(.stop),
      .surrogate(.straightThrough):
      return true
    // Clipping the sum of some adjoints is not the same as adding up clipped ones.
    case .surrogate(.clip): return false
    case .size(let symbols, _): return !symbols.contains(.batch)
    case .iota: return !first
    case .dot(let axes):
      return !hasRows[1] && (!first || (axes.lhsBatch.isEmpty && !axes.lhsContracting.contains(0)))
    case .reduce(_, let axes, _): return !first || !axes.contains(0)
    case .broadcast(let axes, _): return first ? axes.first == 0 : !hasRows[1] || !axes.contains(0)
    case .reshape: return first == hasRows[1]
    case .transpose(let permutation): return !first || permutation[0] == 0
    case .slice(let axis, _, _, _), .pad(let axis, _, _, _), .reverse(let axis), .concat(let axis):
      return !hasRows.contains(true) || axis != 0
    case .random, .reversePrefix, .oneHot, .gather, .scatterAdd, .scan: return false
    }
  }
}
