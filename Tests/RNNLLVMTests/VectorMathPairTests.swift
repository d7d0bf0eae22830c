import Foundation
import RNNTestSupport
import Testing

@testable import RNNLLVM

/// A function of two operands under test, and the same in double precision.
struct PairCase: Sendable, CustomTestStringConvertible {
  let name: String
  let emit: @Sendable (FunctionBuilder, IRValue, IRValue) -> IRValue
  let reference: @Sendable (Double, Double) -> Double
  /// The number whose last place the error is counted in; nil for the result.
  var unit: (@Sendable (_ a: Double, _ b: Double, _ result: Double) -> Double)?

  var testDescription: String { name }

  static let all: [PairCase] = [
    PairCase(name: "pow", emit: { $0.pow($1, $2) }, reference: { Foundation.pow($0, $1) }),
    PairCase(name: "atan2", emit: { $0.atan2($1, $2) }, reference: { Foundation.atan2($0, $1) }),
    PairCase(
      name: "logaddexp", emit: { $0.logaddexp($1, $2) },
      reference: { a, b in
        if a.isNaN || b.isNaN { return .nan }
        let (large, small) = (Swift.max(a, b), Swift.min(a, b))
        if large == small { return large + Foundation.log(2) }
        // What rounding takes from a difference is a part of its exponential.
        let difference = small - large
        let t = difference - small
        let rest = (small - (difference - t)) - (large + t)
        let power = Foundation.exp(difference)
        return large + Foundation.log1p(rest.isFinite ? power + power * rest : power)
      },
      // Where the two parts of the sum cancel, the result has no more digits than they have.
      unit: { a, b, result in Swift.max(Swift.abs(Swift.max(a, b)), Swift.abs(result)) }),
  ]

  /// Numbers of all magnitudes, moderate ones, bases near 1 with exponents that take them far, and corners with each other.
  static func arguments(isDouble: Bool) -> [(Double, Double)] {
    var random = SplitMix64(seed: 23)
    func bits() -> Double {
      isDouble
        ? Double(bitPattern: random.next())
        : Double(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
    }
    func even(_ bound: Double) -> Double { Double(Int64(bitPattern: random.next())) * 0x1p-63 * bound }
    let corners = [
      0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1e-30, 1e30, -1e30, 0x1p24, 0x1p24 + 1, 0x1p53, .infinity,
      -.infinity, .nan, 0x1p-140, 0x1p-1060, 127.9, 1023.9,
    ]
    var pairs = corners.flatMap { a in corners.map { (a, $0) } }
    for _ in 0..<20_000 {
      pairs.append((bits(), bits()))
      pairs.append((even(20), even(20)))
      pairs.append((even(1), even(300)))
      pairs.append((Swift.abs(even(8)), even(100)))
      pairs.append((Double(Int(even(40))), Double(Int(even(40)))))
      let base = 1 + even(isDouble ? 1e-4 : 1e-2)
      pairs.append((base, even(isDouble ? 745 : 104) / Foundation.log(base)))
      pairs.append((Swift.abs(bits()), even(2)))
    }
    return isDouble ? pairs : pairs.map { (Double(Float($0.0)), Double(Float($0.1))) }
  }

  /// The function of all pairs by machine code.
  func results(_ pairs: [(Double, Double)], _ target: Target, isDouble: Bool, lanes: Int?) throws -> [Double]
  {
    let module = Module("map", target: target)
    let (pointer, i64) = (module.pointer, module.i64)
    let scalar = isDouble ? module.f64 : module.f32
    let b = FunctionBuilder(
      module.function("map", [pointer, pointer, pointer, i64], module.void), in: module)
    // What the caller allows itself must not change the functions.
    b.fastMath = [.reassociate, .contract, .noSignedZeros, .reciprocal]
    b.forLoop(from: i64.zero, to: b.parameters[3], step: i64.constant(lanes ?? 1)) { i in
      let type = lanes.map { scalar.vector($0) } ?? scalar
      let (x, y) = (
        b.load(type, b.gep(scalar, b.parameters[0], [i]), align: 4),
        b.load(type, b.gep(scalar, b.parameters[1], [i]), align: 4)
      )
      b.store(emit(b, x, y), b.gep(scalar, b.parameters[2], [i]), align: 4)
    }
    b.return()
    try module.verify()
    try module.run(passes: "default<O2>")
    let jit = try JIT(module)
    typealias Map =
      @convention(c) (UnsafeRawPointer, UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void
    let map = unsafeBitCast(try jit.address(of: "map"), to: Map.self)
    let count = (pairs.count + 31) / 32 * 32
    let padded = pairs + Array(repeating: (1, 1), count: count - pairs.count)
    var found: [Double]
    if isDouble {
      found = [Double](repeating: 0, count: count)
      map(padded.map(\.0), padded.map(\.1), &found, count)
    } else {
      var floats = [Float](repeating: 0, count: count)
      map(padded.map { Float($0.0) }, padded.map { Float($0.1) }, &floats, count)
      found = floats.map(Double.init)
    }
    withExtendedLifetime(jit) {}
    return Array(found.prefix(pairs.count))
  }

  /// How far a result is off, in units of the last place.
  func error(_ result: Double, _ a: Double, _ b: Double, isDouble: Bool) -> Double {
    let expected = reference(a, b)
    let rounded = isDouble ? expected : Double(Float(expected))
    if result == rounded {
      // Zeros have signs where a direction is asked for.
      return result == 0 && name != "logaddexp" && result.sign != rounded.sign ? .infinity : 0
    }
    if result.isNaN && rounded.isNaN { return 0 }
    guard result.isFinite, rounded.isFinite else { return .infinity }
    let scale = unit?(a, b, expected) ?? expected
    return Swift.abs(result - expected) / (isDouble ? scale.ulp : Double(Float(scale).ulp))
  }
}

@Suite struct VectorMathPairTests {
  @Test(arguments: PairCase.all, [false, true])
  func `pairs are within the bound`(_ function: PairCase, isDouble: Bool) throws {
    let pairs = PairCase.arguments(isDouble: isDouble)
    for target in VectorMathTests.targets {
      let lanes = target.vectorBytes / (isDouble ? 8 : 4)
      let results = try function.results(pairs, target, isDouble: isDouble, lanes: lanes)
      var worst = (error: 0.0, at: (0.0, 0.0), got: 0.0)
      for (result, (a, b)) in zip(results, pairs) {
        let error = function.error(result, a, b, isDouble: isDouble)
        if error > worst.error { worst = (error, (a, b), result) }
      }
      if ProcessInfo.processInfo.environment["RNNC_PRINT_ULPS"] != nil {
        print("\(function.name) \(isDouble ? "f64" : "f32") \(target.cpu): \(worst)")
      }
      #expect(worst.error <= (target.hasFMA && !isDouble ? 2 : 4), "\(target): \(worst)")
    }
  }

  @Test(arguments: PairCase.all)
  func `any vector width gives the same bits`(_ function: PairCase) throws {
    let pairs = Array(PairCase.arguments(isDouble: false).suffix(256))
    let results = try [nil, 2, 4, 8, 16, 32].map {
      try function.results(pairs, .host, isDouble: false, lanes: $0).map(\.bitPattern)
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
