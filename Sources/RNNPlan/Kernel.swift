import RNNGraph

/// What a kernel does with the values of its body.
public enum KernelKind: Hashable, Sendable {
  /// Stores them.
  case map
  /// Combines them along the last `axes` axes, or along the `axes` axes before the last one, and stores that.
  case reduce(Reduction, axes: Int, keepsLast: Bool)
  /// Adds rows of the last axis to the rows of a table named by an instruction; zeroes the table first.
  case scatterAdd(id: Int, TableRows)
  /// Goes over the rows of matrices, which the last two axes of the domain count out, as often as its sums need. See note
  /// [Sweeps], `Sources/RNNPlan/Sweep.swift`.
  case sweep
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
    case .sweep: false
    }
  }

  /// Whether the terms of each sum must be added so: to each other in order, or to what the sum starts from.
  public var needsChains: Bool { order == .chain || start != nil }
}
