import RNNGraph
import RNNSupport

// What a graph must be beyond its invariants, so that whatever data it gets later, nothing traps and nothing is read
// outside of a tensor. Graphs that come from sources are so by construction.

extension Graph {
  /// Checks that a graph from outside can be compiled and run.
  ///
  /// - Throws: `InputError` that says what to change in the graph.
  func requireRunnable() throws {
    try requireExtents()
    for region in reachableRegions {
      for id in self[region].operations {
        guard case .scan(let scan) = self[id].kind, let segments = scan.segments else { continue }
        throw InputError(
          "graph '\(name)' computes its steps \(segments.whole) in segments, whose length only a limit of memory decides",
          note: "print the graph without --memory-limit, and give the limit when it is compiled")
      }
    }
    for input in inputs {
      let shape = type(input.value).shape
      switch input.role {
      case .parameter, .optimizer:
        if shape.contains(where: { $0.symbol != nil }) {
          throw InputError(
            "\(input.isParameter ? "parameter" : "optimizer's value") '\(input.name)' is "
              + "\(type(input.value)): its size is not known before there is data",
            note: "give it numbers as extents")
        }
      case .state:
        if let symbol = shape.compactMap(\.symbol).first(where: { $0 != .batch }) {
          throw InputError(
            "state '\(input.name)' is \(type(input.value)), but a state has no axis of steps like \(symbol)",
            note: "call it data, or give it the extent of one step")
        }
      case .data, .target, .hyperparameter, .lengths, .seed: continue
      }
    }
    if let loss, loss.name != "loss" {
      throw InputError(
        "the loss of graph '\(name)' is called '\(loss.name)'", note: "its name is 'loss' in all programs")
    }
    try requirePlaces()
  }

  /// Checks that no value is empty whatever the data: passes and plans count on that.
  func requireExtents() throws {
    for region in reachableRegions {
      let results = self[region].operations.flatMap { self[$0].results }
      for value in self[region].arguments + results where type(value).shape.contains(.fixed(0)) {
        throw InputError(
          "graph '\(name)' holds a value of type \(type(value)), which has no elements",
          note: "extents are 1 at least")
      }
    }
  }

  /// Checks that ids and lengths are always inside of what they are places in.
  private func requirePlaces() throws {
    let bounds = PlaceBounds(self)
    for region in reachableRegions {
      for id in self[region].operations {
        guard let (places, extent, isLength) = places(of: self[id]),
          !bounds.isInside(places, extent, isLength: isLength)
        else { continue }
        let (word, given) = (self[id].kind.mnemonic, type(places))
        throw isLength
          ? InputError(
            "the lengths that '\(word)' reads in graph '\(name)' are not known to be \(extent) at most",
            note: "take them from an input such as 'lengths \"x.lengths\" of(\(extent)) : \(given)'")
          : InputError(
            "the ids that '\(word)' reads in graph '\(name)' are not known to be below \(extent)",
            note: "say so where they come from, as in 'data \"x\" below(\(extent)) : \(given)'")
      }
    }
  }

  /// The operand of an operation that holds places, the extent that these are in, and whether they are lengths.
  private func places(of operation: Operation) -> (places: ValueID, extent: Dimension, isLength: Bool)? {
    let operands = operation.operands
    switch operation.kind {
    case .gather: return (operands[1], type(operands[0]).shape[0], false)
    case .oneHot(let count, _), .scatterAdd(let count): return (operands[0], .fixed(count), false)
    case .reversePrefix(let axis): return (operands[1], type(operands[0]).shape[axis], true)
    case .constant, .size, .iota, .random, .unary, .binary, .compare, .select, .convert, .detach, .dot,
      .reduce,
      .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse, .scan:
      return nil
    }
  }
}

/// What is known of whole numbers in a graph that are places: ids of rows, and lengths.
private struct PlaceBounds {
  private enum Bound: Equatable {
    /// From 0 to below a number.
    case below(Int)
    /// From 0 to a number of steps, which is possible itself.
    case upTo(Symbol)
  }

  private let graph: Graph
  private var bounds: [ValueID: Bound] = [:]

  init(_ graph: Graph) {
    self.graph = graph
    for input in graph.inputs {
      if let limit = input.idLimit { bounds[input.value] = .below(limit) }
      if case .lengths(let symbol) = input.role { bounds[input.value] = .upTo(symbol) }
    }
    run(.entry)
  }

  /// Whether all elements of a value are ids of `extent` rows, or lengths of at most `extent`.
  func isInside(_ value: ValueID, _ extent: Dimension, isLength: Bool) -> Bool {
    guard let bound = bounds[value] else { return false }
    switch (bound, extent) {
    case (.below(let limit), .fixed(let count)): return limit <= count + (isLength ? 1 : 0)
    case (.upTo(let steps), .symbol(let symbol)): return isLength && steps == symbol
    case (.below, .symbol), (.upTo, .fixed): return false
    }
  }

  private mutating func run(_ region: RegionID) {
    for id in graph[region].operations {
      let operation = graph[id]
      if case .scan(let scan) = operation.kind {
        run(scan, operation)
      } else if graph.type(operation.result).element == .i32 {
        bounds[operation.result] = bound(operation)
      }
    }
  }

  private mutating func run(_ scan: ScanAttributes, _ operation: Operation) {
    let body = graph[scan.body]
    for (argument, operand) in zip(body.arguments, operation.operands) { bounds[argument] = bounds[operand] }
    run(scan.body)
    // What a carry starts from need not hold for what follows.
    let carries = Array(body.arguments[scan.invariants..<(scan.invariants + scan.carries)])
    let broken = zip(carries, body.results).filter { bounds[$0] != nil && bounds[$0] != bounds[$1] }
    if !broken.isEmpty {
      for argument in carries { bounds[argument] = nil }
      run(scan.body)
    }
    for (result, inner) in zip(operation.results, body.results) { bounds[result] = bounds[inner] }
    for (result, argument) in zip(operation.results, carries) { bounds[result] = bounds[argument] }
  }

  private func bound(_ operation: Operation) -> Bound? {
    /// The bound of all of some values.
    func joined(_ values: ArraySlice<ValueID>) -> Bound? {
      let all = values.map { bounds[$0] }
      guard let first = all.first ?? nil else { return nil }
      return all.reduce(Optional(first)) { known, next in
        switch (known, next) {
        case (.below(let a)?, .below(let b)?): .below(max(a, b))
        case (.upTo(let a)?, .upTo(let b)?) where a == b: known
        default: nil
        }
      }
    }
    switch operation.kind {
    case .constant(let number, _): return number >= 0 ? .below(Int(number) + 1) : nil
    case .iota(.fixed(let count), _): return .below(count)
    case .convert: return graph.type(operation.operands[0]).element == .bool ? .below(2) : nil
    case .broadcast, .reshape, .transpose, .slice, .reverse, .reversePrefix, .gather:
      return bounds[operation.operands[0]]
    case .select: return joined(operation.operands[1...])
    case .concat: return joined(operation.operands[...])
    case .iota, .size, .random, .unary, .binary, .compare, .detach, .dot, .reduce, .pad, .oneHot, .scatterAdd,
      .scan:
      return nil
    }
  }
}
