import RNNGraph

/// Grows a random graph from a pool of values that the current region may read.
///
/// Each value has a bound on its elements; one whose bound grows is squashed.
final class GraphGenerator {
  let builder: GraphBuilder
  let sizes: [Symbol: Int]
  let options: RandomGraph.Options
  var random: SplitMix64
  /// Decides on branches, apart from all else.
  private var branching: SplitMix64
  /// Values that operations of the current region may read, oldest first.
  var pool: [ValueID] = []
  /// Scans around the current region.
  var depth = 0

  /// Fixed extents that this graph uses; few, so that shapes meet.
  let extents: [Int]
  private var bounds: [ValueID: Double] = [:]
  /// Values that hold elements of inputs, unchanged.
  private var untouched: Set<ValueID> = []
  /// The number below which ids are.
  private var limits: [ValueID: Int] = [:]
  private var inputCount = 0
  /// Final values of states, with the names of the states.
  var finalStates: [(name: String, value: ValueID)] = []

  init(name: String, sizes: [Symbol: Int], _ options: RandomGraph.Options, _ random: SplitMix64) {
    self.sizes = sizes
    self.options = options
    self.random = random
    branching = random
    builder = GraphBuilder(Graph(name: name))
    extents = Array(self.random.shuffled([1, 2, 3, 4, 6, 7, 17]).prefix(3))
  }

  func generate() {
    addSequenceInput(.steps)
    addInput(.parameter(.uniform(bound: 1)), [fixed(), fixed()])
    addInput(.parameter(.uniform(bound: 1)), [fixed()])
    addInput(.data, [.batch, fixed()])
    let scan = random.below(options.operationCount)
    for i in 0..<options.operationCount { grow(i == scan && options.depth > 0 ? .scan : nil) }
    addOutputs()
  }

  /// Adds a random operation whose result others may read, or tries a few that do not fit.
  func grow(_ step: Step? = nil) {
    for attempt in 0..<8 {
      guard let value = make(attempt == 0 ? step ?? chooseStep() : chooseStep()) else { continue }
      pool.append(options.hasUntakenBranches ? branched(value) : value)
      return
    }
  }

  /// A value, perhaps chosen by a branch.
  private func branched(_ value: ValueID) -> ValueID {
    guard isFloat(value), !pool.contains(value), branching.chance(0.4) else { return value }
    let chosen = UntakenBranches(builder: builder).choose(value, using: &branching)
    bounds[chosen] = bounds[value]
    if isUntouched(value) { untouched.insert(chosen) }
    return chosen
  }

  // MARK: Values

  func bound(_ value: ValueID) -> Double { bounds[value] ?? 1 }
  func isUntouched(_ value: ValueID) -> Bool { untouched.contains(value) }
  func limit(_ value: ValueID) -> Int? { limits[value] }
  func type(_ value: ValueID) -> TensorType { builder.type(value) }
  func shape(_ value: ValueID) -> [Dimension] { builder.type(value).shape }
  func isFloat(_ value: ValueID) -> Bool { builder.type(value).element.isFloat }

  func extent(_ dimension: Dimension) -> Int {
    switch dimension {
    case .fixed(let extent): extent
    case .symbol(let symbol): sizes[symbol] ?? 1
    }
  }

  func volume(_ shape: [Dimension]) -> Int { shape.reduce(1) { $0 * extent($1) } }
  func isSmall(_ shape: [Dimension]) -> Bool {
    shape.count <= 4 && volume(shape) <= 1500 && hasFewSymbols(shape, depth)
  }
  /// Plans have loops over values of at most three symbols, and a gradient stacks what a loop in a loop computes.
  func hasFewSymbols(_ shape: some Sequence<Dimension>, _ depth: Int) -> Bool {
    shape.count { $0.symbol != nil } <= 4 - depth
  }
  func fixed() -> Dimension { .fixed(random.pick(extents) ?? 1) }

  /// One value of the pool, more often a late one.
  func pick(where isFit: (ValueID) -> Bool) -> ValueID? {
    let fitting = pool.filter(isFit)
    return random.pick(random.chance(0.6) ? Array(fitting.suffix(6)) : fitting)
  }

  /// Notes what is known about a computed value, and squashes it if it may be large.
  func note(_ value: ValueID, bound: Double) -> ValueID {
    bounds[value] = bound
    if bound <= 4 { return value }
    switch random.below(3) {
    case 0: return note(builder.unary(.tanh, value), bound: 1)
    case 1: return note(builder.unary(.sin, value), bound: 1)
    default: return note(builder.scale(value, by: 1 / bound), bound: 1)
    }
  }

  /// Notes what is known about a value that holds elements of others, and zeros.
  func note(_ value: ValueID, moved sources: ValueID..., hasZeros: Bool = false) -> ValueID {
    bounds[value] = sources.map(bound).max()
    if !hasZeros && sources.allSatisfy(isUntouched) { untouched.insert(value) }
    limits[value] = sources.compactMap(limit).max()
    return value
  }

  // MARK: Inputs and outputs

  @discardableResult
  func addInput(
    _ role: InputRole, _ shape: [Dimension], idLimit: Int? = nil
  ) -> ValueID {
    precondition(depth == 0, "inputs belong to the entry")
    let type = TensorType(idLimit == nil ? options.element : .i32, shape)
    let value = builder.graph.addInput("x\(inputCount)", role: role, type, idLimit: idLimit)
    inputCount += 1
    bounds[value] = 1
    untouched.insert(value)
    limits[value] = idLimit
    pool.append(value)
    return value
  }

  /// Adds a sequence of vectors or ids.
  @discardableResult
  func addSequenceInput(_ symbol: Symbol) -> ValueID {
    random.chance(0.3)
      ? addInput(.data, [.symbol(symbol), .batch], idLimit: random.pick([1, 3, 5]))
      : addInput(.data, [.symbol(symbol), .batch, fixed()])
  }

  private func addOutputs() {
    let uses = builder.graph.useCounts()
    let unused = pool.filter { $0.index >= uses.count || uses[$0.index] == 0 }
    if options.hasLoss { builder.graph.addOutput("loss", role: .loss, loss(of: unused.filter(isFloat))) }
    let computed = pool.filter { builder.graph.definingOperation($0) != nil }
    let shown = options.hasLoss ? [] : unused.filter { builder.graph.definingOperation($0) != nil }
    for (i, value) in (shown + computed.suffix(2)).enumerated() {
      builder.graph.addOutput("y\(i)", role: .output, value)
    }
    for state in finalStates { builder.graph.addOutput(state.name, role: .state, state.value) }
  }

  /// The sum of the means of functions of some values.
  private func loss(of values: [ValueID]) -> ValueID {
    let terms = values.map { value -> ValueID in
      let term =
        switch random.below(4) {
        case 0: value
        case 1: builder.multiply(value, value)
        case 2: builder.unary(.sin, value)
        default: builder.unary(.tanh, builder.scale(value, by: 0.7))
        }
      let sum = builder.reduce(.sum, term, axes: Array(shape(value).indices))
      let count = builder.size(shape(value).compactMap(\.symbol), options.element)
      let weight = (random.unit() + 0.5) / Double(shape(value).reduce(1) { $0 * ($1.fixed ?? 1) })
      return builder.divide(builder.scale(sum, by: weight), count)
    }
    let zero = builder.constant(0, TensorType(options.element, []))
    return terms.dropFirst().reduce(terms.first ?? zero, builder.add)
  }
}
