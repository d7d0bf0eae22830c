/// The 64-bit FNV-1a hash (Fowler, Noll, Vo): stable across runs, which Swift's `Hasher` is not.
struct FNV1a {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Adds one byte.
  mutating func add(_ byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
  }

  /// Adds many bytes, eight at once where that is possible: for large data, and not the hash of the bytes one by one.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let words = bytes.count / 8
    for word in 0..<words {
      let bits = bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)
      value = (value ^ UInt64(littleEndian: bits)) &* 0x100_0000_01b3
      // A product carries upwards only; this lets the high bits of a word matter for all bits of the hash.
      value ^= value >> 32
    }
    for byte in bytes[(8 * words)...] { add(byte) }
  }

  /// The hash in 16 hexadecimal digits.
  var digits: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
