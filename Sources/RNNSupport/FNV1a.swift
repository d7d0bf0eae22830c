/// The 64-bit FNV-1a hash (Fowler, Noll, Vo): stable across runs, which Swift's `Hasher` is not.
public struct FNV1a: Sendable {
  @usableFromInline var state: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Starts with no bytes.
  public init() {}

  /// The hash of all bytes so far.
  public var value: UInt64 { state }

  /// Adds one byte.
  @inlinable public mutating func add(_ byte: UInt8) {
    state = (state ^ UInt64(byte)) &* 0x100_0000_01b3
  }

  /// Adds many bytes, eight at once where that is possible: for large data, and not the hash of the bytes one by one.
  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let words = bytes.count / 8
    for word in 0..<words {
      let bits = bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)
      state = (state ^ UInt64(littleEndian: bits)) &* 0x100_0000_01b3
      // A product carries upwards only; this lets the high bits of a word matter for all bits of the hash.
      state ^= state >> 32
    }
    for byte in bytes[(8 * words)...] { add(byte) }
  }

  /// The hash in 16 hexadecimal digits.
  public var digits: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
