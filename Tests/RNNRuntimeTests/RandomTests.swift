import Foundation
import Testing

@testable import RNNRuntime

@Suite struct RandomTests {
  /// The known answers published with the generator (Random123, `kat_vectors`).
  @Test func philoxGivesThePublishedAnswers() {
    typealias Vector = SIMD4<UInt32>
    #expect(
      RandomStream.philox(counter: .zero, key: .zero)
        == Vector(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      RandomStream.philox(counter: .init(repeating: .max), key: .init(repeating: .max))
        == Vector(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      RandomStream.philox(
        counter: Vector(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == Vector(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func streamsDependOnSeedNameAndPositionOnly() {
    func draw(_ seed: UInt64, _ name: String, from position: UInt64 = 0) -> [UInt64] {
      var stream = RandomStream(seed: seed, name: name)
      stream.position = position
      return (0..<8).map { _ in stream.next() }
    }
    #expect(draw(1, "W") == draw(1, "W"))
    #expect(draw(1, "W", from: 3).prefix(5) == draw(1, "W").suffix(5))
    #expect(Set(draw(1, "W") + draw(2, "W") + draw(1, "U") + draw(1 << 32, "W")).count == 32)
  }

  @Test func integersAreEquallyLikelyAndShufflesTakeAllOrders() {
    var stream = RandomStream(seed: 0, name: "integers")
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[stream.integer(below: 7)] += 1 }
    // Four standard deviations of a binomial count of mean 10,000.
    #expect(counts.allSatisfy { abs($0 - 10_000) < 371 })
    var orders: [[Int]: Int] = [:]
    for _ in 0..<6000 {
      var elements = [0, 1, 2]
      stream.shuffle(&elements)
      orders[elements, default: 0] += 1
    }
    #expect(orders.count == 6 && orders.values.allSatisfy { abs($0 - 1000) < 116 })
  }

  @Test func tensorsFillWithTheRightDistributions() throws {
    var stream = RandomStream(seed: 0, name: "W")
    var tensor = Tensor(.f64, shape: [100, 200])
    tensor.fillUniform(bound: 0.5, using: &stream)
    var values = try tensor.values(as: Double.self)
    #expect(values.allSatisfy { -0.5 <= $0 && $0 < 0.5 })
    #expect(abs(mean(values)) < 0.01 && abs(mean(values.map { $0 * $0 }) - 1.0 / 12) < 0.003)

    tensor.fillNormal(standardDeviation: 3, using: &stream)
    values = try tensor.values(as: Double.self)
    #expect(abs(mean(values)) < 0.1 && abs(mean(values.map { $0 * $0 }) - 9) < 0.4)
    #expect(abs(mean(values.map { $0 * $0 * $0 * $0 }) / 81 - 3) < 0.4)

    tensor.fill(0.25)
    #expect(try tensor.values(as: Double.self).allSatisfy { $0 == 0.25 })
  }

  @Test func singlePrecisionIsTheRoundedDouble() throws {
    var (floats, doubles) = (Tensor(.f32, shape: [5, 3]), Tensor(.f64, shape: [5, 3]))
    for fill in [
      { (tensor: inout Tensor, stream: inout RandomStream) in tensor.fillUniform(bound: 0.1, using: &stream)
      },
      { (tensor, stream) in tensor.fillNormal(standardDeviation: 2, using: &stream) },
      { (tensor, stream) in try tensor.fillOrthogonal(using: &stream) },
    ] as [(inout Tensor, inout RandomStream) throws -> Void] {
      var (a, b) = (RandomStream(seed: 4, name: "x"), RandomStream(seed: 4, name: "x"))
      try fill(&floats, &a)
      try fill(&doubles, &b)
      #expect(try doubles.converted(to: .f32) == floats)
    }
  }

  @Test(arguments: [[40, 40], [64, 13], [13, 64], [1, 5], [5, 1], [0, 4], [3, 4, 7], [2, 2, 6, 3]])
  func orthogonalMatricesAreOrthogonal(shape: [Int]) throws {
    var stream = RandomStream(seed: 0, name: "Q")
    var tensor = Tensor(.f64, shape: shape)
    try tensor.fillOrthogonal(gain: 2, using: &stream)
    let all = try tensor.values(as: Double.self)
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let count = min(rows, columns)
    for first in stride(from: 0, to: all.count, by: Swift.max(rows * columns, 1)) {
      let q = Array(all[first..<(first + rows * columns)])
      for a in 0..<count {
        for b in 0..<count {
          let product = (0..<max(rows, columns)).reduce(0.0) {
            rows <= columns
              ? $0 + q[a * columns + $1] * q[b * columns + $1]
              : $0 + q[$1 * columns + a] * q[$1 * columns + b]
          }
          #expect(abs(product - (a == b ? 4 : 0)) < 1e-10)
        }
      }
    }
    #expect(Set(all).count == all.count)
    var vector = Tensor(.f32, shape: [3])
    #expect(throws: InputError.self) { try vector.fillOrthogonal(using: &stream) }
  }

  @Test func tokensFollowTheProbabilities() throws {
    let probabilities: [Float] = [0.1, 0, 0.6, 0.3]
    var stream = RandomStream(seed: 0, name: "generate")
    func frequencies(_ temperature: Double) throws -> [Double] {
      var counts = [Double](repeating: 0, count: 4)
      for _ in 0..<10_000 {
        counts[try stream.sample(from: probabilities, temperature: temperature)] += 1e-4
      }
      return counts
    }
    for (actual, expected) in zip(try frequencies(1), [0.1, 0, 0.6, 0.3]) {
      #expect(abs(actual - expected) < 0.02)
    }
    // Squares: 1, 0, 36, 9 of 46.
    for (actual, expected) in zip(try frequencies(0.5), [1.0 / 46, 0, 36.0 / 46, 9.0 / 46]) {
      #expect(abs(actual - expected) < 0.02)
    }
    #expect(try frequencies(0)[2] > 0.999)
    #expect(try frequencies(1e-6)[2] > 0.999)
    #expect(throws: InputError.self) { try stream.sample(from: [0.5, .nan]) }
    #expect(throws: InputError.self) { try stream.sample(from: [0, 0]) }
    #expect(throws: InputError.self) { try stream.sample(from: [], temperature: 0) }
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}
