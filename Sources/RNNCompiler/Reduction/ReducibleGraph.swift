import RNNGraph

/// A graph that edits make smaller. See Note [Reduction].
struct ReducibleGraph: Reducible {
  let graph: Graph

  enum Edit {
    /// An output goes, and what only it needs.
    case dropOutput(Int)
    /// An output is no loss, state or the like any more.
    case plainOutput(Int)
    /// An output is what its value was computed from, or something else that was computed with it.
    case moveOutput(Int, to: ValueID)
    /// The body of a scan stands in its place, once.
    case inline(OperationID)
    /// Something simpler stands in place of a value.
    case replace(ValueID, by: GraphCopy.Substitute)
    /// Extents and places along axes that are multiples of a number become the same multiples of another one.
    case scale(Int, to: Int)
  }

  init(_ graph: Graph) { self.graph = graph }

  /// The graph of a text; nil if it holds no valid one.
  init?(text: String) {
    guard let graph = try? Graph(parsing: text), (try? graph.verify()) != nil else { return nil }
    self.init(graph)
  }

  var text: String { graph.description }

  /// The lines of the text count most, and then the extents.
  var cost: Int {
    var lines = 3 * graph.inputs.count
    for output in graph.outputs { lines += output.role == .output ? 2 : 3 }
    var extents = 0
    for region in graph.reachableRegions {
      let operations = graph[region].operations.map { graph[$0] }
      for value in graph[region].arguments + operations.flatMap(\.results) {
        extents += graph.type(value).shape.reduce(0) { $0 + ($1.fixed ?? 0) }
      }
      for operation in operations {
        lines += 4
        if case .constant = operation.kind { lines -= 2 }
        if case .scan = operation.kind { lines += operation.operands.count + operation.results.count }
      }
    }
    return lines << 32 + min(extents, 1 << 31)
  }

  static let stages = 12

  func edits(stage: Int) -> [Edit] {
    switch stage {
    case 0: graph.outputs.indices.map { .dropOutput($0) }
    case 1: graph.outputs.indices.filter { graph.outputs[$0].role != .output }.map { .plainOutput($0) }
    case 2: outputMoves
    case 3...5: replacements(byOperand: stage - 3)
    case 6: computed(in: [.entry]).map { .replace($0, by: .input) }
    case 7: scans.map { .inline($0) }
    case 8: merges
    case 9: values.filter { !isConstant($0) }.map { .replace($0, by: .constant) }
    case 10: extents.map { .scale($0, to: 1) }
    default: extents.filter { $0 > 2 }.map { .scale($0, to: 2) }
    }
  }

  func applying(_ edits: [Edit]) -> ReducibleGraph? {
    var copy = GraphCopy(of: graph)
    var scales: [(Int, Int)] = []
    for edit in edits {
      switch edit {
      case .dropOutput(let output): copy.dropped.insert(output)
      case .plainOutput(let output): copy.plain.insert(output)
      case .moveOutput(let output, let value): copy.moved[output] = value
      case .inline(let scan): copy.inlined.insert(scan)
      case .replace(let value, let substitute): copy.substitutes[value] = substitute
      case .scale(let old, let new): scales.append((old, new))
      }
    }
    var result = copy.run()
    for (old, new) in scales {
      result = result.mappingExtents { $0 > 0 && $0 % old == 0 ? $0 / old * new : $0 }
    }
    return (try? result.verify()) == nil ? nil : ReducibleGraph(result)
  }

  // MARK: Edits

  /// Results of operations in some regions, in their order.
  private func computed(in regions: [RegionID]) -> [ValueID] {
    regions.flatMap { graph[$0].operations.flatMap { graph[$0].results } }
  }

  /// All values, those that are given first.
  private var values: [ValueID] {
    graph.reachableRegions.flatMap { graph[$0].arguments + computed(in: [$0]) }
  }

  private func isConstant(_ value: ValueID) -> Bool {
    if case .constant? = graph.definingKind(value) { true } else { false }
  }

  /// Each output as each other result and each operand of the operation that computes it.
  private var outputMoves: [Edit] {
    graph.outputs.enumerated().flatMap { i, output -> [Edit] in
      guard let id = graph.definingOperation(output.value) else { return [] }
      let others = graph[id].results.filter { $0 != output.value } + graph[id].operands
      return others.map { .moveOutput(i, to: $0) }
    }
  }

  /// The loops over single steps.
  private var scans: [OperationID] {
    graph.reachableRegions.flatMap { graph[$0].operations }.filter { id in
      if case .scan(let scan) = graph[id].kind { scan.segments == nil } else { false }
    }
  }

  /// Each result of an operation as its operand number `place` among those of its type.
  private func replacements(byOperand place: Int) -> [Edit] {
    computed(in: graph.reachableRegions).compactMap { value in
      guard let operation = graph.definingOperation(value) else { return nil }
      let fitting = graph[operation].operands.filter { graph.type($0) == graph.type(value) }
      return fitting.indices.contains(place) ? .replace(value, by: .value(fitting[place])) : nil
    }
  }

  /// Each value as the first one of its type in its region.
  private var merges: [Edit] {
    graph.reachableRegions.flatMap { region -> [Edit] in
      var first: [TensorType: ValueID] = [:]
      return (graph[region].arguments + computed(in: [region])).compactMap { value in
        guard let other = first[graph.type(value)] else {
          first[graph.type(value)] = value
          return nil
        }
        return .replace(value, by: .value(other))
      }
    }
  }

  /// The extents above 1, the largest first.
  private var extents: [Int] {
    Set(values.flatMap { graph.type($0).shape.compactMap(\.fixed) }).filter { $0 > 1 }.sorted(by: >)
  }
}
