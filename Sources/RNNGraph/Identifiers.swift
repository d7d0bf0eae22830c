/// Names a value of a graph; prints as `%7`.
public struct ValueID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The position in the graph's table of values.
  public let index: Int

  init(_ index: Int) { self.index = index }

  public var description: String { "%\(index)" }

  public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

/// Names an operation of a graph; prints as `op7`.
public struct OperationID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The position in the graph's table of operations.
  public let index: Int

  init(_ index: Int) { self.index = index }

  public var description: String { "op\(index)" }

  public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

/// Names a region of a graph: its entry, or the body of a scan; prints as `region1`.
public struct RegionID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The position in the graph's table of regions.
  public let index: Int

  init(_ index: Int) { self.index = index }

  /// The region that holds the graph's inputs and outermost operations.
  public static let entry = RegionID(0)

  public var description: String { "region\(index)" }

  public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}
