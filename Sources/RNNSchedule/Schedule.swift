import RNNPlan

/// How a function computes what a kernel says: everything that the machine code depends on beside the kernel itself.
///
/// A schedule changes no result, but for one thing: in how many sums a reduction is made
/// (`ReductionSchedule.accumulators`) and in vectors of how many elements.
public struct Schedule: Hashable, Sendable {
  /// Elements of a vector.
  public var lanes: Int
  /// The registers of a vector in which elementwise work is done.
  ///
  /// The instructions of a long body wait for each other, and a core looks for others that need not wait among the next
  /// few dozen only: in vectors of two registers it finds those of the other half.
  public var registers = 1
  /// The axis along which a copy reads that turns a matrix; nil if it does not, or element by element.
  public var transposedAxis: Int?
  /// Rows ahead at which the rows that a scatter-add reads are prefetched.
  public var prefetchRows = 0
  /// How a reduction is made, if the kernel is one.
  public var reduction: ReductionSchedule?
  /// How a product is computed, if the kernel has one.
  public var product: ProductSchedule?
  /// How a sweep is made, if the kernel is one.
  public var sweep: SweepSchedule?
}

/// How a sweep over the rows of matrices is made.
public struct SweepSchedule: Hashable, Sendable {
  /// The vectors of a row that are taken together. If these are not all, the columns are cut in several parts, of which
  /// each has its own sweep.
  public var vectors: Int

  /// A sweep that takes some vectors together.
  public init(vectors: Int) { self.vectors = vectors }
}

/// How a reduction is made.
public struct ReductionSchedule: Hashable, Sendable {
  /// Independent vectors of sums side by side, to hide the latency of an addition. Along the last axis that is the order
  /// in which the elements are added.
  public var accumulators: Int
}

/// How a product is computed.
public struct ProductSchedule: Hashable, Sendable {
  /// How a thread's rows are cut into tiles.
  public enum RowCut: String, Hashable, Sendable, CaseIterable {
    /// Single rows.
    case single = "single rows"
    /// Tiles of the full height only.
    case whole = "whole tiles"
    /// Tiles of the full height and tiles one row lower: no tile is much lower than the others.
    case even = "tiles and lower ones"
    /// Tiles of the full height, and single rows.
    case rest = "tiles and single rows"
    /// Even where that comes out, otherwise with a rest: the number of rows is known at run time only.
    case open = "tiles and lower ones or single rows"
  }

  /// How rows are cut.
  public var rows: RowCut
  /// Panels that a single row takes side by side: as many sums as hide the latency of a multiply-add.
  public var panelsOfSingleRow = 1
  /// Whether whole panels share the code of the last one, whose last vector is not full.
  public var masksAllPanels = false
  /// Whether the sums pass through memory, so that one copy of a long body serves all rows of a tile.
  public var sharesBody = false
  /// The micro-kernels, one for each shape of a tile.
  public var microKernels: [MicroKernel]
  /// Contracted indices ahead at which rows are prefetched that are copied into panels; 0 if none are.
  public var prefetchIndices = 0

  /// A way to cut rows; the micro-kernels are to be given for its `shapes`.
  public init(rows: RowCut, microKernels: [MicroKernel] = []) {
    self.rows = rows
    self.microKernels = microKernels
  }

  /// The micro-kernel of a shape.
  public func microKernel(rows: Int, vectors: Int) -> MicroKernel? {
    microKernels.first { $0.rows == rows && $0.vectors == vectors }
  }
}

/// The innermost loop of a product for tiles of one shape.
public struct MicroKernel: Hashable, Sendable {
  /// Rows of the tile.
  public var rows: Int
  /// Vectors of columns of the tile, for each group.
  public var vectors: Int
  /// Contracted indices of a round.
  public var unrolling: Int
  /// Cache lines of what the body reads and writes beside the sums that are prefetched, one with each contracted index;
  /// 0 for none. See note [Early lines], `Sources/RNNCodegen/KernelEmitter+Contraction.swift`.
  public var prefetchedLines: Int

  /// The innermost loop for a shape.
  public init(rows: Int, vectors: Int, unrolling: Int, prefetchedLines: Int = 0) {
    self.rows = rows
    self.vectors = vectors
    self.unrolling = unrolling
    self.prefetchedLines = prefetchedLines
  }
}
