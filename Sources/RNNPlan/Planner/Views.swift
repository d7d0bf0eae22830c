import RNNGraph

/// A value seen through slices, transpositions and the like: what it shows, and which element of it.
struct View: Sendable {
  /// The value shown, which is not itself a view.
  var base: ValueID
  /// For each axis of the base, the index as a form of the axes of the viewing value and of loops.
  var map: [Affine]

  /// Whether element `i` shows element `i`.
  var isIdentity: Bool { map.enumerated().allSatisfy { $1 == Affine(.axis($0)) } }

  /// The same view, seen through forms for the viewing value's axes.
  func through(_ forms: [Affine]) -> View { View(base: base, map: map.map { $0.substituting(forms) }) }

  static func identity(_ rank: Int) -> [Affine] { Affine.axes(rank) }
}

/// The first stage: what each value of a graph shows when slices, transpositions, broadcasts and the arguments of bodies are
/// looked through, with the batch bound.
struct Views: Sendable {
  let graph: Graph
  let batch: Int
  /// The scans by the numbers by which indices refer to them, and the other way round.
  private(set) var loops: [OperationID] = []
  private(set) var loopNumbers: [OperationID: Int] = [:]
  /// For the length of a segment, the length that no segment exceeds.
  private(set) var longest: [Symbol: Symbol] = [:]
  private var views: [ValueID: View] = [:]

  init(_ graph: Graph, batch: Int) {
    self.graph = graph
    self.batch = batch
    // What a value shows comes before it, in its region or in one around it.
    for region in graph.reachableRegions {
      for argument in graph[region].arguments where views[argument] == nil { show(argument, nil) }
      for id in graph[region].operations {
        for result in graph[id].results { show(result, source(of: result, graph[id])) }
        if case .scan(let scan) = graph[id].kind { bindArguments(of: id, scan) }
      }
    }
  }

  /// What a value shows, which is itself if it is no view.
  func callAsFunction(_ value: ValueID) -> View { views[value]! }

  private mutating func show(_ value: ValueID, _ source: View?) {
    views[value] =
      source.map { views[$0.base]!.through($0.map) }
      ?? View(base: value, map: View.identity(graph.type(value).rank))
  }

  /// Gives a scan a number, and the arguments of its body their meaning: an invariant or a step of a sequence of the
  /// region around.
  private mutating func bindArguments(of id: OperationID, _ scan: ScanAttributes) {
    let number = loops.count
    loops.append(id)
    loopNumbers[id] = number
    if let segments = scan.segments { longest[segments.length] = segments.longest }
    for (i, argument) in graph[scan.body].arguments.enumerated() {
      let operand = graph[id].operands[i]
      let identity = View.identity(graph.type(argument).rank)
      if i < scan.invariants {
        show(argument, View(base: operand, map: identity))
      } else if i >= scan.invariants + scan.carries {
        let isSegment = scan.isSegment(graph.type(argument))
        show(
          argument,
          View(
            base: operand,
            map: isSegment
              ? [scan.segmentStart(number) + identity[0]] + identity.dropFirst()
              : [Affine(.loop(number))] + identity))
      }
    }
  }

  /// The extent, with the batch bound.
  func extent(_ dimension: Dimension) -> Size {
    switch dimension {
    case .fixed(let n): Size(n)
    case .symbol(.batch): Size(batch)
    case .symbol(let symbol): Size(symbol)
    }
  }

  /// The extents of a type, with the batch bound.
  func shape(_ type: TensorType) -> [Size] { type.shape.map(extent) }

  /// Whether a value costs nothing to compute wherever it is read, so that it is kept in memory only on demand.
  func isLeaf(_ value: ValueID) -> Bool { graph.definingKind(value)?.traits.contains(.leaf) ?? false }

  /// The values in memory that reading a value reads, looked through views and leaves.
  func bases(_ value: ValueID) -> [ValueID] {
    let base = self(value).base
    guard isLeaf(base), let id = graph.definingOperation(base) else { return [base] }
    return [base] + graph[id].operands.flatMap(bases)
  }

  /// What a result of an operation shows directly, or nil if it is not a view.
  private func source(of value: ValueID, _ operation: Operation) -> View? {
    guard let source = operation.operands.first else { return nil }
    let rank = graph.type(value).rank
    var map = View.identity(rank)
    switch operation.kind {
    case .surrogate:
      break
    case .slice(let axis, let start, let count, let anchor):
      let offset =
        switch anchor {
        case .front: Size(start)
        case .back: extent(graph.type(source).shape[axis]) - Size(start + count)
        }
      map[axis].constant = offset
    case .reverse(let axis):
      map[axis] = Affine(extent(graph.type(source).shape[axis]) - 1) + Affine(.axis(axis), times: Size(-1))
    case .transpose(let permutation):
      var inverse = map
      for (i, axis) in permutation.enumerated() { inverse[axis] = Affine(.axis(i)) }
      map = inverse
    case .broadcast(let axes, _):
      map = axes.map { Affine(.axis($0)) }
    case .reshape:
      guard let forms = reshapeMap(from: graph.type(source).shape, to: graph.type(value).shape) else {
        return nil
      }
      map = forms
    case .constant, .table, .size, .iota, .random, .reversePrefix, .unary, .binary, .compare, .select,
      .convert, .dot,
      .reduce, .pad, .concat,
      .oneHot,
      .gather, .scatterAdd, .scan:
      return nil
    }
    return View(base: source, map: map)
  }

  /// For each axis of `old`, its index as a form of the axes of `new`; nil where axes would have to be divided.
  ///
  /// Axes may be split and unit axes may come and go.
  private func reshapeMap(from old: [Dimension], to new: [Dimension]) -> [Affine]? {
    var forms: [Affine] = []
    var next = 0
    for dimension in old {
      let whole = extent(dimension)
      if whole == 1 {
        forms.append(Affine(0))
        continue
      }
      while next < new.count, extent(new[next]) == 1 { next += 1 }
      var factors: [(Int, Size)] = []
      var covered: Size = 1
      while covered != whole {
        guard next < new.count else { return nil }
        covered = covered * extent(new[next])
        factors.append((next, extent(new[next])))
        next += 1
        if let c = covered.constant, let w = whole.constant, c > w { return nil }
      }
      var form = Affine(0)
      var stride: Size = 1
      for (axis, size) in factors.reversed() {
        form = form + Affine(.axis(axis), times: stride)
        stride = stride * size
      }
      forms.append(form)
    }
    return forms
  }
}
