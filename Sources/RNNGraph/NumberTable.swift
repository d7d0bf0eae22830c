/// The numbers of a tensor, in the order of its elements, as a program that is compiled holds them.
///
/// A number may be of higher precision than the tensor's elements, which are rounded when they are used. Tables compare by
/// the bits of their numbers, and fast: a table is a part of an operation's kind, which passes compare often.
public struct NumberTable: Sendable, Hashable {
  /// The numbers, the last axis contiguous.
  public let numbers: [Double]
  private let digest: Int

  /// Makes a table.
  public init(_ numbers: [Double]) {
    self.numbers = numbers
    var hasher = Hasher()
    for number in numbers { hasher.combine(number.bitPattern) }
    digest = hasher.finalize()
  }

  /// The number that all are, if all are the same.
  public var only: Double? {
    guard let first = numbers.first, numbers.allSatisfy({ $0.bitPattern == first.bitPattern }) else {
      return nil
    }
    return first
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.digest == b.digest && a.numbers.count == b.numbers.count
      && zip(a.numbers, b.numbers).allSatisfy { $0.bitPattern == $1.bitPattern }
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

extension NumberTable: CustomStringConvertible {
  /// The numbers in parentheses, each as the shortest decimal that reads back exactly.
  public var description: String { "(\(numbers.map(exactText).joined(separator: ", ")))" }
}
