import Foundation

/// A stream of random numbers that is a pure function of a seed, a name and a position.
///
/// The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
/// SC 2011): block `i` of a stream is the encryption of `i` and the name's hash under the seed. Streams of other
/// names share no blocks, so a parameter's initial values depend on nothing but the seed and its path.
public struct RandomStream: RandomNumberGenerator, Sendable {
  private let key: UInt64
  private let stream: UInt64

  /// The number of 64-bit words drawn so far; setting it continues the stream from there.
  public var position: UInt64 = 0

  /// Opens the stream called `name` at its start.
  public init(seed: UInt64, name: String) {
    key = seed
    stream = name.utf8.reduce(into: FNV1a()) { $0.add($1) }.value
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let counter = SIMD4<UInt32>(
      UInt32(truncatingIfNeeded: position >> 1), UInt32(truncatingIfNeeded: position >> 33),
      UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    let key = SIMD2<UInt32>(UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
    let block = Self.philox(counter: counter, key: key)
    let half = position & 1 == 0 ? block.lowHalf : block.highHalf
    position += 1
    return UInt64(half.x) | UInt64(half.y) << 32
  }

  /// A number of the 2⁵³ equally spaced ones in 0..<1.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// An integer in 0..<bound, each equally likely (Lemire's multiplication with rejection).
  /// - Requires: `bound` is positive.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "no integers below \(bound)")
    let bound = UInt64(bound)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// A number of the standard normal distribution (Box–Muller), from two words of the stream.
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()  // 1 - u is never 0
    return radius * cos(2 * .pi * uniform())
  }

  /// Puts elements into random order, each order equally likely (Fisher–Yates).
  ///
  /// The standard library's shuffle does not promise the same order in its next version; this one does.
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, integer(below: last + 1))
    }
  }

  /// Philox4x32 with 10 rounds.
  package static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (x, k) = (counter, key)
    for _ in 0..<10 {
      let a = UInt64(x[0]) * 0xD251_1F53
      let b = UInt64(x[2]) * 0xCD9E_8D57
      x = SIMD4(
        UInt32(b >> 32) ^ x[1] ^ k[0], UInt32(truncatingIfNeeded: b),
        UInt32(a >> 32) ^ x[3] ^ k[1], UInt32(truncatingIfNeeded: a))
      k = k &+ SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return x
  }
}
