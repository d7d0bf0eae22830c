import RNNGraph

/// A change of a graph that keeps what it computes.
public struct Pass: Sendable {
  /// The name by which the user asks for it.
  public let name: String
  /// What it does, in half a sentence.
  public let summary: String
  /// Applies it and gives whether it changed anything.
  public let run: @Sendable (inout Graph) -> Bool

  init(name: String, summary: String, run: @escaping @Sendable (inout Graph) -> Bool) {
    self.name = name
    self.summary = summary
    self.run = run
  }

  /// Every pass there is, for a program of 32 examples.
  public static let all: [Pass] = Pass.all(batch: 32)

  /// Every pass there is, for a program of `batch` examples: the only table of them.
  public static func all(batch: Int) -> [Pass] {
    [
      simplify, oneHot, commonSubexpressions, deadCode, loopInvariants, scanInterfaces, sinkSequences,
      sinkSlices, mergeSums, mergeProducts, splitBefore, splitBehind, sinkTotals, recompute,
      rotateProducts, stackCarries, sumTables, turnLoops, widenTotals, widenSums, orderSums, segmentSteps,
      tabulate(batch: batch),
    ]
  }

  /// The pass of this name.
  public static func named(_ name: String) -> Pass? { all.first { $0.name == name } }
}
