import RNNGraph

/// What a scheduler knows of a processor: the one table of its costs.
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

  /// Bytes of a core's first cache, and of its second; the least that processors of today have.
  public var l1Bytes = 32 << 10, l2Bytes = 512 << 10
  /// Bytes of a cache line.
  public var lineBytes = 64
  /// Bytes after which the sets of L1 repeat, halved: rows that lie so far apart, or a multiple of it, are in conflict
  /// for one set or two.
  public var setPeriodBytes = 2048
  /// Bytes that a core reads from L1, from L2, and from behind it, in a cycle.
  public var l1BytesPerCycle = 64.0, l2BytesPerCycle = 32.0, memoryBytesPerCycle = 10.0

  // MARK: Execution

  /// Fused multiply-adds of vectors that a core begins in a cycle, and loads.
  public var multiplyAddsPerCycle = 2.0, loadsPerCycle = 2.0
  /// Cycles from the begin of a multiply-add to its result.
  public var multiplyAddLatency = 4.0
  /// Cycles that a vector takes from L2 while a micro-kernel runs.
  public var cyclesOfL2Vector = 2.0
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

  // MARK: Tiles

  /// Rows of a tile and vectors of its columns for each group, at most; and those of a tile of one row.
  public var highestTile = 14, widestTile = 4, widestTileOfOneRow = 12
  /// By how much of its cycles a tile is no better than another: then the larger one is taken, which reads less.
  public var tieOfTiles = 0.001
  /// How many rows there may be if the groups of a product are computed one after the other: the sums of fewer are bound
  /// by how fast weights come in, and those of more would not stay in L1.
  public var rowsThatWait = 4...64
  /// How many rows an open number counts as where a tile is chosen: a multiple of all heights up to eight.
  public var openRows = 840
  /// How often dense columns that were just made are read as they lie, and not worth copying: at most so many rows of a
  /// product in a loop over steps, and elsewhere.
  public var readingsOfColumnsInStep = 64, readingsOfColumns = 8
  /// Contracted indices of a block, at least.
  public var shortestBlock = 128

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

  /// What an open number of steps counts as in elementwise work, and an open extent that threads may share.
  public var openSteps = 16, openExtent = 1024
  /// How much of the time may be left, at most, for threads to share columns rather than examples.
  public var gainOfColumns = 0.8

  /// Describes a processor.
  public init(vectorBytes: Int, vectorRegisters: Int) {
    self.vectorBytes = vectorBytes
    self.vectorRegisters = vectorRegisters
  }

  /// Elements of a type in a vector register.
  public func lanes(_ element: ElementType) -> Int { max(1, vectorBytes / max(4, element.byteCount)) }
}
