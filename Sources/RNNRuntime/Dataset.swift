import RNNSupport

/// Examples to train on or to measure with: named tensors whose first axis counts the examples.
///
///     let data = try Dataset(["x": Tensor(numbers, shape: [1000, 20, 2]), "y": Tensor(sums)])
///     for batch in data.batches(batch: 32, seed: 0, epoch: epoch) { try trainer.step(batch) }
///
/// Names are those of a model's inputs, targets and, where they do not start at zero, states. A sequence is
/// `[N, T, …]`, a single value `[N, …]`. Where the examples are of different lengths, `NAME.lengths`, `i32[N]` or
/// `i64[N]`, says how many steps of each are valid; what stands behind these may be anything.
public struct Dataset: Sendable {
  /// The tensors by name; lengths are `i32`.
  public let tensors: [String: Tensor]

  /// The number of examples.
  public let count: Int

  /// What the data is, for messages.
  public let origin: String

  /// Where the name of a tensor of lengths ends.
  public static let lengthsSuffix = ".lengths"

  /// Checks tensors as far as that needs no model.
  ///
  /// - Parameter origin: what the data is, for messages.
  /// - Throws: `InputError` if there are no examples, tensors disagree on their number, or a length is not one.
  public init(_ tensors: [String: Tensor], origin: String = "the data") throws {
    var checked = tensors
    var first: (name: String, count: Int)?
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      guard let extent = tensor.shape.first else {
        throw InputError(
          "tensor '\(name)' of \(origin) is \(tensor), but its first axis should count the examples")
      }
      if let first, first.count != extent {
        throw InputError(
          "tensor '\(name)' of \(origin) has \(counted(extent, "example")), but '\(first.name)' has \(first.count)",
          note: "the first axis of each tensor of a data set counts the examples; parameters are no data")
      }
      first = first ?? (name, extent)
      if name.hasSuffix(Self.lengthsSuffix) { checked[name] = try Self.lengths(name, tensors, origin) }
    }
    guard let first else { throw InputError("\(origin) holds no tensors") }
    guard first.count > 0 else {
      throw InputError("\(origin) holds no examples: tensor '\(first.name)' is empty")
    }
    self.tensors = checked
    self.count = first.count
    self.origin = origin
  }

  /// Reads a safetensors file.
  /// - Throws: `InputError` if the file cannot be read, is damaged or says that its sequences are `[T, N, …]`, and as for
  ///   tensors.
  public init(contentsOfFile path: String) throws {
    let file = try Safetensors(contentsOfFile: path, kind: "data file")
    try file.require(.batchMajor, origin: "'\(path)'")
    try self.init(file.tensors, origin: "'\(path)'")
  }

  /// The names of the tensors that have lengths.
  public var ragged: Set<String> {
    Set(
      tensors.keys.filter { $0.hasSuffix(Self.lengthsSuffix) }.map {
        String($0.dropLast(Self.lengthsSuffix.count))
      })
  }

  /// The examples from one number to before another, as a part to train on and a part to measure with.
  /// - Requires: the range is not empty and within `0..<count`.
  public subscript(range: Range<Int>) -> Dataset {
    precondition(!range.isEmpty && range.lowerBound >= 0 && range.upperBound <= count, "no examples \(range)")
    let batch = Batch(self, Array(range)[...])
    return Dataset(checked: tensors.mapValues { batch.rows(of: $0) }, count: range.count, origin: origin)
  }

  /// The same examples with tensors that were checked and perhaps converted.
  public func replacing(_ tensors: [String: Tensor]) -> Dataset {
    precondition(tensors.values.allSatisfy { $0.shape.first == count }, "another number of examples")
    return Dataset(checked: tensors, count: count, origin: origin)
  }

  private init(checked tensors: [String: Tensor], count: Int, origin: String) {
    (self.tensors, self.count, self.origin) = (tensors, count, origin)
  }

  /// A hash of names, shapes and elements, by which a resumed run knows its data again.
  public var fingerprint: String {
    var hash = FNV1a()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      for byte in "\(name) \(tensor)\n".utf8 { hash.add(byte) }
      tensor.withUnsafeBytes { hash.add($0) }
    }
    return "\(count):\(hash.digits)"
  }

  /// Checks the lengths of a tensor's examples.
  private static func lengths(_ name: String, _ tensors: [String: Tensor], _ origin: String) throws -> Tensor
  {
    let owner = String(name.dropLast(lengthsSuffix.count))
    guard let sequences = tensors[owner] else {
      throw InputError(
        "\(origin) holds '\(name)', but no tensor '\(owner)'",
        note: "'NAME.lengths' belongs to the tensor NAME")
    }
    guard sequences.shape.count >= 2 else {
      throw InputError(
        "'\(owner)' of \(origin) is \(sequences): it has no axis of steps for '\(name)' to count")
    }
    guard let lengths = tensors[name], lengths.shape.count == 1,
      lengths.elementType == .i32 || lengths.elementType == .i64
    else {
      throw InputError(
        "tensor '\(name)' of \(origin) is \(tensors[name]?.description ?? "missing"), but lengths are i32[N] or i64[N]"
      )
    }
    let steps = sequences.shape[1]
    let values =
      lengths.elementType == .i64
      ? try lengths.values(as: Int64.self) : try lengths.values(as: Int32.self).map(Int64.init)
    if let place = values.firstIndex(where: { $0 < 0 || $0 > steps }) {
      throw InputError(
        "tensor '\(name)' of \(origin) holds the length \(values[place]) at [\(place)], "
          + "but '\(owner)' has \(counted(steps, "step"))",
        note: "choose lengths from 0 to \(steps)")
    }
    return try lengths.converted(to: .i32)
  }
}
