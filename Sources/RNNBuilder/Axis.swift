import RNNLanguage

/// An axis of a matrix, along which a function of elements goes.
public enum Axis: String, Sendable {
  /// The index of rows runs: the function takes each column.
  case rows
  /// The index of columns runs: the function takes each row.
  case columns
}

/// The sum of the elements of each column or row of a matrix.
public func sum(_ x: Value, over axis: Axis) -> Value { .call("sum", x, over: axis) }

/// The mean of the elements of each column or row of a matrix.
public func mean(_ x: Value, over axis: Axis) -> Value { .call("mean", x, over: axis) }

/// The greatest element of each column or row of a matrix.
public func max(_ x: Value, over axis: Axis) -> Value { .call("max", x, over: axis) }

/// The smallest element of each column or row of a matrix.
public func min(_ x: Value, over axis: Axis) -> Value { .call("min", x, over: axis) }

/// log Σ eˣ over the elements of each column or row of a matrix.
public func logSumExp(_ x: Value, over axis: Axis) -> Value { .call("logsumexp", x, over: axis) }

/// The Euclidean length of each column or row of a matrix.
public func norm(_ x: Value, over axis: Axis) -> Value { .call("norm", x, over: axis) }

/// Probabilities from the elements of each column or row of a matrix.
public func softmax(_ x: Value, over axis: Axis) -> Value { .call("softmax", x, over: axis) }

/// The logarithms of the probabilities from the elements of each column or row of a matrix.
public func logSoftmax(_ x: Value, over axis: Axis) -> Value { .call("log_softmax", x, over: axis) }

extension Value {
  /// Writes down a call of a function along an axis.
  fileprivate static func call(_ function: String, _ x: Value, over axis: Axis) -> Value {
    compute([x]) { operands in
      let axis = Argument(Expression(.name(axis.rawValue)), label: "over")
      return .call(Name(function), arguments(operands) + [axis])
    }
  }
}
