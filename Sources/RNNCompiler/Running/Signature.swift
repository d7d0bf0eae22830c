import RNNGraph

/// What a graph takes, and the check of what a user gives.
///
/// After it, compiled code reads nothing outside of its inputs: shapes, extents and ids all fit.
struct Signature {
  let inputs: [Input]
  private let types: [TensorType]
  private let batch: Int
  /// The least size of symbols from whose axes a fixed number of elements is taken.
  private let leastSizes: [Symbol: Int]

  init(_ graph: Graph, batch: Int) {
    inputs = graph.inputs
    types = graph.inputs.map { graph.type($0.value) }
    self.batch = batch
    leastSizes = graph.leastSizes()
  }

  /// A tensor's type as messages show it, the batch bound: `i32[T, 32]`.
  func description(_ index: Int, layout: SequenceLayout = .timeMajor) -> String {
    let extents = types[index].shape(in: layout).map { $0 == .batch ? "\(batch)" : $0.description }
    return "\(types[index].element)[\(extents.joined(separator: ", "))]"
  }

  /// The extents of an input for known sizes.
  func shape(_ index: Int, _ sizes: [Symbol: Int]) -> [Int] { types[index].extents(sizes) }

  /// The element type of an input.
  func elementType(_ index: Int) -> ElementType { ElementType(types[index].element) }

  /// Checks one tensor, converts its elements where that loses no range, learns the sizes in its shape, and gives it in
  /// the order of compiled code.
  ///
  /// - Throws: `InputError` that names the tensor, what was found and what is wanted.
  func fit(
    _ tensor: Tensor, to index: Int, sizes: inout KnownSizes, layout: SequenceLayout = .timeMajor
  ) throws -> Tensor {
    let input = inputs[index]
    let type = types[index]
    func mismatch(_ note: String? = nil) -> InputError {
      InputError(
        "tensor '\(input.name)' is \(tensor), but the model wants \(description(index, layout: layout))",
        notes: note.map { [$0] } ?? [])
    }
    guard tensor.shape.count == type.rank else { throw mismatch() }
    for (dimension, extent) in zip(type.shape(in: layout), tensor.shape) {
      switch dimension {
      case .fixed(let wanted): if extent != wanted { throw mismatch() }
      case .symbol(.batch):
        if extent != batch { throw mismatch("the batch of this program is \(batch)") }
      case .symbol(let symbol):
        if let objection = learn(symbol, extent, from: input.name, &sizes) { throw mismatch(objection) }
      }
    }
    let fitting: Tensor
    do {
      fitting = try tensor.converted(to: ElementType(type.element))
    } catch let error as InputError {
      throw mismatch(error.message)
    }
    if let limit = input.idLimit { try checkIDs(fitting, input.name, limit) }
    return type.isSequence && layout == .batchMajor ? fitting.swappingFirstAxes() : fitting
  }

  /// Notes the size of a symbol, or gives what speaks against it.
  private func learn(
    _ symbol: Symbol, _ extent: Int, from tensor: String, _ sizes: inout KnownSizes
  ) -> String? {
    let least = leastSizes[symbol] ?? 1
    if extent < least { return "\(symbol) must be \(least) or more" }
    if let (known, name) = sizes.values[symbol], known != extent {
      return "\(symbol) is \(known) by tensor '\(name)'"
    }
    sizes.values[symbol] = (extent, tensor)
    return nil
  }

  private func checkIDs(_ tensor: Tensor, _ name: String, _ limit: Int) throws {
    try tensor.withUnsafeElements(as: Int32.self) { ids in
      // One pass without branches finds whether there is a fault, a second one where.
      var largest: UInt32 = 0
      for id in ids { largest = max(largest, UInt32(bitPattern: id)) }
      guard largest >= UInt32(clamping: limit) else { return }
      guard let place = ids.firstIndex(where: { UInt32(bitPattern: $0) >= UInt32(clamping: limit) }) else {
        return
      }
      var position: [Int] = []
      var rest = place
      for extent in tensor.shape.reversed() {
        position.insert(rest % extent, at: 0)
        rest /= extent
      }
      throw InputError(
        "tensor '\(name)' holds token \(ids[place]) at \(position), which is outside the vocabulary",
        note: "the model takes tokens from 0 to \(limit - 1)")
    }
  }
}

/// The sizes that tensors have shown so far, each with the tensor that did.
struct KnownSizes {
  fileprivate(set) var values: [Symbol: (size: Int, tensor: String)] = [:]

  /// The sizes alone.
  var sizes: [Symbol: Int] { values.mapValues(\.size) }
}

extension ElementType {
  /// The type of a graph's elements in memory.
  init(_ element: RNNGraph.ElementType) {
    switch element {
    case .f32: self = .f32
    case .f64: self = .f64
    case .i32: self = .i32
    case .bool: self = .bool
    }
  }
}

extension TensorType {
  /// Whether the first two axes are steps and the batch.
  var isSequence: Bool { rank >= 2 && shape[0].symbol != nil && shape[0] != .batch && shape[1] == .batch }

  /// The axes as the caller orders them.
  func shape(in layout: SequenceLayout) -> [Dimension] {
    isSequence && layout == .batchMajor ? [shape[1], shape[0]] + shape[2...] : shape
  }

  /// The extents for known sizes of all symbols.
  func extents(_ sizes: [Symbol: Int]) -> [Int] {
    shape.map { dimension in
      switch dimension {
      case .fixed(let extent): extent
      case .symbol(let symbol): sizes[symbol] ?? 0
      }
    }
  }
}

extension Graph {
  /// The least size of each symbol such that every slice of its axes, and every place in them, exists.
  fileprivate func leastSizes() -> [Symbol: Int] {
    var sizes: [Symbol: Int] = [:]
    func require(_ dimension: Dimension, _ count: Int) {
      if let symbol = dimension.symbol { sizes[symbol] = max(sizes[symbol] ?? 1, count) }
    }
    for region in reachableRegions {
      for id in self[region].operations {
        switch self[id].kind {
        case .slice(let axis, let start, let count, _):
          require(type(self[id].operands[0]).shape[axis], start + count)
        case .pad(let axis, let start, let to, _):
          require(to, start + (type(self[id].operands[0]).shape[axis].fixed ?? 0))
        default: break
        }
      }
    }
    return sizes
  }
}
