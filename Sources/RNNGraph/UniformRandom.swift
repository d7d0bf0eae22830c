/// The random number of a place: uniform in 0..<1, a multiple of 2⁻²⁴.
///
/// The generator is Philox2x32 with 7 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
/// 3", SC 2011, whose tests 7 rounds pass): the encryption of position and counter under a key made of the given one
/// and the stream. Compiled code computes the same.
public func uniformRandom(key: UInt32, stream: Int, counter: UInt32, position: UInt32) -> Double {
  var key = key &+ UInt32(truncatingIfNeeded: stream) &* Philox.streamFactor
  var (x, y) = (position, counter)
  for _ in 0..<Philox.rounds {
    let product = UInt64(x) * UInt64(Philox.multiplier)
    (x, y) = (UInt32(product >> 32) ^ key ^ y, UInt32(truncatingIfNeeded: product))
    key &+= Philox.keyIncrement
  }
  return Double(x >> 8) * 0x1p-24
}

/// The constants of `uniformRandom`.
public enum Philox {
  /// How often the words are mixed.
  public static let rounds = 7
  /// What the first word is multiplied by.
  public static let multiplier: UInt32 = 0xD256_D193
  /// What is added to the key after each round.
  public static let keyIncrement: UInt32 = 0x9E37_79B9
  /// How far the keys of two streams are apart: odd, and not a multiple of the increment within reach.
  public static let streamFactor: UInt32 = 0x85EB_CA6B
}
