import RNNGraph

/// Names a buffer of a plan; prints as `b3`.
public struct BufferID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The position in the plan's table of buffers.
  public let index: Int

  /// The buffer at a position.
  public init(index: Int) { self.index = index }

  public var description: String { "b\(index)" }

  public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

/// Memory that a plan reads or writes.
public struct Buffer: Sendable {
  /// Where the memory is.
  public enum Place: Sendable, Hashable {
    /// Given by the caller: the input of this number.
    case input(Int)
    /// Given by the caller: the output of this number.
    case output(Int)
    /// In the arena.
    case arena
  }

  /// How numbers lie in memory.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    /// As their type says.
    case full
    /// The upper half of an `f32`, rounded to the nearest: only for packed columns of a product, which computes in `f32`.
    /// Neighbouring vectors alternate, number by number, so that a register of these halves widens to two of `f32`.
    case bf16
  }

  /// What it holds, for readers of the plan.
  public var name: String
  /// The type of its elements.
  public var element: ElementType
  /// How they lie.
  public var format = Format.full
  /// The number of its elements.
  public var count: Size
  /// Elements of a row, if whole rows may lie further apart: an index moves within a row, or by whole rows.
  public var row: Int?
  /// Where it is.
  public var place: Place
  /// Its offset in the arena, in bytes.
  public var offset: Size = 0
  /// The first and last position in the plan's order at which it holds data; nil if it is never used.
  public var lifetime: ClosedRange<Int>?
  /// The equations that compute what it holds.
  public var places = SourcePlaces.none

  /// Memory of some elements.
  public init(name: String, element: ElementType, count: Size, place: Place) {
    self.name = name
    self.element = element
    self.count = count
    self.place = place
  }

  /// The bytes of an element.
  public var elementBytes: Int { format == .bf16 ? 2 : element.byteCount }

  /// The number of its bytes, rounded up so that the next buffer is aligned.
  public var byteCount: Size {
    var size = Size(0)
    for (symbols, factor) in count.terms {
      let bytes = (factor * elementBytes + Buffer.alignment - 1) / Buffer.alignment * Buffer.alignment
      size = size + symbols.reduce(Size(bytes)) { $0 * Size($1) }
    }
    return size
  }

  /// Every buffer of the arena begins at a multiple of this many bytes.
  public static let alignment = 64
}

/// One element of a buffer for each point of a kernel's domain.
public struct Access: Hashable, Sendable, CustomStringConvertible {
  /// The buffer.
  public var buffer: BufferID
  /// The element's position in it.
  public var index: Affine
  /// Whether a thread that owns some examples touches only what belongs to these.
  public var isOwned: Bool

  /// An element of a buffer.
  public init(buffer: BufferID, index: Affine, isOwned: Bool) {
    self.buffer = buffer
    self.index = index
    self.isOwned = isOwned
  }

  public var description: String { "\(isOwned ? "own " : "")\(buffer)[\(index)]" }
}

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

/// What a kernel does with the values of its body.
public enum KernelKind: Hashable, Sendable {
  /// Stores them.
  case map
  /// Combines them along the last `axes` axes, or along the `axes` axes before the last one, and stores that.
  case reduce(Reduction, axes: Int, keepsLast: Bool)
  /// Adds rows of the last axis to the rows of a table named by an instruction; zeroes the table first.
  case scatterAdd(id: Int, TableRows)
}

/// A value stored at every point of the domain.
public struct Store: Hashable, Sendable {
  /// Where to.
  public var access: Access
  /// The instruction whose value is stored.
  public var value: Int

  /// A value and where it goes.
  public init(access: Access, value: Int) {
    self.access = access
    self.value = value
  }
}

/// How the threads share a kernel's domain.
public enum Split: Hashable, Sendable {
  /// The first thread does all.
  case none
  /// Each thread takes a range of the axis that counts examples: the same in every kernel.
  case batch(axis: Int)
  /// Each thread takes a range of an axis, in multiples of a number.
  case axis(Int, multiple: Int)
}

extension Split {
  /// The axis that is shared, and the number of which each share is a multiple; nil if the first thread does all.
  public var share: (axis: Int, multiple: Int)? {
    switch self {
    case .none: nil
    case .batch(let axis): (axis, 1)
    case .axis(let axis, let multiple): (axis, multiple)
    }
  }

  /// The part of an extent that a thread has: of the multiples as many as the other threads or one more, and the last thread
  /// what is left over. Code computes the same (`ProgramEmitter.run`).
  public func range(ofThread thread: Int, of threads: Int, extent: Int) -> Range<Int> {
    guard let multiple = share?.multiple else { return thread == 0 ? 0..<extent : 0..<0 }
    let units = (extent + multiple - 1) / multiple
    func bound(_ thread: Int) -> Int { min(units * thread / threads * multiple, extent) }
    return bound(thread)..<bound(thread + 1)
  }
}

/// A loop nest with one body: a map, a reduction, or a product with what follows it.
public struct Kernel: Hashable, Sendable {
  /// A name that tells what it computes.
  public var name: String
  /// The extents of the axes; the last one is vectorised.
  public var domain: [Size]
  /// What happens to the values.
  public var kind: KernelKind
  /// The product whose accumulators the body reads.
  public var product: Product?
  /// The values, in order.
  public var body: [Instruction]
  /// Where they go.
  public var stores: [Store]
  /// Loads give 0 where this form is not below the limit; stores are not affected. Used to pad panels.
  public var bound: Bound?
  /// What sums start from, an element for each that is stored; nil for 0. Of a scatter-add it is the table itself, which
  /// is not zeroed then.
  public var start: Access?
  /// In which order the terms of each sum are added. A chain goes through the contracted or reduced axes from the first index
  /// to the last one, the last axis innermost. A scatter-add always is one.
  public var order = SumOrder.any
  /// The axis that counts examples, of which each is computed by itself.
  public var examples: Int?
  /// Whether examples are summed over.
  public var sumsOverExamples = false
  /// How the threads share the domain.
  public var split = Split.none
  /// The equations that it comes from, which are no part of what it computes.
  public var places: KernelPlaces

  /// A kernel that one thread computes.
  public init(
    name: String, domain: [Size], kind: KernelKind, product: Product? = nil, body: [Instruction],
    stores: [Store], bound: Bound? = nil, start: Access? = nil, examples: Int? = nil,
    places: KernelPlaces = KernelPlaces()
  ) {
    self.name = name
    self.domain = domain
    self.kind = kind
    self.product = product
    self.body = body
    self.stores = stores
    self.bound = bound
    self.start = start
    self.examples = examples
    self.places = places
  }

  /// A limit of a form over the domain.
  public struct Bound: Hashable, Sendable {
    /// The form.
    public var index: Affine
    /// What it must stay below.
    public var limit: Size

    /// A form and its limit.
    public init(index: Affine, limit: Size) {
      self.index = index
      self.limit = limit
    }
  }
}

extension Kernel {
  /// The axes along which a reduction combines values; none of other kernels.
  public var reducedAxes: Range<Int> {
    guard case .reduce(_, let axes, let keepsLast) = kind else { return 0..<0 }
    let end = keepsLast ? domain.count - 1 : domain.count
    return end - axes..<end
  }

  /// Whether the terms of each sum are added one after the other: not in lanes, whose sums are added up at last.
  public var sumsInChains: Bool {
    switch kind {
    case .map: product != nil
    case .reduce(let reduction, _, let keepsLast): reduction == .sum && keepsLast
    case .scatterAdd: true
    }
  }

  /// Whether the terms of each sum must be added so: to each other in order, or to what the sum starts from.
  public var needsChains: Bool { order == .chain || start != nil }
}

/// A loop over time.
public struct Loop: Sendable {
  /// The number by which indices refer to it.
  public var id: Int
  /// The number of steps.
  public var steps: Symbol
  /// Whether the last step comes first.
  public var isReversed: Bool
  /// What a step is if it is a segment of several.
  public var segments: Segments?
  /// What each step does.
  public var body: [Step]
  /// The equations that it comes from.
  public var places = SourcePlaces.none
}

/// One entry of a plan's order.
public enum Step: Sendable {
  case kernel(Kernel)
  case loop(Loop)
  /// What depends on parameters only: done in the first call, and left out in later ones with the same parameters.
  case preparation([Step])
  /// All threads wait for each other.
  case barrier
}

/// A program as ordered steps over buffers.
///
/// The planner makes plans that are free of any machine: what is computed, in which order, from which memory. The layout of
/// such a plan by a scheduler is a plan, too, with packed operands, shares of threads, barriers and offsets in one arena.
public struct Plan: Sendable {
  /// The name of the graph.
  public var name: String
  /// The graph's inputs, with the batch bound.
  public var inputs: [Port]
  /// The graph's outputs, with the batch bound.
  public var outputs: [Port]
  /// The memory.
  public var buffers: [Buffer]
  /// What happens, in order.
  public var steps: [Step]
  /// The bytes of the arena.
  public var arenaBytes: Size = 0
  /// The number of threads that run it.
  public var threads = 1
  /// The number of examples.
  public var batch: Int
  /// The symbols that the caller gives values for, in order.
  public var symbols: [Symbol]

  /// An input or output: what the caller passes a pointer for.
  public struct Port: Sendable {
    /// The name.
    public var name: String
    /// The type of its elements.
    public var element: ElementType
    /// Its extents.
    public var shape: [Size]
    /// Whether this is a parameter that no output replaces: it is the same in many calls.
    public var isStable = false
    /// For an output that replaces an input: that input's number. It then needs no memory of its own.
    public var replaces: Int?
  }

  /// The buffer named `id`.
  public subscript(id: BufferID) -> Buffer {
    get { buffers[id.index] }
    set { buffers[id.index] = newValue }
  }

  /// Whether the first step prepares what later calls with the same parameters use again.
  public var hasPreparation: Bool { if case .preparation? = steps.first { true } else { false } }

  /// All kernels, in order.
  public var kernels: [Kernel] { steps.flatMap(\.kernels) }

  /// The inputs that are the same in many calls.
  public var stableInputs: Set<BufferID> {
    Set(inputs.indices.filter { inputs[$0].isStable }.map { BufferID(index: $0) })
  }

  /// Whether buffers have offsets in an arena.
  public var hasArena: Bool { buffers.contains { $0.lifetime != nil } }

  /// For the length of a segment, the length that no segment exceeds.
  public var longestSegments: [Symbol: Symbol] {
    var longest: [Symbol: Symbol] = [:]
    for case let segments? in steps.flatMap(\.loops).map(\.segments) {
      longest[segments.length] = segments.longest
    }
    return longest
  }

  /// Whether threads share anything of what every call does.
  public var isShared: Bool {
    steps.dropFirst(hasPreparation ? 1 : 0).flatMap(\.kernels).contains { $0.split != .none }
  }
}

extension Step {
  /// The loops of a step, outer ones before inner ones.
  public var loops: [Loop] {
    switch self {
    case .loop(let loop): [loop] + loop.body.flatMap(\.loops)
    case .preparation(let steps): steps.flatMap(\.loops)
    case .kernel, .barrier: []
    }
  }

  /// The step with another kernel in place of each.
  public func mappingKernels(_ transform: (Kernel) -> Kernel) -> Step {
    switch self {
    case .kernel(let kernel): return .kernel(transform(kernel))
    case .loop(var loop):
      loop.body = loop.body.map { $0.mappingKernels(transform) }
      return .loop(loop)
    case .preparation(let steps): return .preparation(steps.map { $0.mappingKernels(transform) })
    case .barrier: return .barrier
    }
  }

  /// The kernels of a step, in order.
  public var kernels: [Kernel] {
    switch self {
    case .kernel(let kernel): [kernel]
    case .loop(let loop): loop.body.flatMap(\.kernels)
    case .preparation(let steps): steps.flatMap(\.kernels)
    case .barrier: []
    }
  }
}
