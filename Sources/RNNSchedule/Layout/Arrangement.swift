import RNNPlan

/// How a plan is laid out on a machine: who shares the work, and where the numbers lie.
public struct Arrangement: Hashable, Sendable {
  /// How many threads there are.
  public var threads: Int
  /// Whether threads share the examples of kernels that compute each example by itself.
  public var sharesExamples: Bool
  /// Elements between two rows of a buffer that are left free.
  public var gaps: [BufferID: Int] = [:]
  /// How each kernel is laid out, in the plan's order.
  public var kernels: [KernelArrangement] = []
  /// How threads share the kernels that fill panels with columns, in the order in which these are first read.
  public var packings: [Split] = []

  /// The arrangement for some threads, which says nothing about kernels yet.
  public init(threads: Int, sharesExamples: Bool) {
    self.threads = threads
    self.sharesExamples = sharesExamples
  }
}

/// What an arrangement says something of: a kernel of the plan, or one that fills panels, by number.
public enum ArrangedPart: Hashable, Sendable {
  case kernel(Int)
  case packing(Int)
}

/// How a kernel is laid out.
public struct KernelArrangement: Hashable, Sendable {
  /// How the threads share its domain, once its axes are joined.
  public var split = Split.none
  /// How its product is laid out, if it has one.
  public var product: ProductArrangement?

  /// A kernel that one thread computes.
  public init(split: Split = .none, product: ProductArrangement? = nil) {
    self.split = split
    self.product = product
  }
}

/// How a product is laid out.
public struct ProductArrangement: Hashable, Sendable {
  /// Rows and vectors of columns of a tile.
  public var tile: Tile
  /// Elements of the sums in a vector.
  public var lanes: Int
  /// Whether the columns are copied into panels.
  public var packsColumns: Bool
  /// How the contraction is cut, and with it the rows are copied; nil if neither is.
  public var blocks: Blocks?
  /// Whether the panels are taken in the opposite order in every second iteration of the innermost loop.
  public var turns = false

  /// Contracted indices of a block, and how many panels of rows it has.
  public struct Blocks: Hashable, Sendable {
    /// Contracted indices.
    public var depth: Int
    /// Panels, each with the rows of a tile.
    public var panels: Int

    /// A block of so many indices and panels.
    public init(depth: Int, panels: Int) {
      self.depth = depth
      self.panels = panels
    }
  }

  /// A tile without blocks.
  public init(tile: Tile, lanes: Int, packsColumns: Bool) {
    self.tile = tile
    self.lanes = lanes
    self.packsColumns = packsColumns
  }
}

/// Where a kernel of a plan stands, for whoever arranges it.
public struct KernelPlace: Sendable {
  /// The number of threads.
  public let threads: Int
  /// Whether threads share examples.
  public let sharesExamples: Bool
  /// Whether the kernel runs once a step, so that what it does should be small; a segment is no step.
  public let isInStep: Bool
  /// Of a product, whether its columns are made in the loop that it is in, or nowhere in a loop if it is in none.
  public let columnsAreNear: Bool
  /// Whether there is a loop around.
  public let isInLoop: Bool

  /// Whether a kernel is shared by examples.
  public func splitsExamples(of kernel: Kernel) -> Bool { sharesExamples && kernel.examples != nil }
}
