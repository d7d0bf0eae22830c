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

  /// Large blocks ask the system for large pages, of which a processor needs to look up fewer.
  private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let isLarge = byteCount >= largePage
    let address = UnsafeMutableRawPointer.allocate(
      byteCount: max(byteCount, 1), alignment: isLarge ? largePage : alignment)
    #if os(Linux)
      // Only advice: without large pages everything works as before.
      if isLarge { madvise(address, byteCount, MADV_HUGEPAGE) }
    #endif
    return address
  }

  private static let largePage = 2 << 20
}
