import RNNGraph
import RNNInterpreter

/// A random well-typed graph with inputs that fit it.
///
/// All kinds of operations occur, scans in both directions and in each other among them. Values stay small whatever
/// the inputs, and discontinuous functions are applied to inputs only, so that programs which round differently
/// agree.
public struct RandomGraph: Sendable {
  /// What the graph should be like.
  public struct Options: Sendable {
    /// The type of all floats.
    public var element: ElementType
    /// Whether there is a loss that most inputs reach.
    public var hasLoss: Bool
    /// Whether values have surrogate derivatives, so that gradients differ from differences.
    public var hasSurrogates: Bool
    /// Whether values are chosen by branches, of which those that are not taken are not finite. The graph computes what
    /// that of the same seed without them computes.
    public var hasUntakenBranches: Bool
    /// About how many operations stand outside scans.
    public var operationCount: Int
    /// How many scans may stand in each other.
    public var depth: Int

    /// Chooses what the graph should be like.
    public init(
      element: ElementType = .f64, hasLoss: Bool = false, hasSurrogates: Bool = true,
      hasUntakenBranches: Bool = false, operationCount: Int = 16, depth: Int = 2
    ) {
      self.element = element
      self.hasLoss = hasLoss
      self.hasSurrogates = hasSurrogates
      self.hasUntakenBranches = hasUntakenBranches
      self.operationCount = operationCount
      self.depth = depth
    }
  }

  /// The graph.
  public let graph: Graph
  /// The sizes for which the graph was made; others do as well if they are not smaller.
  public let sizes: [Symbol: Int]
  private let seed: UInt64
  private let options: Options

  /// Makes the graph of a seed: the same in every run.
  public init(seed: UInt64, _ options: Options = Options()) {
    var random = SplitMix64(seed: seed)
    let sizes: [Symbol: Int] = [
      .batch: random.pick([1, 2, 3, 4, 7]) ?? 1,
      .steps: random.pick([1, 2, 3, 5, 7]) ?? 1,
      Symbol("S"): random.pick([1, 2, 4]) ?? 1,
    ]
    let generator = GraphGenerator(name: "random\(seed)", sizes: sizes, options, random)
    generator.generate()
    graph = generator.builder.graph
    let made = generator.builder.graph
    self.sizes = sizes.filter { symbol, _ in
      made.inputs.contains { made.type($0.value).shape.contains(.symbol(symbol)) }
    }
    self.seed = seed
    self.options = options
  }

  /// Random inputs for the graph, the same in every run.
  public func inputs() -> [String: DenseArray] {
    var random = SplitMix64(seed: seed ^ 0x5EED)
    return randomInputs(for: graph, sizes: sizes, using: &random)
  }

  /// What rounding alone does to each result: the largest difference of the interpreter's results in `f32` and in `f64`,
  /// for the inputs of the graph and for some beside them. In a graph of `f64`, it is smaller as the roundings are.
  ///
  /// - Parameter prepare: makes the graph that is run of the random one.
  public func roundingErrors(of prepare: (Graph) throws -> Graph) throws -> [String: Double] {
    func interpreter(of element: ElementType) throws -> Interpreter {
      var options = options
      options.element = element
      return try Interpreter(prepare(RandomGraph(seed: seed, options).graph))
    }
    let (narrow, wide) = try (interpreter(of: .f32), interpreter(of: .f64))
    let scale = options.element == .f64 ? Double.ulpOfOne / Double(Float.ulpOfOne) : 1
    var random = SplitMix64(seed: seed ^ 0xE44)
    var errors: [String: Double] = [:]
    for round in 0..<8 {
      let moved = inputs().mapValues { array in
        guard array.element.isFloat else { return array }
        let distance = round == 0 ? 0 : 1e-6
        return DenseArray(
          .f32, array.shape, array.numbers.map { $0 * (1 + distance * (2 * random.unit() - 1)) })
      }
      let exact = moved.mapValues { $0.element == .f32 ? DenseArray(.f64, $0.shape, $0.numbers) : $0 }
      let found = try narrow.run(inputs: moved, sizes: sizes)
      for (name, value) in try wide.run(inputs: exact, sizes: sizes) {
        guard let other = found[name] else { continue }
        let rounded = DenseArray(other.element, value.shape, value.numbers)
        errors[name] = max(errors[name] ?? 0, scale * relativeDifference(rounded, other))
      }
    }
    return errors
  }
}

/// Random inputs for a graph: floats between -1 and 1, hyperparameters of 0.1, ids below their limits.
///
/// - Requires: `sizes` has each symbol that occurs in the inputs' shapes.
public func randomInputs(
  for graph: Graph, sizes: [Symbol: Int], using random: inout SplitMix64
) -> [String: DenseArray] {
  var inputs: [String: DenseArray] = [:]
  for input in graph.inputs {
    let type = graph.type(input.value)
    let shape = type.shape.map { dimension in
      switch dimension {
      case .fixed(let extent): return extent
      case .symbol(let symbol):
        guard let size = sizes[symbol] else { preconditionFailure("the size of \(symbol) is not given") }
        return size
      }
    }
    let numbers = (0..<shape.reduce(1, *)).map { _ -> Double in
      switch type.element {
      case .f32, .f64: input.role == .hyperparameter ? 0.1 : 2 * random.unit() - 1
      case .i32:
        if case .lengths(let symbol) = input.role {
          Double(random.below((sizes[symbol] ?? 0) + 1))
        } else {
          Double(random.below(input.idLimit ?? 8))
        }
      case .bool: random.chance(0.5) ? 1 : 0
      }
    }
    inputs[input.name] = DenseArray(type.element, shape, numbers)
  }
  return inputs
}
