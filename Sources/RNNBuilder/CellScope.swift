import RNNLanguage

/// What the closure of a cell declares in.
public final class CellScope: UnitScope {
  /// Declares a state, which has a value before the step and a next one, `h.next`.
  ///
  /// - Parameter start: the parameter or number that it is before the first step; without it the caller says that, and
  ///   it is zero if the caller does not.
  public func state(
    _ name: String, _ shape: [Size], from start: Value? = nil, fileID: String = #fileID, line: Int = #line
  ) -> Value {
    let place = Place(fileID, line)
    return declare(
      .state, name, tensor(shape, place), initial: start.map { written($0, "a state starts", place) }, place)
  }
}

/// What the closure of a model declares in.
public final class ModelScope: UnitScope {
  /// Declares data that only the loss needs.
  public func target(
    _ name: String, _ type: InputType, fileID: String = #fileID, line: Int = #line
  ) -> Value {
    let place = Place(fileID, line)
    return declare(.target, name, syntax(type, place), place)
  }

  /// Puts a value out under a name.
  public func output(_ name: String, _ value: Value, fileID: String = #fileID, line: Int = #line) {
    let place = Place(fileID, line)
    requireName(name, "an output", place)
    act([value], place) { .output([OutputItem($0[0], name: name)]) }
  }

  /// Makes the mean of a value small over the steps and examples.
  ///
  /// - Parameter weights: how much each step and example counts.
  public func loss(
    _ value: Value, weights: Value? = nil, fileID: String = #fileID, line: Int = #line
  ) {
    mean(nil, value, weights, Place(fileID, line)) { .loss($0) }
  }

  /// Makes the mean of a value small, in a sum with other losses, and reports it under a name.
  public func loss(
    _ name: String, _ value: Value, weights: Value? = nil, fileID: String = #fileID, line: Int = #line
  ) {
    mean(name, value, weights, Place(fileID, line)) { .loss($0) }
  }

  /// Reports the mean of a value over the steps and examples, or how often something holds.
  public func measure(
    _ name: String, _ value: Value, weights: Value? = nil, fileID: String = #fileID, line: Int = #line
  ) {
    mean(name, value, weights, Place(fileID, line)) { .measure($0) }
  }

  private func mean(
    _ name: String?, _ value: Value, _ weights: Value?, _ place: Place,
    _ form: @escaping (MeanItem) -> Statement.Kind
  ) {
    if let name { requireName(name, "what is reported", place) }
    act([value] + [weights].compactMap { $0 }, place) {
      form(MeanItem($0[0], name: name, weights: $0.count > 1 ? $0[1] : nil))
    }
  }
}
