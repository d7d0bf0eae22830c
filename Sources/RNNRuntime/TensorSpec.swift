import RNNSupport

/// What a program wants of a tensor: its name, element type and shape.
public struct TensorSpec: Hashable, Sendable {
  /// The tensor's name: the path of a parameter or state, or the name of an input.
  public let name: String

  /// The wanted type of the elements.
  public let elementType: ElementType

  /// The wanted shape.
  public let shape: [Int]

  /// Makes a specification.
  public init(_ name: String, _ elementType: ElementType, _ shape: [Int]) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
  }
}

extension Sequence<TensorSpec> {
  /// Picks the specified tensors, converting element types where `Tensor.converted(to:)` can.
  ///
  /// - Parameter origin: where the tensors come from, for messages, as in `checkpoint 'a.rnnc'`.
  /// - Parameter exact: whether a tensor that nobody asked for is an error.
  /// - Throws: `InputError` that names the first tensor that is missing, of another type or shape, or too many.
  public func select(
    from tensors: [String: Tensor], origin: String, exact: Bool = false
  ) throws -> [String: Tensor] {
    var selected: [String: Tensor] = [:]
    for spec in self {
      guard let tensor = tensors[spec.name] else {
        let present = tensors.keys.sorted().prefix(8).joined(separator: ", ")
        throw InputError(
          "\(origin) has no tensor '\(spec.name)', which the model needs as "
            + Tensor.describe(spec.elementType, spec.shape),
          note: tensors.isEmpty
            ? "it holds no tensors"
            : "it holds \(counted(tensors.count, "tensor")): \(present)"
              + (tensors.count > 8 ? ", …" : ""))
      }
      guard tensor.shape == spec.shape else {
        throw InputError(
          "tensor '\(spec.name)' of \(origin) has shape \(tensor.shape), but the model wants \(spec.shape)",
          note: "the model was compiled with other sizes (--set), or is another model")
      }
      do {
        selected[spec.name] = try tensor.converted(to: spec.elementType)
      } catch let error as InputError {
        throw InputError(
          "tensor '\(spec.name)' of \(origin) does not fit the model: \(error.message)", notes: error.notes)
      }
    }
    if exact, let extra = tensors.keys.filter({ selected[$0] == nil }).min() {
      throw InputError("\(origin) holds a tensor '\(extra)' that the model does not have")
    }
    return selected
  }
}
