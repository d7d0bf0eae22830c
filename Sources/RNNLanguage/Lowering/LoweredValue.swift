import RNNGraph

/// A value in the graph: axes for what it repeats over, then those that the program writes.
enum LoweredValue {
  /// A number, which takes the shape of what it meets.
  case literal(Double)
  /// A tensor whose first `lead` axes are `[]`, `[B]` or `[T, B]`.
  case tensor(ValueID, lead: Int)
  /// The outputs of an application, and the states after it.
  case application(outputs: [LoweredValue], states: [LoweredValue])
}

/// The axes of a value: those it repeats over, and its own.
struct Axes: Equatable {
  var lead: [Dimension]
  var own: [Dimension]

  var all: [Dimension] { lead + own }
}

extension LoweredValue {
  func axes(in builder: GraphBuilder) -> Axes {
    guard case .tensor(let id, let lead) = self else { return Axes(lead: [], own: []) }
    let shape = builder.type(id).shape
    return Axes(lead: Array(shape.prefix(lead)), own: Array(shape.dropFirst(lead)))
  }

  /// The same value with so many of its own axes counted among the leading ones, behind those that it has; with so many
  /// of the leading ones counted among its own if the number is negative.
  func leading(_ count: Int) -> LoweredValue {
    guard case .tensor(let id, let lead) = self else { return self }
    return .tensor(id, lead: lead + count)
  }
}

extension GraphBuilder {
  /// The tensor with the given axes: the value repeated along those that it lacks.
  ///
  /// - Requires: the value's leading axes are the last ones of `axes.lead`, and its own, if it has any, those of `axes`
  ///   from the place `first` on.
  func conform(_ value: LoweredValue, to axes: Axes, ownAt first: Int = 0, _ element: ElementType) -> ValueID
  {
    switch value {
    case .literal(let number): return constant(number, TensorType(element, axes.all))
    case .tensor(let id, _):
      let found = value.axes(in: self)
      let lead = found.lead.indices.map { $0 + axes.lead.count - found.lead.count }
      let own = found.own.indices.map { $0 + axes.lead.count + first }
      return broadcast(id, axes: lead + own, shape: axes.all)
    case .application: preconditionFailure("an application is not a value")
    }
  }

  /// The longest of the values' leading axes.
  func commonLead(_ values: [LoweredValue]) -> [Dimension] {
    values.map { $0.axes(in: self).lead }.max { $0.count < $1.count } ?? []
  }
}
