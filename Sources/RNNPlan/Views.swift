import RNNGraph

extension Planner {
  /// What a value shows when slices, transpositions, broadcasts and the arguments of bodies are looked through.
  func resolve(_ value: ValueID) -> View {
    if let known = views[value] { return known }
    // What is looked through, and how, until something is known.
    var steps: [(value: ValueID, map: [Affine])] = []
    var last = value
    while views[last] == nil, let next = step(last) {
      steps.append((last, next.map))
      last = next.base
    }
    var view = views[last] ?? View(base: last, map: View.identity(graph.type(last).rank))
    views[last] = view
    for (value, map) in steps.reversed() {
      view = view.through(map)
      views[value] = view
    }
    return view
  }

  /// What a value shows directly, or nil if it is not a view.
  private func step(_ value: ValueID) -> View? {
    if let alias = aliases[value] { return alias }
    guard let id = graph.definingOperation(value) else { return nil }
    let operation = graph[id]
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
    case .constant, .size, .iota, .random, .reversePrefix, .unary, .binary, .compare, .select, .convert, .dot,
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
  func reshapeMap(from old: [Dimension], to new: [Dimension]) -> [Affine]? {
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

  /// Whether a value costs nothing to compute wherever it is read, so that it is kept in memory only on demand.
  func isLeaf(_ value: ValueID) -> Bool { graph.definingKind(value)?.traits.contains(.leaf) ?? false }

  /// The values in memory that reading a value reads, looked through views and leaves.
  func bases(_ value: ValueID) -> [ValueID] {
    let base = resolve(value).base
    guard isLeaf(base), let id = graph.definingOperation(base) else { return [base] }
    return [base] + graph[id].operands.flatMap(bases)
  }

  /// Whether a value is the same in all calls with the same parameters.
  func isStable(_ value: ValueID) -> Bool { stableValues.contains(resolve(value).base) }

  /// The values of the entry that are the same in all calls with the same parameters.
  func findStableValues() -> Set<ValueID> {
    var found = Set(stableInputs.map { graph.inputs[$0.index].value })
    for id in graph[RegionID.entry].operations {
      if case .scan = graph[id].kind { continue }
      if graph[id].operands.allSatisfy({ found.contains(resolve($0).base) }) {
        found.insert(graph[id].result)
      }
    }
    return found
  }

  /// Marks what must lie in memory because of how it is read, in all regions.
  func findMemoryNeeds() {
    for region in graph.reachableRegions {
      for id in graph[region].operations {
        let operation = graph[id]
        switch operation.kind {
        case .dot: neededInMemory.formUnion(operation.operands.map { resolve($0).base })
        case .gather, .reversePrefix: neededInMemory.insert(resolve(operation.operands[0]).base)
        case .reduce, .scatterAdd:
          if let start = operation.start { neededInMemory.insert(resolve(start).base) }
        case .constant, .size, .iota, .random, .unary, .binary, .compare, .select, .convert, .surrogate,
          .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse, .oneHot, .scan:
          break
        }
      }
    }
  }
}
