import RNNGraph

// Functions over the steps of sequences; of a ragged one, only the valid steps count.
extension BodyLowering {
  /// Applies a function of a sequence and, if it is ragged, of the examples' numbers of valid steps.
  ///
  /// - Parameter keepsSteps: whether the result is a sequence.
  private func overSteps(
    _ value: LoweredValue, keepsSteps: Bool, _ function: (ValueID, _ lengths: ValueID?) -> ValueID
  ) -> LoweredValue {
    let (x, lead) = (tensor(value), value.axes(in: builder).lead)
    guard let steps = lead.first?.symbol else { preconditionFailure("\(value) is not a sequence") }
    let result = function(x, environment.surroundings.lengths[steps])
    return .tensor(result, lead: keepsSteps ? lead.count : lead.count - 1)
  }

  /// The value at the last step; of a sequence without valid steps, 0.
  func last(_ value: LoweredValue) -> LoweredValue {
    overSteps(value, keepsSteps: false) { x, lengths in
      func atEnd(_ x: ValueID, _ anchor: Anchor) -> ValueID {
        let slice = builder.slice(x, axis: 0, start: 0, count: 1, anchor: anchor)
        return builder.reshape(slice, Array(builder.type(x).shape.dropFirst()))
      }
      guard let lengths else { return atEnd(x, .back) }
      return builder.masked(
        atEnd(builder.reversePrefix(x, lengths, axis: 0), .front), by: builder.isPositive(lengths))
    }
  }

  /// The sum over the steps.
  func total(_ value: LoweredValue) -> LoweredValue {
    overSteps(value, keepsSteps: false) { x, lengths in
      builder.reduce(.sum, lengths.map { builder.masked(x, lengths: $0) } ?? x, axes: [0])
    }
  }

  /// The steps in the opposite order; what stands behind the valid ones stays there.
  func reverse(_ value: LoweredValue) -> LoweredValue {
    overSteps(value, keepsSteps: true) { x, lengths in
      lengths.map { builder.reversePrefix(x, $0, axis: 0) } ?? builder.reverse(x, axis: 0)
    }
  }

  /// exp(x) / Σ exp(x) over the steps; 0 at steps that are not valid.
  func softmaxOverSteps(_ value: LoweredValue) -> LoweredValue {
    overSteps(value, keepsSteps: true) { x, lengths in builder.softmaxOverSteps(x, lengths: lengths) }
  }
}
