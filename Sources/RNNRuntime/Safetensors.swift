/// A set of named tensors with text metadata, as a safetensors file holds it.
///
/// The format is that of the Python package: the length of the header as 8 little-endian bytes, the header as
/// JSON padded with spaces to a multiple of 8, then the tensors' bytes without gaps.
public struct Safetensors: Equatable, Sendable {
  /// The tensors by name.
  public var tensors: [String: Tensor]

  /// The free text of the header's `__metadata__`.
  public var metadata: [String: String]

  /// Makes a set of tensors.
  public init(tensors: [String: Tensor] = [:], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// Reads a file.
  /// - Parameter kind: what the file should be, for messages.
  /// - Throws: `InputError` that names the file, and the tensor where one is at fault.
  public init(contentsOfFile path: String, kind: String = "safetensors file") throws {
    let file = try InputFile(path: path, kind: kind)
    try self.init(byteCount: file.byteCount, origin: "\(kind) '\(path)'", read: file.read)
  }

  /// Reads a file that is already in memory.
  /// - Parameter origin: what the bytes are, for messages.
  public init(_ bytes: [UInt8], origin: String = "safetensors data") throws {
    try self.init(byteCount: bytes.count, origin: origin) { buffer, offset in
      bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset...].prefix(buffer.count))) }
    }
  }

  private init(
    byteCount: Int, origin: String, read: (UnsafeMutableRawBufferPointer, Int) throws -> Void
  ) throws {
    let header = try SafetensorsHeader(byteCount: byteCount, origin: origin, read: read)
    metadata = header.metadata
    try AvailableMemory.require(
      bytes: Double(byteCount), for: "the tensors of \(origin)", note: "free memory, or choose a smaller file"
    )
    tensors = [:]
    for entry in header.entries {
      var tensor = Tensor(entry.elementType, shape: entry.shape)
      try tensor.withUnsafeMutableBytes { try read($0, entry.fileOffset) }
      tensors[entry.name] = tensor
    }
  }

  /// Writes a file, replacing an older one only when the new one is complete.
  /// - Throws: `InputError` if it cannot be written; an older file is then unchanged.
  public func write(toFile path: String) throws {
    try OutputFile.replace(path) { file in try emit { try file.append($0) } }
  }

  /// The bytes of the file.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    emit { bytes.append(contentsOf: $0) }
    return bytes
  }

  private func emit(_ append: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    // The order of the Python package: wide elements first, so that every tensor is aligned, then by name.
    let ordered = tensors.sorted {
      ($1.value.elementType.safetensorsRank, $0.key) < ($0.value.elementType.safetensorsRank, $1.key)
    }
    var header = SafetensorsHeader.encode(ordered, metadata: metadata)
    header += String(repeating: " ", count: -header.utf8.count & 7)
    try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, append)
    try header.utf8.withContiguousStorageIfAvailable { try append(UnsafeRawBufferPointer($0)) }
    for (_, tensor) in ordered { try tensor.withUnsafeBytes(append) }
  }
}
