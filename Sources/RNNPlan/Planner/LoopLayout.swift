import RNNGraph

/// Where a loop keeps its carries, and which results of its body are stored for that.
///
/// A carry that is stacked, before or after a step, lives in the stack: slot `t` holds it before step `t` and slot
/// `t + 1` after it (the other way round in a reversed loop), so that nothing is copied. A sum is added to in its place.
/// Other carries alternate between two slots; so do those whose values after each step are an output of the program,
/// where they are stored besides.
struct LoopLayout: Sendable {
  /// Where a carry lives.
  enum Carry: Sendable {
    /// In a slot for each step and one more, of which some of the loop's results are parts.
    case stack(results: [Int])
    /// In one slot or two; some of the loop's results, which are outputs of the program, get each step besides.
    case slots(Int, results: [Int])

    /// The loop's results that it is about, besides the carry at the end.
    var results: [Int] {
      switch self {
      case .stack(let results), .slots(_, let results): results
      }
    }
  }

  private(set) var carries: [Carry] = []
  /// Where the results of the body are wanted.
  private(set) var results: [Destination?]

  /// The layout of a loop in a region with some clusters.
  init(_ id: OperationID, _ scan: ScanAttributes, _ clustering: Clustering, _ facts: ValueFacts) {
    let operation = facts.graph[id]
    let body = facts.graph[scan.body]
    // By value of the body, the results that stack it, and how often it is a result.
    var stacking: [ValueID: [Int]] = [:]
    for number in scan.carries..<body.results.count {
      stacking[body.results[number], default: []].append(number)
    }
    let counts = body.results.reduce(into: [ValueID: Int]()) { $0[$1, default: 0] += 1 }
    let shown = Set(body.results.map { facts.views($0).base })
    results = body.results.indices.map { .result($0, isOutput: false) }
    for (carry, next) in body.results.prefix(scan.carries).enumerated() {
      let argument = body.arguments[scan.invariants + carry]
      let stacks = Set(stacking[argument, default: []] + stacking[next, default: []]).sorted()
      let isBesides = stacks.allSatisfy {
        body.results[$0] != argument && clustering.outputs[operation.results[$0]] != nil
      }
      if isBesides {
        // What the carry was may be wanted by another one.
        let isInPlace =
          counts[next] == 1 && !shown.contains(argument) && facts.isUpdatedInPlace(argument, next)
        carries.append(.slots(isInPlace ? 1 : 2, results: stacks))
      } else {
        carries.append(.stack(results: stacks))
        for number in stacks { results[number] = nil }
      }
    }
    for case .slots(_, let stacks) in carries {
      for number in stacks { results[number] = .result(number, isOutput: true) }
    }
  }
}

extension ValueFacts {
  /// Whether nothing reads a carry, nor what it becomes, but the elementwise operation that makes the next one of it, each
  /// element of its own; or the sweep that does so.
  fileprivate func isUpdatedInPlace(_ argument: ValueID, _ next: ValueID) -> Bool {
    if let sweep = sweeps.home[next] {
      return users[argument.index].allSatisfy { isRead(argument, by: $0, in: sweep) }
    }
    guard let id = graph.definingOperation(next), graph[id].kind.isElementwise else { return false }
    return users[argument.index] == [id] && users[next.index].isEmpty
  }

  /// Whether an operation is part of a sweep, or shows a value only to operations that are.
  private func isRead(_ value: ValueID, by user: OperationID, in sweep: Int) -> Bool {
    let operation = graph[user]
    if operation.results.count == 1, sweeps.home[operation.result] == sweep { return true }
    return isPlainView(operation)
      && users[operation.result.index].allSatisfy { isRead(value, by: $0, in: sweep) }
  }
}

extension ScanAttributes {
  /// Whether a value of the body is a part of a sequence and not an element.
  func isSegment(_ type: TensorType) -> Bool {
    segments.map { type.shape.first == .symbol($0.length) } ?? false
  }

  /// The first step of the segment that a loop is at.
  func segmentStart(_ loop: Int) -> Affine {
    segments.map { Affine(.loop(loop), times: Size($0.longest)) } ?? Affine(.loop(loop))
  }
}
