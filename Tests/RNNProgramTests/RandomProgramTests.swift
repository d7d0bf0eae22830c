import Foundation
import RNNTestSupport
import Testing

/// Random programs of the language compute the same in the interpreter, in native code with all passes, and in a
/// translation to Python that goes through examples and steps one by one: values and derivatives.
///
/// `RNNC_TEST_PROGRAMS` chooses how many.
@Suite("Random programs")
struct RandomProgramTests {
  /// Seeds in groups, so that Python's start does not matter.
  private static func groups(_ count: Int, core: Int) -> [Range<UInt64>] {
    var seeds = TestGroup.programs.seeds(count, core: core)
    let chosen = ProcessInfo.processInfo.environment["RNNC_TEST_PROGRAMS"].flatMap(UInt64.init)
    if let chosen { seeds = seeds.lowerBound..<(seeds.lowerBound + chosen) }
    return stride(from: seeds.lowerBound, to: seeds.upperBound, by: 25).map {
      $0..<min($0 + 25, seeds.upperBound)
    }
  }

  @Test(
    .enabled(if: Judge.numpy != nil, "no Python has numpy: run `make setup`"),
    arguments: groups(800, core: 160))
  func agree(_ seeds: Range<UInt64>) throws {
    try ProgramComparison(seeds: Array(seeds)).check()
  }

  /// What reaches the loss only through branches that are not taken has the derivative 0, whatever stands there.
  @Test(
    .enabled(if: Judge.numpy != nil, "no Python has numpy: run `make setup`"),
    arguments: groups(200, core: 40))
  func branchesThatAreNotTakenDoNotMatter(_ seeds: Range<UInt64>) throws {
    let options = ProgramGenerator.Options(partialFunctions: true)
    try ProgramComparison(seeds: Array(seeds), options: options).check()
  }

  @Test(
    .group(.pytorch), .enabled(if: Judge.torch != nil, "no Python has PyTorch: run `make setup-torch`"),
    arguments: groups(200, core: 200))
  func agreeWithPyTorch(_ seeds: Range<UInt64>) throws {
    try ProgramComparison(seeds: Array(seeds), isTorch: true).check()
  }
}
