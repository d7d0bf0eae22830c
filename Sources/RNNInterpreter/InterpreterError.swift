import RNNGraph

/// Why a graph cannot be evaluated on these inputs.
public enum InterpreterError: Error, Hashable, CustomStringConvertible {
  /// An input of the graph was not given.
  case missingInput(String)
  /// The graph has no input of this name.
  case unknownInput(String)
  /// An input's elements or shape do not fit its type.
  case wrongType(input: String, expected: TensorType, found: String)
  /// A symbol stands for two sizes, or for a negative one.
  case wrongSize(Symbol, [Int])
  /// Neither an input nor the caller says how large a symbol is.
  case unknownSize(Symbol)
  /// An id of an input is not below its limit.
  case inputIDOutOfRange(input: String, id: Int, limit: Int)
  /// An operation met an id that names no row.
  case idOutOfRange(operation: String, id: Int, limit: Int)
  /// An operation reached beyond an axis whose extent is a symbol.
  case rangeOutOfAxis(operation: String, first: Int, count: Int, extent: Int)
  /// An operation met a length that is longer than its axis, or negative.
  case lengthOutOfRange(operation: String, length: Int, extent: Int)

  public var description: String {
    switch self {
    case .missingInput(let name): "input '\(name)' is missing"
    case .unknownInput(let name): "there is no input '\(name)'"
    case .wrongType(let name, let expected, let found): "input '\(name)' is \(found), expected \(expected)"
    case .wrongSize(let symbol, let sizes):
      "\(symbol) cannot be \(sizes.map(String.init).joined(separator: " and "))"
    case .unknownSize(let symbol): "the size of \(symbol) is not known"
    case .inputIDOutOfRange(let name, let id, let limit):
      "input '\(name)' holds id \(id), which is not in 0..<\(limit)"
    case .idOutOfRange(let operation, let id, let limit): "\(operation): id \(id) is not in 0..<\(limit)"
    case .rangeOutOfAxis(let operation, let first, let count, let extent):
      "\(operation): \(count) elements from \(first) are not in an axis of \(extent)"
    case .lengthOutOfRange(let operation, let length, let extent):
      "\(operation): a length of \(length) is not in 0...\(extent)"
    }
  }
}
