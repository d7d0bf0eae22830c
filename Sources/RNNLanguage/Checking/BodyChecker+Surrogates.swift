import RNNGraph
import RNNSupport

// Functions that have another derivative than that of their value.
extension BodyChecker {
  /// The value, as a constant to whoever derives.
  mutating func stopGradient(_ value: Expression, at site: SourceRange) -> NodeID? {
    guard let x = checkNumber(value) else { return nil }
    return add(.surrogate(.stop), [x], type(x), at: site)
  }

  /// The value of `hard` with the derivative of `soft`.
  mutating func straightThrough(_ hard: Expression, _ soft: Expression, at site: SourceRange) -> NodeID? {
    let (value, source) = (checkNumber(hard), checkNumber(soft))
    guard let value, let source else { return nil }
    guard type(value).shape == type(source).shape else {
      return reportShape(.straightThroughShapes(type(value), type(source), at: site))
    }
    guard let extent = join([value, source], at: site) else { return nil }
    let result = ValueType(type(value).shape, extent)
    return add(.surrogate(.straightThrough), [value, source], result, at: site)
  }

  /// The value, whose derivative is brought between minus a bound and the bound on its way back.
  mutating func clipGradient(_ value: Expression, _ bound: Expression, at site: SourceRange) -> NodeID? {
    let x = checkNumber(value)
    let limit = checkConstant(bound, "the bound of a derivative", "a positive number") {
      $0 > 0 && $0.isFinite
    }
    guard let x, let limit else { return nil }
    return add(.surrogate(.clip(limit)), [x], type(x), at: site)
  }
}
