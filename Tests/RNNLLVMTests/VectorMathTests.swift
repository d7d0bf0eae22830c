import Foundation
import RNNTestSupport
import Testing

@testable import RNNLLVM

/// A function under test, the same in double precision, and where its bound holds.
struct MathCase: Sendable, CustomTestStringConvertible {
  let name: String
  let emit: @Sendable (FunctionBuilder, IRValue) -> IRValue
  let reference: @Sendable (Double) -> Double
  /// Arguments beyond this magnitude are not compared, by precision and with or without FMA.
  var limit: @Sendable (_ isDouble: Bool, _ hasFMA: Bool) -> Double = { _, _ in .infinity }

  var testDescription: String { name }

  static let all: [MathCase] = [
    MathCase(name: "exp", emit: { $0.exp($1) }, reference: { Foundation.exp($0) }),
    MathCase(name: "log", emit: { $0.log($1) }, reference: { Foundation.log($0) }),
    MathCase(name: "tanh", emit: { $0.tanh($1) }, reference: { Foundation.tanh($0) }),
    MathCase(
      name: "sigmoid", emit: { $0.sigmoid($1) },
      reference: { x in
        // Without losing digits far left.
        let e = Foundation.exp(-Swift.abs(x))
        return x < 0 ? e / (1 + e) : 1 / (1 + e)
      }),
    MathCase(
      name: "softplus", emit: { $0.softplus($1) },
      reference: { Swift.max($0, 0) + Foundation.log1p(Foundation.exp(-Swift.abs($0))) }),
    MathCase(name: "expm1", emit: { $0.expm1($1) }, reference: { Foundation.expm1($0) }),
    MathCase(name: "log1p", emit: { $0.log1p($1) }, reference: { Foundation.log1p($0) }),
    MathCase(name: "erf", emit: { $0.erf($1) }, reference: { Foundation.erf($0) }),
    MathCase(name: "floor", emit: { $0.roundDown($1) }, reference: { $0.rounded(.down) }),
    MathCase(name: "round", emit: { $0.roundToEven($1) }, reference: { $0.rounded(.toNearestOrEven) }),
    MathCase(name: "sin", emit: { $0.sin($1) }, reference: { Foundation.sin($0) }, limit: circleLimit),
    MathCase(name: "cos", emit: { $0.cos($1) }, reference: { Foundation.cos($0) }, limit: circleLimit),
  ]

  private static let circleLimit: @Sendable (Bool, Bool) -> Double = { isDouble, hasFMA in
    isDouble ? (hasFMA ? 0x1p30 : 0x1p19) : (hasFMA ? 0x1p17 : 0x1p12)
  }

  /// Machine code that maps whole vectors of an array.
  func compile(_ target: Target, isDouble: Bool, lanes: Int?) throws -> (JIT, Map) {
    let module = Module("map", target: target)
    let (pointer, i64) = (module.pointer, module.i64)
    let scalar = isDouble ? module.f64 : module.f32
    let b = FunctionBuilder(module.function("map", [pointer, pointer, i64], module.void), in: module)
    // What the caller allows itself must not change the functions.
    b.fastMath = [.reassociate, .contract, .noSignedZeros, .reciprocal]
    b.forLoop(from: i64.zero, to: b.parameters[2], step: i64.constant(lanes ?? 1)) { i in
      let type = lanes.map { scalar.vector($0) } ?? scalar
      let x = b.load(type, b.gep(scalar, b.parameters[0], [i]), align: 4)
      b.store(emit(b, x), b.gep(scalar, b.parameters[1], [i]), align: 4)
    }
    b.return()
    try module.verify()
    try module.run(passes: "default<O2>")
    let jit = try JIT(module)
    return (jit, unsafeBitCast(try jit.address(of: "map"), to: Map.self))
  }

  typealias Map = @convention(c) (UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void
}

private func ulps(_ result: Float, _ expected: Double) -> Double {
  let rounded = Float(expected)
  if result == rounded || (result.isNaN && rounded.isNaN) { return 0 }
  guard result.isFinite, rounded.isFinite else { return .infinity }
  return Swift.abs(Double(result) - expected) / Double(rounded.ulp)
}

private func ulps(_ result: Double, _ expected: Double) -> Double {
  if result == expected || (result.isNaN && expected.isNaN) { return 0 }
  guard result.isFinite, expected.isFinite else { return .infinity }
  return Swift.abs(result - expected) / expected.ulp
}

@Suite struct VectorMathTests {
  /// This machine, and the same without FMA where there is such a thing.
  static let targets: [Target] = {
    let plain = try? Target(named: "x86-64-v2")
    return [Target.host] + [plain].compactMap { $0 }.filter { $0.runsHere && Target.host.hasFMA }
  }()

  /// Every 8191st float, or as many as the environment asks for; 1 takes about two hours.
  @Test(arguments: MathCase.all)
  func `floats are within the bound over the whole range`(_ function: MathCase) throws {
    let stride = ProcessInfo.processInfo.environment["RNNC_FLOAT_STRIDE"].flatMap(UInt64.init) ?? 8191
    for target in Self.targets {
      let (jit, map) = try function.compile(target, isDouble: false, lanes: target.vectorBytes / 4)
      let limit = function.limit(false, target.hasFMA)
      let bound = target.hasFMA ? 2.0 : 4.0
      let count = 1 << 16
      var x = [Float](repeating: 0, count: count)
      var y = x
      var worst = (error: 0.0, at: Float(0), got: Float(0))
      var next: UInt64 = 0
      while next < 1 << 32 {
        var used = 0
        while used < count, next < 1 << 32 {
          x[used] = Float(bitPattern: UInt32(next))
          used += 1
          next += stride
        }
        map(x, &y, count)
        for i in 0..<used where Double(Swift.abs(x[i])) <= limit || !x[i].isFinite {
          let error = ulps(y[i], function.reference(Double(x[i])))
          if error > worst.error { worst = (error, x[i], y[i]) }
        }
      }
      if ProcessInfo.processInfo.environment["RNNC_PRINT_ULPS"] != nil {
        print("\(function.name) f32 \(target.cpu): \(worst)")
      }
      #expect(worst.error <= bound, "\(target): \(worst)")
      withExtendedLifetime(jit) {}
    }
  }

  @Test(arguments: MathCase.all)
  func `doubles are within the bound`(_ function: MathCase) throws {
    for target in Self.targets {
      let (jit, map) = try function.compile(target, isDouble: true, lanes: target.vectorBytes / 8)
      let limit = function.limit(true, target.hasFMA)
      var generator = SplitMix64(seed: 17)
      // All magnitudes, and those where the functions bend more densely.
      let wide = (0..<20_000).map { _ in Double(bitPattern: generator.next()) }
      let close = (0..<60_000).map { i in
        Double(Int64(bitPattern: generator.next())) * 0x1p-63 * [1, 8, 40, 800][i % 4]
      }
      let special: [Double] = [
        0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0x1p-1074, -0x1p-1074, 0x1p-1022, 709.78, 709.79,
        -745.13,
        -745.14,
        .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
      ]
      let x = special + wide + close
      var y = [Double](repeating: 0, count: x.count)
      map(x, &y, x.count)
      var worst = (error: 0.0, at: 0.0, got: 0.0)
      for i in x.indices where Swift.abs(x[i]) <= limit || !x[i].isFinite {
        let error = ulps(y[i], function.reference(x[i]))
        if error > worst.error { worst = (error, x[i], y[i]) }
      }
      if ProcessInfo.processInfo.environment["RNNC_PRINT_ULPS"] != nil {
        print("\(function.name) f64 \(target.cpu): \(worst)")
      }
      #expect(worst.error <= 4, "\(target): \(worst)")
      withExtendedLifetime(jit) {}
    }
  }

  @Test(arguments: MathCase.all)
  func `any vector width gives the same bits`(_ function: MathCase) throws {
    let x = (0..<256).map { Float($0 - 128) * 0.37 }
    let results = try [nil, 2, 4, 8, 16, 32].map { lanes in
      let (jit, map) = try function.compile(.host, isDouble: false, lanes: lanes)
      var y = [Float](repeating: 0, count: x.count)
      map(x, &y, x.count)
      withExtendedLifetime(jit) {}
      return y.map(\.bitPattern)
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  @Test func `saturation is exact`() throws {
    func values(_ name: String, _ x: [Float]) throws -> [Float] {
      let function = try #require(MathCase.all.first { $0.name == name })
      let (jit, map) = try function.compile(.host, isDouble: false, lanes: nil)
      var y = [Float](repeating: 0, count: x.count)
      map(x, &y, x.count)
      withExtendedLifetime(jit) {}
      return y
    }
    #expect(try values("tanh", [-.infinity, -20, 20, .infinity, 1e-30]) == [-1, -1, 1, 1, 1e-30])
    #expect(try values("sigmoid", [-.infinity, -200, 0, 18, .infinity]) == [0, 0, 0.5, 1, 1])
    #expect(try values("exp", [-.infinity, -200, 0, 89, .infinity]) == [0, 0, 1, .infinity, .infinity])
    #expect(try values("log", [0, -0.0, 1, .infinity]) == [-.infinity, -.infinity, 0, .infinity])
    #expect(try values("softplus", [-.infinity, 200, .infinity]) == [0, 200, .infinity])
    #expect(try values("expm1", [-.infinity, -50, 0, 89, .infinity]) == [-1, -1, 0, .infinity, .infinity])
    #expect(try values("log1p", [-1, 0, 1e-30, .infinity]) == [-.infinity, 0, 1e-30, .infinity])
    #expect(try values("erf", [-.infinity, -6, 0, 6, .infinity]) == [-1, -1, 0, 1, 1])
  }

  @Test(arguments: [("exp", 18), ("sigmoid", 18), ("tanh", 21)])
  func `the functions of cells stay short`(_ name: String, _ most: Int) throws {
    // One instruction for each operation: those that only name bits anew cost nothing, the two halves of a
    // choice count once, and a sign folds into the multiply-add.
    let module = Module("count", target: try Target(named: "x86-64-v4"))
    let vector = module.f32.vector(16)
    let b = FunctionBuilder(module.function("f", [vector], vector), in: module)
    let function = try #require(MathCase.all.first { $0.name == name })
    b.return(function.emit(b, b.parameters[0]))
    let lines = module.description.split(separator: "\n").filter { $0.contains(" = ") && $0.hasPrefix("  ") }
    let operations = lines.filter {
      !$0.contains("= bitcast") && !$0.contains("= fcmp") && !$0.contains("= fneg")
    }
    #expect(operations.count <= most, "\(lines.joined(separator: "\n"))")
  }
}
