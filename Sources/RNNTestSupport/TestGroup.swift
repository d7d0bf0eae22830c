import Foundation
import Testing

/// Tests that take long, or need more than this package and LLVM.
///
/// What has no group is the core, which always runs. A group runs if `RNNC_TEST_GROUPS` names it: a list such as
/// `graphs,long`, or `all`. A test is put into a group by a trait, or by the number of its random cases:
///
///     @Test(.group(.long)) func aNovelIsLearned() throws { … }
///     @Test(arguments: TestGroup.graphs.seeds(500, core: 10)) func agrees(seed: UInt64) throws { … }
///
/// The `Makefile` has the same list, from which CI takes one group more each time.
public enum TestGroup: String, CaseIterable, Sendable {
  /// Random graphs, through differentiation, passes and code.
  case graphs
  /// Random programs in the language.
  case programs
  /// Damaged and meaningless texts.
  case texts
  /// Trainings of minutes.
  case long
  /// Comparisons with PyTorch as it is installed (`make torch`), not with stored results.
  case pytorch

  /// Whether the group runs.
  public var isChosen: Bool { TestRun.current.groups.contains(self) }

  /// The seeds of a test's random cases: other ones in each run, which prints the first.
  ///
  /// A failure names its seed, as the test's argument. `RNNC_TEST_SEED` with that seed makes it the first case.
  ///
  /// - Parameters:
  ///   - count: how many there are if the group runs.
  ///   - core: how many there are if it does not.
  public func seeds(_ count: Int, core: Int) -> Range<UInt64> {
    let first = TestRun.current.seed
    return first..<(first + UInt64(isChosen ? count : core))
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs the test, or the tests of the suite, with a group only.
  public static func group(_ group: TestGroup) -> Self {
    .enabled(if: group.isChosen, "RNNC_TEST_GROUPS=\(group.rawValue) runs it")
  }
}

/// What the environment says about this run of the tests.
private struct TestRun {
  let groups: Set<TestGroup>
  let seed: UInt64

  static let current = TestRun(ProcessInfo.processInfo.environment)

  private init(_ environment: [String: String]) {
    let names = (environment["RNNC_TEST_GROUPS"] ?? "").split { ", ".contains($0) }.map(String.init)
    groups = Set(names.flatMap { $0 == "all" ? TestGroup.allCases : [Self.group($0)] })
    seed = Self.seed(environment["RNNC_TEST_SEED"])
    let parts = ["core"] + groups.map(\.rawValue).sorted()
    print("tests: \(parts.joined(separator: ", ")); random cases from RNNC_TEST_SEED=\(seed)")
  }

  private static func group(_ name: String) -> TestGroup {
    guard let group = TestGroup(rawValue: name) else {
      let known = TestGroup.allCases.map(\.rawValue).joined(separator: ", ")
      fatalError("RNNC_TEST_GROUPS: there is no group '\(name)'; there are \(known), and all")
    }
    return group
  }

  private static func seed(_ text: String?) -> UInt64 {
    guard let text, !text.isEmpty else { return .random(in: 0..<1_000_000_000) }
    guard let seed = UInt64(text), seed < 1 << 60 else {
      fatalError("RNNC_TEST_SEED: '\(text)' is not a whole number from 0 to 2^60")
    }
    return seed
  }
}
