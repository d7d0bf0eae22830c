import RNNGraph

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

  /// The buffers that hold the same in many calls, and are not computed: some inputs, and the numbers of the program.
  public var stableBuffers: Set<BufferID> {
    Set(
      buffers.indices.filter { number in
        switch buffers[number].place {
        case .input(let input): inputs[input].isStable
        case .table: true
        case .output, .arena: false
        }
      }.map { BufferID(index: $0) })
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
