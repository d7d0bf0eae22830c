import RNNGraph

/// A value of a loop's body as it is known outside of the loop: the values of all steps, stacked along a new first
/// axis, or one value if it is the same in every step.
struct Lifted {
  var value: ValueID
  var isStacked: Bool
}

/// Makes operations of a loop's body outside of the loop, for all steps at once.
struct Lift {
  let builder: GraphBuilder
  /// The extent of the new first axis.
  let steps: Dimension

  /// Does in one operation what another does in every step.
  func operation(_ operation: Operation, _ operands: [Lifted], in graph: Graph) -> [Lifted] {
    builder.at(operation.places) { self.operation(operation.kind, operands, in: graph) }
  }

  private func operation(_ kind: OperationKind, _ operands: [Lifted], in graph: Graph) -> [Lifted] {
    if case .scan(let attributes) = kind { return scan(attributes, operands, in: graph) }
    if !operands.contains(where: \.isStacked) {
      return builder.add(kind, operands.map(\.value)).map { Lifted(value: $0, isStacked: false) }
    }
    if let lifted = kind.lifted(over: steps) { return [one(lifted, operands)] }
    if case .gather = kind { return [gather(operands[0], operands[1])] }
    if case .dot(let axes) = kind {
      return [dot(axes, operands[0], operands[1], from: operands.dropFirst(2).first)]
    }
    guard case .scatterAdd(let extent, let order) = kind else {
      preconditionFailure("\(kind) has no operands")
    }
    return [scatterAdd(extent, order, operands[0], operands[1], from: operands.dropFirst(2).first)]
  }

  /// A lifted value with the axis of steps, repeated along it if need be.
  func stacked(_ lifted: Lifted) -> ValueID {
    lifted.isStacked ? lifted.value : builder.broadcast(lifted.value, leading: [steps])
  }

  /// The sum of a lifted value over all steps.
  func total(_ lifted: Lifted) -> ValueID {
    if lifted.isStacked { return builder.reduce(.sum, lifted.value, axes: [0]) }
    return repeated(lifted.value)
  }

  /// The sum over all steps of the product that the body computes in each.
  func totalOfDot(_ axes: DotAxes, _ a: Lifted, _ b: Lifted) -> ValueID {
    guard a.isStacked || b.isStacked else { return repeated(builder.dot(a.value, b.value, axes)) }
    guard a.isStacked, b.isStacked else {  // the factor that stays the same is taken out of the sum
      return builder.dot(
        a.isStacked ? total(a) : a.value, b.isStacked ? total(b) : b.value, axes)
    }
    var axes = axes.shifted(lhs: true, rhs: true)
    axes.lhsContracting.insert(0, at: 0)
    axes.rhsContracting.insert(0, at: 0)
    return builder.dot(a.value, b.value, axes)
  }

  /// The sum over all steps of a scatter-add.
  func totalOfScatterAdd(_ extent: Int, _ ids: Lifted, _ rows: Lifted) -> ValueID {
    if !ids.isStacked { return builder.scatterAdd(ids.value, total(rows), extent: extent) }
    return builder.scatterAdd(ids.value, stacked(rows), extent: extent)
  }

  private func repeated(_ value: ValueID) -> ValueID {
    let count = builder.size(steps.symbol.map { [$0] } ?? [], builder.type(value).element)
    return builder.multiply(value, builder.broadcast(scalar: count, like: value))
  }

  private func one(_ kind: OperationKind, _ operands: [Lifted]) -> Lifted {
    Lifted(value: builder.add(kind, operands.map(stacked))[0], isStacked: true)
  }

  /// Steps become a batch axis if both operands have them, otherwise a free axis of the one that does. Where only what the
  /// sums start from has them, the left operand is repeated.
  private func dot(_ axes: DotAxes, _ a: Lifted, _ b: Lifted, from start: Lifted? = nil) -> Lifted {
    guard a.isStacked || b.isStacked else {
      guard let start else { return Lifted(value: builder.dot(a.value, b.value, axes), isStacked: false) }
      return dot(axes, Lifted(value: stacked(a), isStacked: true), b, from: start)
    }
    let start = start.map { stacked($0) }
    func product(_ axes: DotAxes, _ start: ValueID?) -> ValueID {
      builder.add(.dot(axes), [a.value, b.value] + (start.map { [$0] } ?? []))[0]
    }
    var shifted = axes.shifted(lhs: a.isStacked, rhs: b.isStacked)
    if a.isStacked, b.isStacked {
      shifted.lhsBatch.insert(0, at: 0)
      shifted.rhsBatch.insert(0, at: 0)
      return Lifted(value: product(shifted, start), isStacked: true)
    }
    let batch = axes.lhsBatch.count
    let place =
      a.isStacked ? batch : batch + axes.lhsFree(rank: builder.type(a.value).rank).count
    let moved = start.map { start in
      builder.transpose(start, Array(1..<(place + 1)) + [0] + ((place + 1)..<builder.type(start).rank))
    }
    let sum = product(shifted, moved)
    var permutation = Array(0..<builder.type(sum).rank)
    permutation.remove(at: place)
    return Lifted(value: builder.transpose(sum, [place] + permutation), isStacked: true)
  }

  private func gather(_ table: Lifted, _ ids: Lifted) -> Lifted {
    guard table.isStacked else {
      return Lifted(value: builder.gather(table.value, ids.value), isStacked: true)
    }
    // Each step has a table of its own: a product per step picks the rows.
    let type = builder.type(table.value)
    let picks = Lifted(
      value: builder.oneHot(ids.value, extent: type.shape[1].fixed ?? 1, type.element),
      isStacked: ids.isStacked)
    let last = builder.type(ids.value).rank - (ids.isStacked ? 1 : 0)
    return dot(DotAxes(lhsContracting: [last], rhsContracting: [0]), picks, table)
  }

  private func scatterAdd(
    _ extent: Int, _ order: SumOrder, _ ids: Lifted, _ rows: Lifted, from start: Lifted?
  ) -> Lifted {
    let picks = Lifted(
      value: builder.oneHot(ids.value, extent: extent, builder.type(rows.value).element),
      isStacked: ids.isStacked)
    let rank = builder.type(ids.value).rank - (ids.isStacked ? 1 : 0)
    let all = Array(0..<rank)
    return dot(DotAxes(lhsContracting: all, rhsContracting: all, order: order), picks, rows, from: start)
  }

  /// A loop for all steps at once: the axis of steps stands behind the loop's own in its sequences, and also behind the
  /// steps of a segment, while the step that works on these has it in front, as everywhere.
  ///
  /// The loop is copied as it is if all its operands are the same in every step.
  private func scan(_ scan: ScanAttributes, _ operands: [Lifted], in graph: Graph) -> [Lifted] {
    let first = scan.invariants
    let second = first + scan.carries
    let isStacked = operands.contains(where: \.isStacked)
    func whole(_ lifted: Lifted) -> ValueID { isStacked ? stacked(lifted) : lifted.value }
    func isSegment(_ value: ValueID) -> Bool {
      scan.segments.map { graph.type(value).shape.first == .symbol($0.length) } ?? false
    }
    let results = builder.scan(
      scan.stepping, invariants: operands[..<first].map(\.value),
      carries: operands[first..<second].map(whole),
      sequences: operands[second...].map {
        $0.isStacked ? swapped($0.value) : $0.value
      }
    ) { invariants, carries, elements in
      var known: [ValueID: Lifted] = [:]
      for (i, value) in (invariants + carries + elements).enumerated() {
        let argument = graph[scan.body].arguments[i]
        let hasSteps = i >= first && i < second ? isStacked : operands[i].isStacked
        let isTurned = hasSteps && i >= second && isSegment(argument)
        known[argument] = Lifted(value: isTurned ? swapped(value) : value, isStacked: hasSteps)
      }
      for id in graph[scan.body].operations {
        let inner = graph[id]
        let lifted = operation(inner, inner.operands.compactMap { known[$0] }, in: graph)
        for (result, value) in zip(inner.results, lifted) { known[result] = value }
      }
      let inner = graph[scan.body].results
      let all = inner.compactMap { known[$0] }.map(whole)
      let outputs = zip(all, inner).dropFirst(scan.carries).map { value, old in
        isStacked && isSegment(old) ? swapped(value) : value
      }
      return (Array(all.prefix(scan.carries)), outputs)
    }
    let outputs = results.outputs.map { isStacked ? swapped($0) : $0 }
    return (results.carries + outputs).map { Lifted(value: $0, isStacked: isStacked) }
  }

  /// A value whose first two axes have changed their places.
  private func swapped(_ value: ValueID) -> ValueID {
    builder.transpose(value, [1, 0] + (2..<builder.type(value).rank))
  }
}

extension OperationKind {
  /// What does for all steps at once, along a new first axis, what this does in each, if that is one operation and all
  /// operands have the new axis.
  func lifted(over steps: Dimension) -> OperationKind? {
    switch self {
    case .unary, .binary, .compare, .select, .convert, .surrogate, .oneHot: self
    case .reduce(let reduction, let axes, let order):
      .reduce(reduction, axes: axes.map { $0 + 1 }, order: order)
    case .broadcast(let axes, let shape): .broadcast(axes: [0] + axes.map { $0 + 1 }, shape: [steps] + shape)
    case .reshape(let shape): .reshape([steps] + shape)
    case .transpose(let permutation): .transpose([0] + permutation.map { $0 + 1 })
    case .slice(let axis, let start, let count, let anchor):
      .slice(axis: axis + 1, start: start, count: count, anchor: anchor)
    case .pad(let axis, let start, let to, let anchor):
      .pad(axis: axis + 1, start: start, to: to, anchor: anchor)
    case .concat(let axis): .concat(axis: axis + 1)
    case .reverse(let axis): .reverse(axis: axis + 1)
    case .reversePrefix(let axis): .reversePrefix(axis: axis + 1)
    case .random(let stream, let shape, let element):
      .random(stream: stream, shape: [steps] + shape, element)
    case .constant, .table, .size, .iota, .dot, .gather, .scatterAdd, .scan: nil
    }
  }
}

extension DotAxes {
  /// The same pairing when an operand has one more axis in front.
  fileprivate func shifted(lhs: Bool, rhs: Bool) -> DotAxes {
    let (left, right) = (lhs ? 1 : 0, rhs ? 1 : 0)
    return DotAxes(
      lhsContracting: lhsContracting.map { $0 + left }, rhsContracting: rhsContracting.map { $0 + right },
      lhsBatch: lhsBatch.map { $0 + left }, rhsBatch: rhsBatch.map { $0 + right }, isWide: isWide,
      order: order)
  }
}
