/// A file of the cache of code.
///
/// ```
/// bytes 0   "rnnccode"
///       8   the checksum of all that follows
///      16   the number of bytes of the key, then the number of object files, then the bytes of each
///           the key, then the object files
/// ```
struct CodeCacheEntry: Equatable {
  /// All that the code was made from.
  var key: String
  /// The object files, or the text of a schedule.
  var objects: [[UInt8]]

  private static let magic = Array("rnnccode".utf8)

  init(key: String, objects: [[UInt8]]) {
    self.key = key
    self.objects = objects
  }

  /// Reads a file; nil if it is damaged.
  init?(_ bytes: [UInt8]) {
    var position = 0
    func take(_ count: Int) -> ArraySlice<UInt8>? {
      guard count >= 0, count <= bytes.count - position else { return nil }
      defer { position += count }
      return bytes[position..<(position + count)]
    }
    func number() -> UInt64? { take(8)?.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    func count() -> Int? { number().flatMap { Int(exactly: $0) } }
    guard let magic = take(8), Array(magic) == Self.magic, let checksum = number(),
      checksum == StableHash.of(bytes[position...]), let keyCount = count(), let objectCount = count(),
      objectCount <= bytes.count
    else { return nil }
    var sizes: [Int] = []
    for _ in 0..<objectCount {
      guard let size = count() else { return nil }
      sizes.append(size)
    }
    guard let key = take(keyCount) else { return nil }
    self.key = String(decoding: key, as: UTF8.self)
    objects = []
    for size in sizes {
      guard let object = take(size) else { return nil }
      objects.append(Array(object))
    }
    guard position == bytes.count else { return nil }
  }

  /// The bytes of the file.
  var bytes: [UInt8] {
    func bytes(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    let key = Array(key.utf8)
    var content = bytes(UInt64(key.count)) + bytes(UInt64(objects.count))
    for object in objects { content += bytes(UInt64(object.count)) }
    content += key
    for object in objects { content += object }
    return Self.magic + bytes(StableHash.of(content[...])) + content
  }
}

/// A hash that is the same in every process: FNV-1a of 64 bits. It finds damage and makes names; it proves nothing.
enum StableHash {
  static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
