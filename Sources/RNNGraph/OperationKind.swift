/// Which axes of a product's operands are paired.
///
/// The result's axes are the batch axes, then the left operand's other axes, then the right one's.
/// The pairs are ordered: `lhsContracting[i]` runs with `rhsContracting[i]`.
public struct DotAxes: Sendable, Hashable {
  /// Axes summed over.
  public var lhsContracting: [Int], rhsContracting: [Int]
  /// Axes that run together and stay.
  public var lhsBatch: [Int], rhsBatch: [Int]
  /// Whether factors of `f32` are summed up in `f64`, which is then the result's element type.
  public var isWide: Bool
  /// In which order the products are added up; of several contracted axes the last one is the innermost.
  public var order: SumOrder

  /// Makes the pairing; there are no batch axes unless given.
  public init(
    lhsContracting: [Int], rhsContracting: [Int], lhsBatch: [Int] = [], rhsBatch: [Int] = [],
    isWide: Bool = false, order: SumOrder = .any
  ) {
    self.isWide = isWide
    self.order = order
    self.lhsContracting = lhsContracting
    self.rhsContracting = rhsContracting
    self.lhsBatch = lhsBatch
    self.rhsBatch = rhsBatch
  }

  /// The left operand's axes, of `rank`, that are neither contracted nor batched.
  public func lhsFree(rank: Int) -> [Int] {
    (0..<rank).filter { !lhsContracting.contains($0) && !lhsBatch.contains($0) }
  }

  /// The right operand's axes, of `rank`, that are neither contracted nor batched.
  public func rhsFree(rank: Int) -> [Int] {
    (0..<rank).filter { !rhsContracting.contains($0) && !rhsBatch.contains($0) }
  }
}

/// In which order the terms of a sum are added. Sums of floats depend on it.
public enum SumOrder: String, Sendable, Hashable, CaseIterable {
  /// In whichever order is fast.
  case any
  /// Each to the sum before it, from the first index to the last one: a sum that is made in parts, each of which starts from
  /// the one before, then has the same bits.
  case chain
}

/// From which end of an axis a position is counted, so that the last step of `T` can be named.
public enum Anchor: String, Sendable, Hashable, CaseIterable {
  case front, back
}

/// The shape of a loop over time.
///
/// Operands of the operation and arguments of its body are, in this order, invariants, carries and sequences: an
/// invariant is the same in every step, a carry comes from the step before, and a step sees one slice of a sequence
/// along its first axis. The body's results, and the operation's, are the carries followed by the outputs, which
/// the operation stacks along a new first axis. A body captures nothing.
public struct ScanAttributes: Sendable, Hashable {
  /// One step.
  public var body: RegionID
  /// How many operands of each sort there are.
  public var invariants: Int, carries: Int, sequences: Int
  /// How the steps go through the sequences.
  public var stepping: Stepping

  /// The number of steps.
  public var steps: Symbol { stepping.steps }
  /// Whether the last step is computed first.
  public var isReversed: Bool { stepping.isReversed }
  /// What a step is if it is not one step of the sequences but several; nil if it is one.
  public var segments: Segments? { stepping.segments }
}

/// How the steps of a scan go through its sequences: what a copy of the scan has in common with it, whatever its operands.
public struct Stepping: Sendable, Hashable {
  /// The number of steps.
  public var steps: Symbol
  /// Whether the last step is computed first; stacked outputs keep the order of the sequences.
  public var isReversed: Bool
  /// What a step is if it is not one step of the sequences but several; nil if it is one.
  public var segments: Segments?

  /// Goes through the sequences step by step, unless there are segments.
  public init(steps: Symbol, isReversed: Bool = false, segments: Segments? = nil) {
    self.steps = steps
    self.isReversed = isReversed
    self.segments = segments
  }

  /// The same steps, the last one first.
  public var reversed: Stepping { Stepping(steps: steps, isReversed: !isReversed, segments: segments) }

  /// The type of a sequence or an output of the scan that is of this type in the body.
  public func stack(of type: TensorType) -> TensorType {
    if let segments, type.shape.first == .symbol(segments.length) {
      return type.with(shape: [.symbol(segments.whole)] + type.shape.dropFirst())
    }
    return type.stacked(.symbol(steps))
  }

  /// The type in the body of a sequence of this type.
  ///
  /// - Requires: it is one, by its first axis.
  public func element(of type: TensorType) -> TensorType {
    let rest = Array(type.shape.dropFirst())
    if let segments, type.shape.first == .symbol(segments.whole) {
      return type.with(shape: [.symbol(segments.length)] + rest)
    }
    precondition(type.shape.first == .symbol(steps), "\(type) is not a sequence of \(steps) steps")
    return type.with(shape: rest)
  }
}

/// The steps of sequences in segments of one length, of which the last one may be shorter: a scan over segments runs its
/// body once a segment.
///
/// A sequence of `whole` steps is one of `length` steps in the body, and so is an output. Sequences and outputs of the
/// scan's own steps have one element a segment. `length` is no size of the graph: it is known in the body only.
public struct Segments: Sendable, Hashable {
  /// The steps of all segments together.
  public var whole: Symbol
  /// The steps of every segment but the last one.
  public var longest: Symbol
  /// The steps of one segment.
  public var length: Symbol

  /// Names the sizes.
  public init(whole: Symbol, longest: Symbol, length: Symbol) {
    self.whole = whole
    self.longest = longest
    self.length = length
  }

  /// The number of segments of a number of steps.
  public static func count(of steps: Int, longest: Int) -> Int { (steps + longest - 1) / longest }
}

/// The derivative that an operation has in place of that of what it computes, its first operand.
public enum Surrogate: Sendable, Hashable {
  /// None: the value counts as a constant.
  case stop
  /// That of a second operand, of the same type: the first one counts as a constant.
  case straightThrough
  /// That of the operand, in which each element of the adjoint is brought between minus this bound and the bound.
  case clip(Double)

  /// How many operands the operation has.
  public var operandCount: Int { self == .straightThrough ? 2 : 1 }

  /// The operand whose derivative it has, if it has one.
  public var source: Int? {
    switch self {
    case .stop: nil
    case .straightThrough: 1
    case .clip: 0
    }
  }
}

/// What an operation computes. Attributes only: operands stand beside it, uniformly.
public enum OperationKind: Sendable, Hashable {
  /// Every element is the same number.
  case constant(Double, TensorType)
  /// Numbers that stand in the program, as many as a type of floats without symbols has elements.
  case table(NumberTable, TensorType)
  /// The product of the sizes of some symbols, as a scalar; 1 if there is none.
  case size([Symbol], ElementType)
  /// The position along the only axis: 0, 1, 2 and so on.
  case iota(Dimension, ElementType)
  /// Random numbers, uniform in 0..<1: operands `keys` and `counters`, both `i32[p…]`, give `shape`, which begins with
  /// the axes `p`. An element is a function of its key, the stream, its counter and its place among the other axes, so
  /// that it is the same wherever and whenever it is computed. See `uniformRandom`.
  case random(stream: Int, shape: [Dimension], ElementType)
  /// A function of each element.
  case unary(UnaryFunction)
  /// A function of pairs of elements of equal shapes.
  case binary(BinaryFunction)
  /// Compares pairs of elements; the result is `bool`.
  case compare(Comparison)
  /// `condition ? a : b` for each element; all three have one shape.
  case select
  /// The same numbers in another element type; a `bool` gives 0 or 1.
  case convert(ElementType)
  /// The first operand, with another derivative than its own.
  case surrogate(Surrogate)
  /// A sum of products over paired axes. A third operand, of the result's type, is what the sums start from.
  case dot(DotAxes)
  /// Combines all elements along some axes, which vanish. `axes` is sorted. A sum may have a second operand, of the
  /// result's type, from which it starts; only a sum may say in which order.
  case reduce(Reduction, axes: [Int], order: SumOrder = .any)
  /// Repeats the operand: its axis `i` becomes axis `axes[i]` of `shape`; along all others the result is constant.
  case broadcast(axes: [Int], shape: [Dimension])
  /// The same elements, in the same order, in another shape.
  case reshape([Dimension])
  /// Result axis `i` is the operand's axis `permutation[i]`.
  case transpose([Int])
  /// `count` elements along `axis`, starting `start` from the anchored end.
  ///
  /// Anchored at the back, the slice ends `start` elements before the end of the axis.
  case slice(axis: Int, start: Int, count: Int, anchor: Anchor)
  /// Zeros of extent `to` along `axis`, in which the operand stands where `slice` with the same attributes finds it.
  case pad(axis: Int, start: Int, to: Dimension, anchor: Anchor)
  /// The operands one after the other along an axis.
  case concat(axis: Int)
  /// The elements along an axis in the opposite order.
  case reverse(axis: Int)
  /// The first elements along an axis in the opposite order, the others in place: operands `x` and `lengths`, `i32`,
  /// which has the axes of `x` in front of `axis` and the one behind it. A length is at most the axis' extent.
  case reversePrefix(axis: Int)
  /// 1 at each id's place along a new last axis of the given extent, 0 elsewhere.
  case oneHot(Int, ElementType)
  /// Rows of a table: operands `table [V, …]` and `ids [i…]` give `[i…, …]`.
  case gather
  /// The adjoint of a gather: operands `ids [i…]` and `rows [i…, …]` give `[V, …]`, where row `v` is the sum of the
  /// rows whose id is `v`, and of the row `v` of a third operand if there is one.
  case scatterAdd(Int, order: SumOrder = .any)
  /// A loop over time.
  case scan(ScanAttributes)
}

extension OperationKind {
  /// In which order the operation adds up terms; nil if it adds up nothing.
  public var order: SumOrder? {
    switch self {
    case .dot(let axes): axes.order
    case .reduce(.sum, _, let order), .scatterAdd(_, let order): order
    case .constant, .table, .size, .iota, .random, .unary, .binary, .compare, .select, .convert, .surrogate,
      .reduce(.maximum, _, _), .reduce(.minimum, _, _), .broadcast, .reshape, .transpose, .slice, .pad,
      .concat,
      .reverse, .reversePrefix, .oneHot, .gather, .scan:
      nil
    }
  }

  /// The same sum in another order.
  ///
  /// - Requires: it is a sum.
  public func summed(in order: SumOrder) -> OperationKind {
    if case .dot(var axes) = self {
      axes.order = order
      return .dot(axes)
    }
    if case .reduce(.sum, let axes, _) = self { return .reduce(.sum, axes: axes, order: order) }
    guard case .scatterAdd(let extent, _) = self else { preconditionFailure("\(self) adds up nothing") }
    return .scatterAdd(extent, order: order)
  }
}
