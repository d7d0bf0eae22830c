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
    baseAddress = UnsafeMutableRawPointer.allocate(
      byteCount: max(byteCount, 1), alignment: Self.alignment)
    memset(baseAddress, 0, byteCount)
  }

  /// Allocates a copy of other memory.
  init(copying other: AlignedMemory) {
    byteCount = other.byteCount
    baseAddress = UnsafeMutableRawPointer.allocate(
      byteCount: max(byteCount, 1), alignment: Self.alignment)
    baseAddress.copyMemory(from: other.baseAddress, byteCount: byteCount)
  }

  deinit { baseAddress.deallocate() }
}
