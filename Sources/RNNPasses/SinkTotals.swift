import RNNGraph

// sink-totals: a sum over all steps is added up by the loop that computes the terms.
//
//   %3, %4 = scan … { … yield %a, %b }      %5 = scan … carries(%0) {
//   %5 = multiply %3, %4                      %c = multiply %a, %b
//   %6 = reduce_sum %5 axes(0, 1)             %d = add %carry, %c
//                                             yield %d
//                                           }
//                                           %6 = reduce_sum %5 axes(0)
//
// Behind the loop, each stack would be read from memory once more. In the loop, the sums so far (one for each example and
// element) stay in cache, and cost a load and a store in each step. So this is done for totals of at least two stacks, or
// of one stack without another reader.

extension Pass {
  static let sinkTotals = Pass(
    name: "sink-totals", summary: "add up over all steps in the loop that computes the terms"
  ) { graph in
    let totals = graph.sunkTotals()
    if totals.isEmpty { return false }
    return graph.rebuild { rebuilder, id in
      guard let totals = totals[id], let scan = ScanView(id, in: rebuilder.old),
        var draft = ScanDraft(copying: id, in: rebuilder)
      else { return false }
      let builder = rebuilder.builder
      let places = Dictionary(zip(scan.stacks, scan.stacks.indices)) { first, _ in first }
      for total in totals {
        let term = rebuilder.old.perStep(
          total.terms,
          leaf: { leaf in
            places[leaf].map { .body(scan.outputs[$0]) } ?? draft.addSequence(rebuilder[leaf])
          }, operation: { draft.recipe($0, $1, $2) })
        let type = rebuilder.old.type(total.terms)
        let places = rebuilder.old.places(of: total.result)
        let zero = builder.at(places) {
          builder.constant(0, type.with(shape: Array(type.shape.dropFirst())))
        }
        draft.totals.append(.init(initial: zero, term: term, places: places))
      }
      let sums = rebuilder.emit(draft).carries.suffix(totals.count)
      for (total, sum) in zip(totals, sums) {
        let axes = total.axes.filter { $0 != 0 }.map { $0 - 1 }
        let places = rebuilder.old.places(of: total.result)
        let value = axes.isEmpty ? sum : builder.at(places) { builder.reduce(.sum, sum, axes: axes) }
        rebuilder.bind(total.result, to: value)
      }
      return true
    }
  }
}

/// A sum over steps that moves into a loop.
private struct SunkTotal {
  var result: ValueID
  /// What is summed up, and along which axes; the steps are the first one.
  var terms: ValueID
  var axes: [Int]
  /// The operations that compute it behind the loop.
  var operations: Set<OperationID> = []
  /// What they read, and what of that has as many axes as the terms.
  var leaves: Set<ValueID> = []
  var streams: Set<ValueID> = []
}

extension Graph {
  /// The totals to sink, by loop.
  fileprivate func sunkTotals() -> [OperationID: [SunkTotal]] {
    let users = users()
    let handedOut = Set(outputs.map(\.value))
    var place: [OperationID: Int] = [:]
    var found: [OperationID: [SunkTotal]] = [:]
    for (i, id) in self[RegionID.entry].operations.enumerated() {
      place[id] = i
      guard let total = total(id) else { continue }
      let sources = total.leaves.compactMap(definingOperation)
      // What a loop hands out is added up there, the last one's if there are several.
      guard let last = sources.max(by: { place[$0]! < place[$1]! }), case .scan(let scan) = self[last].kind,
        scan.segments == nil, total.leaves.isDisjoint(with: self[last].results.prefix(scan.carries))
      else { continue }
      found[last, default: []].append(total)
    }
    for loop in found.keys {
      var totals = found[loop]!
      while true {
        let operations = totals.reduce(into: Set<OperationID>()) { $0.formUnion($1.operations) }
        let paying = totals.filter { total in
          total.streams.count >= 2
            || total.streams.contains {
              !handedOut.contains($0) && users[$0.index].allSatisfy(operations.contains)
            }
        }
        if paying.count == totals.count { break }
        totals = paying
      }
      found[loop] = totals.isEmpty ? nil : totals
    }
    return found
  }

  /// A sum over steps whose terms are cheap to compute a step at a time.
  private func total(_ id: OperationID) -> SunkTotal? {
    guard case .reduce(.sum, let axes, .any) = self[id].kind, axes.contains(0), self[id].start == nil,
      let terms = self[id].operands.first, let steps = type(terms).shape.first, steps.symbol != nil
    else { return nil }
    var total = SunkTotal(result: self[id].result, terms: terms, axes: axes, operations: [id])
    var work = [terms]
    while let value = work.popLast() {
      guard let inside = cheapTerm(value) else {
        if type(value).shape.first != steps { return nil }
        total.leaves.insert(value)
        if type(value).rank == type(terms).rank { total.streams.insert(value) }
        continue
      }
      if total.operations.insert(inside).inserted { work += self[inside].operands }
      // A few operations may be done again; more would be better done once.
      if total.operations.count > 8 { return nil }
    }
    return total
  }

  /// The operation that computes a value for all steps, if it is arithmetic on values of all steps.
  private func cheapTerm(_ value: ValueID) -> OperationID? {
    guard let id = definingOperation(value) else { return nil }
    let kind = self[id].kind
    if case .constant = kind { return id }
    if case .broadcast(let axes, _) = kind { return axes.first == 0 ? id : nil }
    // A division takes longer than others, but not as long as a stack that is read from far memory.
    if case .binary = kind { return id }
    return kind.traits.contains(.cheap) ? id : nil
  }

  /// How a step computes its part of `value`, where `leaf` tells how it has what no cheap operation computes.
  fileprivate func perStep(
    _ value: ValueID, leaf: (ValueID) -> ScanDraft.Recipe,
    operation make: (OperationKind, [ScanDraft.Recipe], SourcePlaces) -> ScanDraft.Recipe
  ) -> ScanDraft.Recipe {
    var known: [ValueID: ScanDraft.Recipe] = [:]
    Graph.visit(
      value, isDone: { known[$0] != nil }, needs: { cheapTerm($0).map { self[$0].operands } ?? [] },
      finish: { value in
        guard let id = cheapTerm(value) else { return known[value] = leaf(value) }
        let operation = self[id]
        if case .constant(let number, let type) = operation.kind {
          known[value] = make(
            .constant(number, type.with(shape: Array(type.shape.dropFirst()))), [], operation.places)
          return
        }
        guard let kind = operation.kind.perStep(operation.operands.map { type($0) }) else {
          preconditionFailure("\(operation.kind) is not done a step at a time")
        }
        known[value] = make(kind, operation.operands.map { known[$0]! }, operation.places)
      })
    return known[value]!
  }
}
