import BitCollections
import RNNGraph

extension Graph {
  /// The indices of the operations of a region that `values` are computed by, directly or not.
  func operationsNeeded(
    for values: [ValueID], in region: RegionID, stoppingAt isGiven: (ValueID) -> Bool = { _ in false }
  ) -> BitSet {
    var wanted = BitSet(reservingCapacity: valueCount)
    for value in values where !isGiven(value) { wanted.insert(value.index) }
    var needed = BitSet(reservingCapacity: operationCount)
    for id in self[region].operations.reversed()
    where self[id].results.contains(where: { wanted.contains($0.index) }) {
      needed.insert(id.index)
      for operand in self[id].operands where !isGiven(operand) { wanted.insert(operand.index) }
    }
    return needed
  }

  /// The indices of the values of a region that depend on `seeds`, with the seeds.
  func valuesDepending(on seeds: some Sequence<ValueID>, in region: RegionID) -> BitSet {
    var found = BitSet(reservingCapacity: valueCount)
    for seed in seeds { found.insert(seed.index) }
    for id in self[region].operations
    where self[id].operands.contains(where: { found.contains($0.index) }) {
      for result in self[id].results { found.insert(result.index) }
    }
    return found
  }
}

extension OperationKind {
  /// The same operation on values that have another extent.
  func over(_ extent: Dimension, insteadOf old: Dimension) -> OperationKind {
    func map(_ shape: [Dimension]) -> [Dimension] { shape.map { $0 == old ? extent : $0 } }
    switch self {
    case .constant(let number, let type): return .constant(number, type.with(shape: map(type.shape)))
    case .random(let stream, let shape, let element):
      return .random(stream: stream, shape: map(shape), element)
    case .broadcast(let axes, let shape): return .broadcast(axes: axes, shape: map(shape))
    case .reshape(let shape): return .reshape(map(shape))
    case .table, .size, .iota, .unary, .binary, .compare, .select, .convert, .surrogate, .dot, .reduce,
      .transpose,
      .slice,
      .pad, .concat, .reverse, .reversePrefix, .oneHot, .gather, .scatterAdd, .scan:
      return self
    }
  }
}
