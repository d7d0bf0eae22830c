import Foundation

/// A training run at rest: all that is needed to continue it exactly, or to generate with its model.
///
/// It is one safetensors file. Parameters and recurrent states stand under their paths, the optimiser's tensors
/// under `optimizer.` and their names; the rest is JSON in the file's metadata. If the run measures with validation
/// data, the parameters are the best ones, and those that the run goes on with stand under `latest.` and their paths.
public struct Checkpoint: Equatable, Sendable {
  /// All that is not a tensor.
  public var metadata: CheckpointMetadata

  /// The parameters by path: those of the epoch with the least validation loss, or else the latest.
  public var parameters: [String: Tensor]

  /// The parameters that the run goes on with by path; nil if they are `parameters`.
  public var latestParameters: [String: Tensor]?

  /// The optimiser's tensors, by slot and path as in `momentum.rnn.W`.
  public var optimizerState: [String: Tensor]

  /// The state that the next batch starts from, by path.
  public var recurrentState: [String: Tensor]

  /// The version of the format that this code writes, and the latest that it reads. A new one is for files that this code
  /// would read wrongly: what is added can be optional, and missing in older files.
  public static let formatVersion = 3

  /// The earliest version that this code reads.
  static let earliestVersion = 2

  /// Collects the parts.
  public init(
    metadata: CheckpointMetadata, parameters: [String: Tensor], latestParameters: [String: Tensor]? = nil,
    optimizerState: [String: Tensor] = [:], recurrentState: [String: Tensor] = [:]
  ) {
    self.metadata = metadata
    self.parameters = parameters
    self.latestParameters = latestParameters
    self.optimizerState = optimizerState
    self.recurrentState = recurrentState
  }

  /// Reads a checkpoint.
  /// - Throws: `InputError` if the file is missing, damaged, of a version that this code does not read, or no checkpoint.
  public init(contentsOfFile path: String) throws {
    try self.init(
      Safetensors(contentsOfFile: path, kind: "checkpoint"), origin: "checkpoint '\(path)'")
  }

  /// Writes the checkpoint; an older file is replaced only by a complete new one.
  /// - Throws: `InputError` if it cannot be written.
  public func write(toFile path: String) throws {
    try encoded().write(toFile: path)
  }

  /// Takes a checkpoint out of a safetensors file.
  /// - Parameter origin: what the file is, for messages.
  init(_ file: Safetensors, origin: String) throws {
    guard let version = file.metadata[Key.version], let json = file.metadata[Key.run] else {
      throw InputError(
        "\(origin) is not a checkpoint of rnnc",
        note: "it is a safetensors file without the metadata that 'rnnc train --checkpoint' writes")
    }
    try Self.require(version, origin: origin)
    let run: Run
    do {
      run = try Self.decoder.decode(Run.self, from: Data(json.utf8))
    } catch let error as DecodingError {
      throw InputError("\(origin) is damaged: its metadata cannot be read", note: Self.explain(error))
    }
    var rest = file.tensors
    func take(_ names: [String], _ prefix: String) throws -> [String: Tensor] {
      var taken: [String: Tensor] = [:]
      for name in names {
        guard let tensor = rest.removeValue(forKey: prefix + name) else {
          throw InputError("\(origin) is damaged: tensor '\(prefix + name)' is missing")
        }
        taken[name] = tensor
      }
      return taken
    }
    metadata = run.metadata
    parameters = try take(run.parameters, "")
    latestParameters = run.hasLatestParameters ? try take(run.parameters, Key.latestPrefix) : nil
    recurrentState = try take(run.recurrentState, "")
    optimizerState = try take(run.optimizerState, Key.optimizerPrefix)
    if let extra = rest.keys.min() {
      throw InputError("\(origin) is damaged: tensor '\(extra)' belongs to nothing")
    }
  }

  /// Checks that this code reads a version of the format.
  private static func require(_ version: String, origin: String) throws {
    guard let number = Int(version), number > 0 else {
      throw InputError("\(origin) is damaged: '\(version)' is no version of the format")
    }
    if number > formatVersion {
      throw InputError(
        "\(origin) was written by a newer rnnc: its format is \(number), and this rnnc reads formats up to \(formatVersion)",
        note: "update rnnc")
    }
    if number < earliestVersion {
      throw InputError(
        "\(origin) was written by an older rnnc: its format is \(number), and this rnnc reads formats from \(earliestVersion)",
        note: "go on with the rnnc that wrote it; its parameters can be read by 'rnnc run MODEL --tensors'")
    }
  }

  /// The checkpoint as a safetensors file holds it.
  func encoded() throws -> Safetensors {
    var file = Safetensors(tensors: parameters)
    for (name, tensor) in latestParameters ?? [:] { file.tensors[Key.latestPrefix + name] = tensor }
    for (name, tensor) in recurrentState { file.tensors[name] = tensor }
    for (name, tensor) in optimizerState { file.tensors[Key.optimizerPrefix + name] = tensor }
    let count =
      parameters.count + (latestParameters?.count ?? 0) + recurrentState.count + optimizerState.count
    guard file.tensors.count == count else {
      throw InputError("the checkpoint cannot be written: two of its tensors have the same name")
    }
    let run = Run(
      metadata: metadata, parameters: parameters.keys.sorted(),
      hasLatestParameters: latestParameters != nil, optimizerState: optimizerState.keys.sorted(),
      recurrentState: recurrentState.keys.sorted())
    file.metadata = [
      Key.version: String(Self.formatVersion),
      Key.run: String(decoding: try Self.encoder.encode(run), as: UTF8.self),
    ]
    return file
  }

  private enum Key {
    static let version = "rnnc.checkpoint.version"
    static let run = "rnnc.checkpoint"
    static let optimizerPrefix = "optimizer."
    static let latestPrefix = "latest."
  }

  /// The JSON of the metadata, with the tensors' parts.
  private struct Run: Codable {
    var metadata: CheckpointMetadata
    var parameters: [String]
    var hasLatestParameters: Bool
    var optimizerState: [String]
    var recurrentState: [String]
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  private static func explain(_ error: DecodingError) -> String {
    let path = error.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "the metadata is not JSON" : "the fault is at '\(path)'"
  }
}

extension DecodingError {
  fileprivate var codingPath: [any CodingKey] {
    switch self {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
      .dataCorrupted(let context):
      context.codingPath
    @unknown default: []
    }
  }
}
