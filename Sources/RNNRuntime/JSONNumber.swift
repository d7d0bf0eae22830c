/// A number in JSON, which has none that is infinite or not a number: these are null.
public struct JSONNumber: Encodable {
  private let number: Double

  /// Takes a number.
  public init(_ number: Double) { self.number = number }

  /// Writes the number, or null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if number.isFinite { try container.encode(number) } else { try container.encodeNil() }
  }
}

extension Double {
  /// The number as messages show it: `nan` has no sign, which is that of an instruction and means nothing.
  public var withoutSignOfNaN: Double { isNaN ? .nan : self }
}
