import RNNGraph

/// What the planner and the scheduler know of a processor: the one table of its costs.
///
/// The vectors, and the sizes of caches where the program is to run on this machine, come from the target. All other
/// numbers are those of processors of today, such as Zen 3 to 5 and Skylake and its successors; where these differ, the
/// number that costs least on any of them.
public struct Machine: Sendable, Hashable {
  // MARK: Vectors

  /// Bytes of a vector register.
  public var vectorBytes: Int
  /// How many vector registers there are.
  public var vectorRegisters: Int

  // MARK: Caches

  /// Bytes of a core's first cache (L1), and of the second (L2); the least that processors of today have.
  public var nearCacheBytes = 32 << 10, farCacheBytes = 512 << 10
  /// Bytes of a cache line.
  public var lineBytes = 64
  /// Bytes after which the sets of the first cache repeat, halved: rows that lie so far apart, or a multiple of it, are
  /// in conflict for one set or two.
  public var setPeriodBytes = 2048
  /// Bytes that a core reads from the first cache, from the second, and from behind it, in a cycle.
  public var nearBytesPerCycle = 64.0, farBytesPerCycle = 32.0, memoryBytesPerCycle = 10.0

  // MARK: Execution

  /// Fused multiply-adds of vectors that a core begins in a cycle, and loads.
  public var multiplyAddsPerCycle = 2.0, loadsPerCycle = 2.0
  /// Cycles from the begin of a multiply-add to its result.
  public var multiplyAddLatency = 4.0
  /// Cycles that a vector takes from the second cache while a micro-kernel runs.
  public var cyclesOfFarVector = 2.0
  /// Instructions of the innermost loop of a product beside which those that only count weigh little: from so many on
  /// a round takes `shortUnrolling` contracted indices, otherwise `longUnrolling`.
  public var instructionsOfLongRound = 32
  /// Contracted indices of a round of the innermost loop.
  public var shortUnrolling = 2, longUnrolling = 4
  /// Sums side by side that hide the latency of a multiply-add, where a product has one row.
  public var sumsOfOneRow = 8
  /// Independent vectors of sums of a reduction that hide the latency of an addition.
  public var accumulators = 4
  /// Instructions of a kernel's body from which on its code is shared by rows, and vectors of two registers pay.
  public var instructionsOfLongBody = 7

  // MARK: Prefetching

  /// Contracted indices ahead at which rows are asked for that are copied into panels.
  public var copyAhead = 12
  /// Rows ahead at which rows are asked for that are added to a table.
  public var scatterAhead = 4

  // MARK: Threads

  /// What a barrier costs, in elements of elementwise work: less is not shared.
  public var barrierCost = 8192
  /// Elements of elementwise work in a cycle, for what a barrier costs in cycles.
  public var elementsPerCycle = 10.0

  /// Describes a processor.
  public init(vectorBytes: Int, vectorRegisters: Int) {
    self.vectorBytes = vectorBytes
    self.vectorRegisters = vectorRegisters
  }

  /// Elements of a type in a vector register.
  public func lanes(_ element: ElementType) -> Int { vectorBytes / max(4, element.byteCount) }
}
