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
    let ranges = NumberRanges(self)
    for region in reachableRegions {
      for id in self[region].operations {
        guard let (places, extent, isLength) = places(of: self[id]),
          !ranges[places].isInside(extent, isLength: isLength)
        else { continue }
        let (word, given) = (self[id].kind.mnemonic, type(places))
        throw isLength
          ? InputError(
            "the lengths that '\(word)' reads in graph '\(name)' are not known to be \(extent) at most",
            note: "take them from an input such as 'lengths \"x.lengths\" of(\(extent)) : \(given)'")
          : InputError(
            "the ids that '\(word)' reads in graph '\(name)' are not known to be below \(extent)",
            note: extent.symbol == nil
              ? "say so where they come from, as in 'data \"x\" below(\(extent)) : \(given)'"
              : "give the table a number of rows")
      }
    }
    // Nothing looks at an update again before the next call reads it.
    for output in outputs {
      guard case .update(let name) = output.role, let input = input(named: name),
        type(input.value).element == .i32
      else { continue }
      throw InputError(
        "graph '\(self.name)' updates '\(name)', which holds whole numbers",
        note: "whole numbers are given for each call: make the next ones an output")
    }
  }

  /// The operand of an operation that holds places, the extent that these are in, and whether they are lengths.
  private func places(of operation: Operation) -> (places: ValueID, extent: Dimension, isLength: Bool)? {
    let operands = operation.operands
    switch operation.kind {
    case .gather: return (operands[1], type(operands[0]).shape[0], false)
    case .oneHot(let count, _), .scatterAdd(let count, _): return (operands[0], .fixed(count), false)
    case .reversePrefix(let axis): return (operands[1], type(operands[0]).shape[axis], true)
    case .constant, .table, .size, .iota, .random, .unary, .binary, .compare, .select, .convert, .surrogate,
      .dot,
      .reduce,
      .broadcast, .reshape, .transpose, .slice, .pad, .concat, .reverse, .scan:
      return nil
    }
  }
}
