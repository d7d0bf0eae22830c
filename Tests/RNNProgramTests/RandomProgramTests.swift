import Foundation
import RNNCompiler
import Testing

/// Random programs of the language compute the same in the interpreter, in native code with all passes, and in a
/// translation to Python that knows neither.
///
/// RNNC_TEST_SEED chooses the programs, RNNC_TEST_PROGRAMS how many.
@Suite("Random programs")
struct RandomProgramTests {
  static let environment = ProcessInfo.processInfo.environment
  static let count = environment["RNNC_TEST_PROGRAMS"].flatMap(Int.init) ?? 200
  static let seed: UInt64 = {
    let seed =
      environment["RNNC_TEST_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0..<1_000_000) * 1000
    print("random programs: RNNC_TEST_SEED=\(seed)")
    return seed
  }()
  /// As many groups as keep Python's start from mattering.
  static let groups = stride(from: 0, to: count, by: 25).map { $0..<min($0 + 25, count) }

  @Test(.enabled(if: Judge.numpy != nil, "there is no Python with numpy: run `make setup`"), arguments: groups)
  func agreeWithNumpy(_ group: Range<Int>) throws {
    try ProgramComparison(seeds: group.map { Self.seed + UInt64($0) }).check()
  }

  @Test(.enabled(if: Judge.torch != nil, "there is no Python with PyTorch"), arguments: groups)
  func agreeWithPyTorch(_ group: Range<Int>) throws {
    try ProgramComparison(seeds: group.map { Self.seed + UInt64($0) }, isTorch: true).check()
  }
}
