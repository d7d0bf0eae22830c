import RNNGraph

extension BodyLowering {
  /// Applies a function that keeps the leading axes.
  func map(_ value: LoweredValue, _ function: (ValueID) -> ValueID) -> LoweredValue {
    switch value {
    case .tensor(let id, let lead): return .tensor(function(id), lead: lead)
    case .literal: return .tensor(function(tensor(value)), lead: 0)
    case .application: preconditionFailure("an application is not a value")
    }
  }

  /// Applies a function of a tensor and the numbers of its own axes, which keeps the leading ones.
  func own(_ value: LoweredValue, _ function: (ValueID, [Int]) -> ValueID) -> LoweredValue {
    let axes = value.axes(in: builder)
    return map(value) { function($0, Array(axes.lead.count..<axes.all.count)) }
  }

  /// The value as a tensor of its own axes.
  func tensor(_ value: LoweredValue) -> ValueID {
    builder.conform(value, to: value.axes(in: builder), element)
  }

  /// The axes of what is computed element by element: a scalar takes the shape of the other operands.
  private func commonAxes(_ operands: [LoweredValue]) -> Axes {
    let own = operands.map { $0.axes(in: builder).own }.first { !$0.isEmpty } ?? []
    return Axes(lead: builder.commonLead(operands), own: own)
  }

  /// The element type of values, which numbers among them take on.
  private func commonElement(_ operands: [LoweredValue]) -> ElementType {
    for case .tensor(let id, _) in operands { return builder.type(id).element }
    return element
  }

  func elementwise(_ a: LoweredValue, _ b: LoweredValue, _ function: (ValueID, ValueID) -> ValueID)
    -> LoweredValue
  {
    let axes = commonAxes([a, b])
    let element = commonElement([a, b])
    let (left, right) = (builder.conform(a, to: axes, element), builder.conform(b, to: axes, element))
    return .tensor(function(left, right), lead: axes.lead.count)
  }

  func select(_ mask: LoweredValue, _ a: LoweredValue, _ b: LoweredValue) -> LoweredValue {
    let axes = commonAxes([mask, a, b])
    let element = commonElement([a, b])
    let parts = [mask, a, b].map { builder.conform($0, to: axes, element) }
    return .tensor(builder.select(parts[0], parts[1], parts[2]), lead: axes.lead.count)
  }

  /// The mean of all elements.
  func mean(_ value: LoweredValue) -> LoweredValue {
    let count = value.axes(in: builder).own.reduce(1) { $0 * ($1.fixed ?? 1) }
    return own(value) { builder.mean($0, axes: $1, count: count) }
  }

  /// The place `index` of the first own axis, which vanishes.
  func part(_ value: LoweredValue, at index: Int) -> LoweredValue {
    let axes = value.axes(in: builder)
    return own(value) { x, own in
      let slice = builder.slice(x, axis: own[0], start: index, count: 1)
      return builder.reshape(slice, axes.lead + axes.own.dropFirst())
    }
  }

  func concat(_ operands: [LoweredValue]) -> LoweredValue {
    let lead = builder.commonLead(operands)
    let parts = operands.map { part in
      builder.conform(part, to: Axes(lead: lead, own: part.axes(in: builder).own), element)
    }
    return .tensor(builder.concat(parts, axis: lead.count), lead: lead.count)
  }

  func crossEntropy(_ logits: LoweredValue, _ ids: LoweredValue) -> LoweredValue {
    let (x, chosen) = crossEntropyOperands(logits, ids)
    let extent = builder.type(x).shape.last?.fixed ?? 1
    return .tensor(builder.crossEntropy(x, chosen, extent: extent), lead: builder.type(chosen).rank)
  }

  /// Logits and ids with the same leading axes.
  func crossEntropyOperands(_ logits: LoweredValue, _ ids: LoweredValue) -> (logits: ValueID, ids: ValueID) {
    let lead = builder.commonLead([logits, ids])
    let own = logits.axes(in: builder).own
    return (
      builder.conform(logits, to: Axes(lead: lead, own: own), element),
      builder.conform(ids, to: Axes(lead: lead, own: []), element)
    )
  }

  /// The first place of the greatest element along the own axis.
  func argmax(_ value: LoweredValue) -> LoweredValue {
    map(value) { builder.argmax($0) }
  }

  // MARK: Matrices

  /// The matrix of the products of the elements of two vectors.
  func outer(_ a: LoweredValue, _ b: LoweredValue) -> LoweredValue {
    let own = a.axes(in: builder).own + b.axes(in: builder).own
    let axes = Axes(lead: builder.commonLead([a, b]), own: own)
    let (rows, columns) = (
      builder.conform(a, to: axes, ownAt: 0, element), builder.conform(b, to: axes, ownAt: 1, element)
    )
    return .tensor(builder.multiply(rows, columns), lead: axes.lead.count)
  }

  /// A vector as each row or column of a matrix of this shape.
  func tile(_ value: LoweredValue, _ axis: MatrixAxis, _ shape: [Int]) -> LoweredValue {
    let axes = Axes(lead: value.axes(in: builder).lead, own: shape.map(Dimension.fixed))
    return .tensor(builder.conform(value, to: axes, ownAt: 1 - axis.index, element), lead: axes.lead.count)
  }

  // MARK: Products

  /// `a @ b` for a matrix and a vector, a vector and a matrix, or two matrices.
  ///
  /// An operand without leading axes, such as a weight, is shared by all examples and steps: it stands on the right of
  /// the product, so that the leading axes come first in the result.
  func product(_ a: LoweredValue, _ b: LoweredValue) -> LoweredValue {
    let (left, right) = (a.axes(in: builder), b.axes(in: builder))
    let leftContracting = left.all.count - 1
    let rightContracting = right.lead.count
    if left.lead.isEmpty || right.lead.isEmpty {
      let lead = max(left.lead.count, right.lead.count)
      if left.lead.isEmpty, !right.lead.isEmpty || right.own.count == 1 {
        let axes = DotAxes(lhsContracting: [rightContracting], rhsContracting: [leftContracting])
        let result = builder.dot(tensor(b), tensor(a), axes)
        let isMatrix = left.own.count == 2 && right.own.count == 2
        return .tensor(isMatrix ? builder.swapLastAxes(result) : result, lead: lead)
      }
      let axes = DotAxes(lhsContracting: [leftContracting], rhsContracting: [rightContracting])
      return .tensor(builder.dot(tensor(a), tensor(b), axes), lead: lead)
    }
    let lead = builder.commonLead([a, b])
    let batch = Array(lead.indices)
    let axes = DotAxes(
      lhsContracting: [lead.count + left.own.count - 1], rhsContracting: [lead.count], lhsBatch: batch,
      rhsBatch: batch)
    let x = builder.conform(a, to: Axes(lead: lead, own: left.own), element)
    let y = builder.conform(b, to: Axes(lead: lead, own: right.own), element)
    return .tensor(builder.dot(x, y, axes), lead: lead.count)
  }
}

extension GraphBuilder {
  /// Transposes the matrices in the last two axes.
  func swapLastAxes(_ x: ValueID) -> ValueID {
    let rank = type(x).rank
    return transpose(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])
  }
}
