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

  func crossEntropy(_ logits: LoweredValue, _ ids: LoweredValue, _ smoothing: Double) -> LoweredValue {
    let (x, chosen) = crossEntropyOperands(logits, ids)
    let extent = builder.type(x).shape.last?.fixed ?? 1
    return .tensor(
      builder.crossEntropy(x, chosen, extent: extent, smoothing: smoothing), lead: builder.type(chosen).rank)
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

  /// The row of a table at an id.
  ///
  /// Where each head has a table of its own, the tables one under the other are a single one.
  func lookup(_ table: LoweredValue, _ ids: LoweredValue) -> LoweredValue {
    let (lead, own) = (table.axes(in: builder).lead, table.axes(in: builder).own)
    if lead.contains(where: { $0.symbol != nil }) {
      // Each example has a table of its own: a product picks the rows.
      return product(map(ids) { builder.oneHot($0, extent: own[0].fixed ?? 1, element) }, table)
    }
    let axes = Axes(lead: builder.commonLead([table, ids]), own: [])
    var place = builder.conform(ids, to: axes, element)
    let rows = lead.compactMap(\.fixed).reduce(own[0].fixed ?? 1, *)
    if !lead.isEmpty {
      // Whole numbers up to the largest id are exact in f64.
      let first = builder.iota(.fixed(rows / (own[0].fixed ?? 1)), .f64)
      let firsts = builder.reshape(builder.scale(first, by: Double(own[0].fixed ?? 1)), lead)
      let all = builder.conform(.tensor(firsts, lead: lead.count), to: axes, .f64)
      place = builder.convert(builder.add(builder.convert(place, to: .f64), all), to: .i32)
    }
    let tables = builder.reshape(tensor(table), [.fixed(rows)] + own.dropFirst())
    return .tensor(builder.gather(tables, place), lead: axes.lead.count)
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

  /// A value as each row, or a vector as each column, of what has this shape.
  func tile(_ value: LoweredValue, _ axis: MatrixAxis, _ shape: [Int]) -> LoweredValue {
    let axes = Axes(lead: value.axes(in: builder).lead, own: shape.map(Dimension.fixed))
    return .tensor(builder.conform(value, to: axes, ownAt: 1 - axis.index, element), lead: axes.lead.count)
  }

  // MARK: Products

  /// `a @ b` for a matrix and a vector, a vector and a matrix, or two matrices.
  ///
  /// The leading axes of one are the last ones of the other's. An operand that has fewer, such as a weight, is shared along
  /// those that it lacks: it stands on the right of the product, and these axes come first in the result.
  func product(_ a: LoweredValue, _ b: LoweredValue) -> LoweredValue {
    let (left, right) = (a.axes(in: builder), b.axes(in: builder))
    let common = min(left.lead.count, right.lead.count)
    let isSwapped =
      left.lead.count < right.lead.count || (right.lead.isEmpty && left.lead.isEmpty && right.own.count == 1)
    let lead = isSwapped ? right.lead : left.lead
    let (last, first) = (left.all.count - 1, right.lead.count)
    let axes = DotAxes(
      lhsContracting: [isSwapped ? first : last], rhsContracting: [isSwapped ? last : first],
      lhsBatch: Array((lead.count - common)..<lead.count), rhsBatch: Array(0..<common))
    var result = builder.dot(tensor(isSwapped ? b : a), tensor(isSwapped ? a : b), axes)
    let order = Array(common..<lead.count) + Array(0..<common)
    result = builder.transpose(result, order + (lead.count..<builder.type(result).rank))
    let isMatrix = left.own.count == 2 && right.own.count == 2
    return .tensor(isSwapped && isMatrix ? builder.swapLastAxes(result) : result, lead: lead.count)
  }
}

extension GraphBuilder {
  /// Transposes the matrices in the last two axes.
  func swapLastAxes(_ x: ValueID) -> ValueID {
    let rank = type(x).rank
    return transpose(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])
  }
}
