import RNNGraph

/// An operand of a product: rows or columns by the contracted index.
public struct ProductOperand: Hashable, Sendable {
  /// How the operand is laid out.
  public enum Layout: Hashable, Sendable {
    /// As the access says, along the domain and then along the contracted axes.
    case direct
    /// In panels of some columns; a panel holds these for each contracted index in turn, and begins `distance` elements
    /// behind the one before.
    case packed(panel: Int, distance: Size)
  }

  /// Where it is. Of a packed operand the index covers only what a panel does not: loops and outer axes.
  public var access: Access
  /// How it is laid out.
  public var layout: Layout

  /// An operand.
  public init(access: Access, layout: Layout) {
    self.access = access
    self.layout = layout
  }
}

/// Sums of products at the points of the domain.
///
/// Accumulator `g` is `Σ_k lhs[row, k] · rhs[k, g·columns + column]`. The last axis of the domain runs over columns,
/// the one before it over rows.
public struct Product: Hashable, Sendable {
  /// A number for each row.
  public var lhs: ProductOperand
  /// The columns, one group beside the other.
  public var rhs: ProductOperand
  /// How many accumulators there are at a point of the domain.
  public var groups: Int
  /// The contracted axes, outermost first.
  public var contracted: [Size]
  /// The type of the operands' numbers.
  public var factors: ElementType
  /// The type of the sums: that of the factors, or a wider one.
  public var element: ElementType
  /// What the columns' numbers are rounded to before they are multiplied.
  public var columnFormat = Buffer.Format.full
  /// How it is laid out in registers and caches; nil in a plan that is free of a machine.
  public var layout: ProductLayout?

  /// The number of contracted indices.
  public var depth: Size { contracted.reduce(1, *) }
}

/// How a product is laid out in registers and caches.
public struct ProductLayout: Hashable, Sendable {
  /// Rows and vectors of columns of a tile.
  public var tile: Tile
  /// Elements of the sums in a vector.
  public var lanes: Int
  /// How the contraction is cut; nil if a tile runs over all of it.
  public var blocks: ProductBlocks?
  /// Where this is 1, panels of columns are taken in the opposite order. In a loop it is so in every second iteration:
  /// what an iteration read last is then still in cache when the next one begins.
  public var turns: Affine?

  /// A layout without blocks.
  public init(tile: Tile, lanes: Int) {
    self.tile = tile
    self.lanes = lanes
  }
}

extension Product {
  /// The tile of a product that is laid out.
  public var tile: Tile {
    guard let layout else { preconditionFailure("a product that is not laid out") }
    return layout.tile
  }
  /// The blocks, if it is laid out in some.
  public var blocks: ProductBlocks? { layout?.blocks }
  /// When panels are taken in the opposite order, if they are.
  public var turns: Affine? { layout?.turns }
  /// Whether sums wait in memory for those of other groups.
  public var isStaged: Bool { tile.groups < groups }
}

/// The blocks of a product whose rows do not follow each other along the contraction.
///
/// A thread copies some rows for some contracted indices into panels that stay in its L2 cache, and multiplies them by
/// one panel of columns after the other, which stays in L1.
public struct ProductBlocks: Hashable, Sendable {
  /// Contracted indices of a block.
  public var depth: Int
  /// Panels of a block, each with the rows of a tile.
  public var panels: Size
  /// Where the copies are, a block for each thread.
  public var copies: BufferID
  /// Elements from one panel of a block to the next. They are a little more than a panel has: so the panels do not meet
  /// in the same sets of a cache.
  public var panelStride: Int
  /// Where the sums of whole tiles wait for the next block; nil if the contraction fits in one.
  public var partial: BufferID?

  /// Describes blocks.
  public init(depth: Int, panels: Size, copies: BufferID, panelStride: Int, partial: BufferID?) {
    self.depth = depth
    self.panels = panels
    self.copies = copies
    self.panelStride = panelStride
    self.partial = partial
  }
}

/// The shape of the part of a product that is held in registers.
public struct Tile: Hashable, Sendable {
  /// Rows.
  public var rows: Int
  /// Vectors along the columns, for each group.
  public var vectors: Int
  /// Groups side by side: all of a product's, or one after the other. Then the sums of all rows of a thread wait in memory
  /// until those of the last group are there.
  public var groups: Int

  /// A tile.
  public init(rows: Int, vectors: Int, groups: Int) {
    self.rows = rows
    self.vectors = vectors
    self.groups = groups
  }

  /// How many vectors of sums it holds.
  public var sums: Int { rows * groups * vectors }

  /// How many tiles of the full height and one row lower take some rows together; nil if these leave rows over.
  public func evenCut(of count: Int) -> (whole: Int, lower: Int)? {
    let tiles = (count + rows - 1) / rows
    let lower = tiles * rows - count
    return lower <= tiles ? (tiles - lower, lower) : nil
  }
}
