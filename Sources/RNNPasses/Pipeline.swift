/// Passes in the order in which they are applied.
public struct Pipeline: Sendable {
  /// The name by which the user asks for it.
  public let name: String
  /// The passes; one may stand several times.
  public let passes: [Pass]

  /// Makes a pipeline.
  public init(name: String, passes: [Pass]) {
    self.name = name
    self.passes = passes
  }

  /// Every pipeline with a name. Each puts the sums over steps in order: a limit of memory then changes no bit.
  public static let all: [Pipeline] = [none, basic, full]

  /// The pipeline of this name.
  public static func named(_ name: String) -> Pipeline? { all.first { $0.name == name } }

  /// Leaves the graph as it is, but for the order of sums over steps.
  public static let none = Pipeline(name: "none", passes: [.orderSums])

  /// Removes what costs time and gives nothing, and leaves every loop's work in it.
  public static let basic = Pipeline(
    name: "basic",
    passes: [
      .simplify, .commonSubexpressions, .deadCode, .simplify, .deadCode, .widenTotals, .orderSums,
    ])

  /// Everything that makes the program faster.
  public static let full = Pipeline(
    name: "full",
    passes: [
      // Gradients come with sums of zeros, pads and transposes, and with whatever might have been needed.
      .simplify, .deadCode, .commonSubexpressions,

      // All loops agree on which step is the first.
      .turnLoops, .deadCode,

      // Each loop gets what it really reads, and computes cheap sequences itself: one-hots meet their products.
      .scanInterfaces, .sinkSequences, .loopInvariants, .simplify,

      // Gates that are written as one split become gates that are written apart …
      .sinkSlices, .simplify, .commonSubexpressions,
      // … and products become as wide as they can be. Factors that are put together twice are put together once.
      .mergeSums, .commonSubexpressions, .mergeProducts, .simplify, .commonSubexpressions,

      // What is still a product with a one-hot picks rows instead, and need not leave the loop.
      .oneHot,

      // Loops keep what their carries need and cheap work that fuses with it.
      .loopInvariants, .splitBehind, .splitBefore, .deadCode,

      // Behind the loops stand products with one-hots again, and stacks of parts beside stacks of the whole.
      .scanInterfaces, .simplify, .oneHot, .simplify, .commonSubexpressions,

      // Backward loops add up totals themselves, read few sequences, and compute the others from these.
      .sinkTotals, .deadCode, .recompute, .sinkSequences, .scanInterfaces, .loopInvariants, .sinkSlices,
      .simplify,
      .commonSubexpressions, .deadCode,

      // Backward loops begin with the product whose sums the equations read.
      // What they carry to it is stacked as it is, with all its parts.
      .rotateProducts, .stackCarries, .deadCode, .scanInterfaces, .simplify, .commonSubexpressions, .deadCode,

      // A sum over rows that were added to a table reads the table.
      .sumTables,

      // Long totals are added up in f64.
      .widenTotals,

      // Sums over steps are made in an order that does not depend on how much memory there is.
      .orderSums, .commonSubexpressions,
    ])

  /// What is done to a model of `batch` examples before it is differentiated: what is not there need not be derived.
  public static func forward(batch: Int) -> Pipeline {
    Pipeline(name: "forward", passes: [.tabulate(batch: batch)])
  }

  /// The pipeline for sums of many terms. See Note [Long sums].
  public var forLongSums: Pipeline {
    Pipeline(
      name: name, passes: passes.map { $0.name == Pass.widenTotals.name ? .widenSums : $0 })
  }

  /// The pipeline, and what bounds the memory of long sequences behind it.
  public var segmented: Pipeline { Pipeline(name: name, passes: passes + [.segmentSteps]) }
}
