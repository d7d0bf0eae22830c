import RNNSupport

/// A cell with parameters of its own or, as heads, several copies of it side by side.
///
/// What the copies have and take together has the shapes of the cell with `heads` in front.
struct CheckedInstance: Sendable {
  let name: String
  let cell: CheckedCell
  /// The numbers of copies: none for the cell alone, several for heads that have heads.
  let heads: [Int]
  let site: SourceRange

  /// The types of what it is applied to.
  var inputs: [CheckedInput] { cell.inputs.map { $0.with(heads: heads) } }

  /// The states, which go by their path from the cell.
  var states: [CheckedState] { heads.isEmpty ? cell.states : cell.states.map { $0.with(heads: heads) } }

  /// The types of what an application gives in a step.
  var outputTypes: [ValueType] { cell.outputs.map { cell.type($0.node).with(heads: heads) } }

  /// The number of elements of its largest tensor, for one example and step; nil if there are too many.
  var volume: Int? { (heads + [cell.volume]).volume }

  /// The cell at a path of instances that starts here, and the numbers of copies of it; itself for an empty path.
  func instance(_ path: ArraySlice<String>) -> (cell: CheckedCell, heads: [Int])? {
    guard let first = path.first else { return (cell, heads) }
    guard let inner = cell.instances.first(where: { $0.name == first })?.instance(path.dropFirst()) else {
      return nil
    }
    return (inner.cell, heads + inner.heads)
  }
}

extension ValueType {
  /// The type of this of so many copies together.
  func with(heads: [Int]) -> ValueType { ValueType(element, heads + shape, extent) }
}

extension CheckedInput {
  func with(heads: [Int]) -> CheckedInput {
    CheckedInput(name: name, type: type.with(heads: heads), isTarget: isTarget, site: site)
  }
}

extension CheckedState {
  fileprivate func with(heads: [Int]) -> CheckedState {
    CheckedState(name: name, shape: heads + shape, initial: initial, site: site)
  }
}
