import RNNGraph
import RNNSupport

/// What a graph takes, and the check of what a user gives.
///
/// After it, compiled code reads nothing outside of its inputs: shapes, extents and ids all fit.
struct Signature {
  let inputs: [Input]
  private let types: [TensorType]
  private let batch: Int
  private let layout: SequenceLayout
  /// The steps of each input that is a sequence.
  private let steps: [Symbol?]
  /// The least size of symbols from whose axes a fixed number of elements is taken.
  private let leastSizes: [Symbol: Int]
  /// Where tensors come from, for messages; nil for no mention.
  private let origin: String?
  /// What the caller calls inputs, where that is not their name.
  private let names: [String: String]

  init(
    _ graph: Graph, batch: Int, layout: SequenceLayout = .timeMajor, origin: String? = nil,
    names: [String: String] = [:]
  ) {
    inputs = graph.inputs
    types = graph.inputs.map { input in
      let type = graph.type(input.value)
      return type.with(shape: type.shape(in: layout))
    }
    steps = graph.inputs.map { graph.type($0.value).steps }
    self.batch = batch
    self.layout = layout
    leastSizes = graph.leastSizes()
    self.origin = origin
    self.names = names
  }

  /// The least size of a symbol.
  func leastSize(_ symbol: Symbol) -> Int { leastSizes[symbol] ?? 1 }

  /// A tensor's type as messages show it, the batch bound: `i32[T, 32]`.
  func description(_ index: Int) -> String {
    let extents = types[index].shape.map { $0 == .batch ? "\(batch)" : $0.description }
    return "\(types[index].element)[\(extents.joined(separator: ", "))]"
  }

  /// The extents of an input for known sizes.
  func shape(_ index: Int, _ sizes: [Symbol: Int]) -> [Int] { types[index].extents(sizes) }

  /// The element type of an input.
  func elementType(_ index: Int) -> ElementType { ElementType(types[index].element) }

  /// Checks one tensor, converts its elements where that loses no range, and learns the sizes in its shape.
  ///
  /// - Parameter checked: a tensor that this signature has checked for the same input; a copy of it is not looked
  ///   through again.
  /// - Throws: `InputError` that names the tensor, what was found and what is wanted.
  func fit(
    _ tensor: Tensor, to index: Int, sizes: inout KnownSizes, checked: Tensor? = nil
  ) throws -> Tensor {
    try checkShape(tensor, index, &sizes)
    if let checked, checked.sharesMemory(with: tensor) { return checked }
    return try converted(tensor, index)
  }

  /// Checks the tensors of a call together and converts them, as `fit` does each, and gives all sizes.
  ///
  /// Where lengths are among them, what stands behind the valid steps of an example may be anything: it is left out if
  /// it does not fit.
  ///
  /// - Parameter checked: for an input, a tensor that this signature has checked.
  func fit(
    _ given: inout [(number: Int, tensor: Tensor)], checked: (Int) -> Tensor? = { _ in nil }
  ) throws -> [Symbol: Int] {
    var known = KnownSizes()
    for (number, tensor) in given { try checkShape(tensor, number, &known) }
    var lengths: [Symbol: [Int32]] = [:]
    for (number, tensor) in given {
      guard case .lengths(let symbol) = inputs[number].role else { continue }
      let fitting = try converted(tensor, number)
      try checkLengths(fitting, number, steps: known.sizes[symbol] ?? 0)
      lengths[symbol] = try fitting.values(as: Int32.self)
    }
    for place in given.indices {
      let (number, tensor) = given[place]
      if let known = checked(number), known.sharesMemory(with: tensor) { continue }
      do {
        given[place].tensor = try converted(tensor, number)
      } catch {
        guard let lengths = steps[number].flatMap({ lengths[$0] }) else { throw error }
        let cleared = tensor.clearingSteps(behind: lengths, stepsFirst: layout == .timeMajor)
        given[place].tensor = try converted(cleared, number)
      }
    }
    return known.sizes
  }

  private func checkShape(_ tensor: Tensor, _ index: Int, _ sizes: inout KnownSizes) throws {
    let type = types[index]
    guard tensor.shape.count == type.rank else { throw mismatch(tensor, index) }
    for (dimension, extent) in zip(type.shape, tensor.shape) {
      switch dimension {
      case .fixed(let wanted): if extent != wanted { throw mismatch(tensor, index) }
      case .symbol(.batch): if extent != batch { throw wrongBatch(tensor, index, extent) }
      case .symbol(let symbol): try learn(symbol, extent, from: tensor, index, &sizes)
      }
    }
  }

  /// A tensor of the right shape with the type of an input's elements, of which each fits.
  private func converted(_ tensor: Tensor, _ index: Int) throws -> Tensor {
    let type = types[index]
    let fitting: Tensor
    do {
      fitting = try tensor.converted(to: ElementType(type.element))
    } catch let error as InputError {
      throw mismatch(tensor, index, note: error.message)
    }
    try checkElements(fitting, index)
    return fitting
  }

  /// Checks the elements of a tensor that has the type and shape of an input.
  ///
  /// - Throws: `InputError` that names the tensor and the place of the first that does not fit.
  func checkElements(_ tensor: Tensor, _ index: Int) throws {
    if let limit = inputs[index].idLimit { try checkIDs(tensor, index, limit) }
    try tensor.requireFinite(subject(index))
  }

  /// How messages name a tensor.
  private func subject(_ index: Int) -> String {
    "tensor '\(names[inputs[index].name] ?? inputs[index].name)'" + (origin.map { " of \($0)" } ?? "")
  }

  private func learn(
    _ symbol: Symbol, _ extent: Int, from tensor: Tensor, _ index: Int, _ sizes: inout KnownSizes
  ) throws {
    let least = leastSize(symbol)
    guard extent >= least else {
      throw mismatch(tensor, index, note: "\(symbol) must be \(least) or more")
    }
    if let (known, name) = sizes.values[symbol], known != extent {
      throw mismatch(tensor, index, note: "\(symbol) is \(known) by tensor '\(name)'")
    }
    sizes.values[symbol] = (extent, inputs[index].name)
  }

  private func mismatch(_ tensor: Tensor, _ index: Int, note: String? = nil) -> InputError {
    InputError(
      "\(subject(index)) is \(tensor), but the model wants \(description(index))",
      notes: note.map { [$0] } ?? [])
  }

  private func wrongBatch(_ tensor: Tensor, _ index: Int, _ found: Int) -> InputError {
    if found == 0 { return InputError("\(subject(index)) holds no examples: it is \(tensor)") }
    // The axes of a sequence may stand in the other order.
    let (shape, other): ([Int], SequenceLayout) = (
      tensor.shape, layout == .timeMajor ? .batchMajor : .timeMajor
    )
    if steps[index] != nil, shape.count >= 2, shape[layout == .timeMajor ? 0 : 1] == batch {
      return mismatch(
        tensor, index, note: "the batch has \(counted(batch, "example")); it would fit as \(other.axes)")
    }
    return mismatch(tensor, index, note: "the batch has \(counted(batch, "example"))")
  }

  /// Checks how many steps of each example are valid.
  private func checkLengths(_ lengths: Tensor, _ index: Int, steps: Int) throws {
    try lengths.withUnsafeElements(as: Int32.self) { lengths in
      guard let place = lengths.firstIndex(where: { $0 < 0 || $0 > steps }) else { return }
      throw InputError(
        "\(subject(index)) holds the length \(lengths[place]) at [\(place)], but "
          + "the sequences have \(counted(steps, "step"))",
        note: "choose lengths from 0 to \(steps)")
    }
  }

  private func checkIDs(_ tensor: Tensor, _ index: Int, _ limit: Int) throws {
    try tensor.withUnsafeElements(as: Int32.self) { ids in
      // One pass without branches finds whether there is a fault, a second one where.
      var largest: UInt32 = 0
      for id in ids { largest = max(largest, UInt32(bitPattern: id)) }
      guard largest >= UInt32(clamping: limit) else { return }
      guard let place = ids.firstIndex(where: { UInt32(bitPattern: $0) >= UInt32(clamping: limit) }) else {
        return
      }
      throw InputError(
        "\(subject(index)) holds token \(ids[place]) at \(tensor.position(of: place)), "
          + "which is outside the vocabulary",
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
  /// Whether the first axis counts steps and the second examples.
  var isSequence: Bool { steps != nil }

  /// The steps of a sequence `[T, B, …]`; nil if it is none.
  var steps: Symbol? {
    rank >= 2 && shape[0] != .batch && shape[1] == .batch ? shape[0].symbol : nil
  }

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
        if case .slice(let axis, let start, let count, _) = self[id].kind {
          require(type(self[id].operands[0]).shape[axis], start + count)
        } else if case .pad(let axis, let start, let to, _) = self[id].kind {
          require(to, start + (type(self[id].operands[0]).shape[axis].fixed ?? 0))
        }
      }
    }
    return sizes
  }
}
