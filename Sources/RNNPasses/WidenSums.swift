import RNNGraph

// widen-totals: a long sum of f32 is made in f64 and rounded once.
//
//   %1 = reduce_sum %0 axes(0, 1)        %1 = convert %0 : f64[T, B, 8]
//                                        %2 = reduce_sum %1 axes(0, 1) : f64[8]
//                                        %3 = convert %2 : f32[8]
//
// widen-sums: the same for every sum that grows with the number of steps, products and the totals of loops among them.
//
//   %2 = dot %a, %b contract(0; 0)       %2 = dot %a, %b contract(0; 0) wide : f64[8, 8]
//                                        %3 = convert %2 : f32[8, 8]
//
// Note [Long sums]: each addition in f32 loses up to 2⁻²⁴ of the sum so far, so a million terms of one sign may lose a
// hundredth. Totals outside of loops are bound by memory, and cost nothing more in f64. Products cost twice as much, so
// they are summed in f32 while there are few terms, and by another program, made when it is first needed, where there are
// more (`Execution`). In either program a term is added to the sum before it, one after the other: how the steps are cut
// into segments changes no bit.

extension Pass {
  static let widenTotals = Pass(
    name: "widen-totals", summary: "add up long totals outside of loops in f64"
  ) { graph in
    graph.rebuild { rebuilder, id in
      rebuilder.builder.region == .entry && rebuilder.widenTotal(id)
    }
  }

  static let widenSums = Pass(
    name: "widen-sums", summary: "add up all that grows with the number of steps in f64"
  ) { graph in
    let counts = graph.useCounts()
    return graph.rebuild { rebuilder, id in
      let kind = rebuilder.old[id].kind
      if case .reduce = kind { return rebuilder.widenTotal(id) }
      if case .dot(let axes) = kind { return rebuilder.widenProduct(id, axes) }
      if case .scatterAdd = kind { return rebuilder.widenScatter(id) }
      return rebuilder.widenCarries(id, counts)
    }
  }
}

extension Rebuilder {
  /// A total of so many elements, or of an open number, is long.
  private static let longTotal = 1 << 14

  private func isNarrow(_ value: ValueID) -> Bool { old.type(value).element == .f32 }

  private func hasSteps(_ value: ValueID, _ axes: some Sequence<Int>) -> Bool {
    axes.contains { old.type(value).shape[$0].symbol.map { $0 != .batch } ?? false }
  }

  private func wide(_ value: ValueID) -> ValueID { builder.convert(value, to: .f64) }

  private func bind(_ old: ValueID, toWide sum: ValueID) { bind(old, to: builder.convert(sum, to: .f32)) }

  fileprivate func widenTotal(_ id: OperationID) -> Bool {
    let operation = old[id]
    guard case .reduce(.sum, let axes, _) = operation.kind, operation.start == nil, isNarrow(operation.result)
    else { return false }
    let extents = axes.map { old.type(operation.operands[0]).shape[$0].fixed }
    let count = extents.contains(nil) ? Self.longTotal : extents.reduce(1) { $0 * ($1 ?? 1) }
    guard count >= Self.longTotal else { return false }
    bind(operation.result, toWide: builder.add(operation.kind, [wide(self[operation.operands[0]])])[0])
    return true
  }

  fileprivate func widenProduct(_ id: OperationID, _ axes: DotAxes) -> Bool {
    let operation = old[id]
    guard operation.start == nil, isNarrow(operation.result),
      hasSteps(operation.operands[0], axes.lhsContracting)
    else { return false }
    var axes = axes
    axes.isWide = true
    bind(
      operation.result, toWide: builder.dot(self[operation.operands[0]], self[operation.operands[1]], axes))
    return true
  }

  fileprivate func widenScatter(_ id: OperationID) -> Bool {
    let operation = old[id]
    let ids = operation.operands[0]
    guard operation.start == nil, isNarrow(operation.result), hasSteps(ids, old.type(ids).shape.indices)
    else { return false }
    let sum = builder.add(operation.kind, [self[ids], wide(self[operation.operands[1]])])[0]
    bind(operation.result, toWide: sum)
    return true
  }

  /// Carries that a step only adds to become totals in `f64`.
  fileprivate func widenCarries(_ id: OperationID, _ counts: [Int]) -> Bool {
    guard var draft = ScanDraft(copying: id, in: self) else { return false }
    var widened: [ValueID] = []
    draft.carries = draft.carries.filter { carry in
      guard let argument = carry.argument, let final = carry.result, isNarrow(argument),
        counts[argument.index] == 1, counts[carry.next.index] == 1,
        let addition = old.definingOperation(carry.next), case .binary(.add) = old[addition].kind,
        let place = old[addition].operands.firstIndex(of: argument)
      else { return true }
      let places = old[addition].places
      let term = draft.recipe(.convert(.f64), [.body(old[addition].operands[1 - place])], places)
      draft.totals.append(.init(initial: wide(carry.initial), term: term, places: places))
      widened.append(final)
      return false
    }
    if widened.isEmpty { return false }
    for (final, sum) in zip(widened, emit(draft).carries.suffix(widened.count)) { bind(final, toWide: sum) }
    return true
  }
}
