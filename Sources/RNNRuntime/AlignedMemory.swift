import Foundation

/// A block of memory at a cache line's boundary, zeroed when made and freed with the object.
///
/// Its address never changes, so compiled code may keep it for as long as the object lives.
public final class AlignedMemory: @unchecked Sendable {
  /// The alignment in bytes: a cache line, and the widest vector.
  public static let alignment = 64

  /// The first byte; not null even when `byteCount` is 0.
  public let baseAddress: UnsafeMutableRawPointer

  /// The number of usable bytes.
  public let byteCount: Int

  /// Allocates `byteCount` zeroed bytes.
  public init(byteCount: Int) {
    precondition(byteCount >= 0, "negative size of memory")
    self.byteCount = byteCount
    baseAddress = Self.allocate(byteCount)
    memset(baseAddress, 0, byteCount)
  }

  /// Allocates a copy of other memory.
  init(copying other: AlignedMemory) {
    byteCount = other.byteCount
    baseAddress = Self.allocate(byteCount)
    baseAddress.copyMemory(from: other.baseAddress, byteCount: byteCount)
  }

  deinit { baseAddress.deallocate() }

  /// Bytes of the huge pages that the system may give.
  private static let pageBytes = 2 << 20

  /// Asks the system for huge pages for large memory. A loop that reads all weights in each step goes through more small pages
  /// than the processor keeps address translations of.
  private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard byteCount >= 2 * pageBytes else {
      return .allocate(byteCount: max(byteCount, 1), alignment: alignment)
    }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: pageBytes)
    #if os(Linux)
      // If the system refuses, the pages stay small.
      madvise(memory, byteCount / pageBytes * pageBytes, Int32(MADV_HUGEPAGE))
    #endif
    return memory
  }
}
