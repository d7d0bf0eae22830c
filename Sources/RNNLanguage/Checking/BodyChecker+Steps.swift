import RNNGraph
import RNNSupport

// Functions over the steps of sequences.
extension BodyChecker {
  /// A function that looks at all steps of a sequence.
  mutating func overSteps(
    _ operation: CheckedOperation, _ builtin: Composition, _ value: Expression, extent: Extent?,
    at site: SourceRange
  ) -> NodeID? {
    guard let x = check(value) else { return nil }
    guard type(x).isSequence else {
      report(.notASequence(builtin.rawValue, type(x), at: value.range))
      return nil
    }
    if operation == .total || operation == .softmaxOverSteps, type(x).element != .number {
      report(.notANumber(type(x), at: value.range))
      return nil
    }
    return add(operation, [x], type(x).with(extent: extent ?? type(x).extent), at: site)
  }

  /// A single value at every step or, if rows or columns are asked for, a vector in each of them.
  mutating func repeated(_ value: Expression, _ labelled: Argument?, at site: SourceRange) -> NodeID? {
    if let labelled, let axis = labelled.label.flatMap({ MatrixAxis(rawValue: $0.text) }) {
      return tile(value, axis, labelled.value, at: site)
    }
    let checked = check(value)
    let sequence = labelled.map { ($0.value, check($0.value)) }
    guard let x = checked else { return nil }
    if type(x).isSequence {
      report(
        .wrongType("the argument of repeat", expected: "a single value", found: type(x), at: value.range))
      return nil
    }
    let steps: String
    if let (expression, node) = sequence {
      guard let node else { return nil }
      guard case .steps(let length) = type(node).extent else {
        report(.notASequence("'like:'", type(node), at: expression.range))
        return nil
      }
      steps = length
    } else if sequences.contains(Extent.defaultSteps) || sequences.count == 1 {
      steps = sequences.contains(Extent.defaultSteps) ? Extent.defaultSteps : sequences[0]
    } else {
      report(
        Diagnostic(
          "steps", "repeat does not know for how many steps", at: site,
          notes: [Diagnostic.Note("say it by a sequence: repeat(v, like: x)")]))
      return nil
    }
    return add(.repeated(steps: steps), [x], type(x).with(extent: .steps(steps)), at: site)
  }
}
