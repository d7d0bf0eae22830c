import RNNGraph

/// An axis of a matrix: what `over:` names.
enum MatrixAxis: String, CaseIterable {
  /// The index of rows runs, and there is a result for each column.
  case rows
  /// The index of columns runs, and there is a result for each row.
  case columns

  /// The axis that an expression names.
  init?(_ expression: Expression) {
    guard case .name(let name) = expression.kind else { return nil }
    self.init(rawValue: name)
  }

  /// Its place among the axes of a matrix.
  var index: Int { self == .rows ? 0 : 1 }
}

extension Argument {
  /// Whether it names an axis, `rows` or `columns`, and not a value.
  var isAxis: Bool { label?.text == "over" }
}

/// A function of the elements along one axis.
enum AxisFunction: Hashable, Sendable {
  /// Combines the elements to one.
  case reduce(Reduction)
  case mean
  /// The logarithm of the sum of the exponentials.
  case logSumExp
  /// The square root of the sum of the squares.
  case norm
  case softmax(isLogarithmic: Bool)

  /// Whether it gives a result for each element, rather than one for all along the axis.
  var keepsAxis: Bool {
    switch self {
    case .softmax: true
    case .reduce, .mean, .logSumExp, .norm: false
    }
  }
}
