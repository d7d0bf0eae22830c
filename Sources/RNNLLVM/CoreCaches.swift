import Foundation

/// The caches of a core.
public struct CoreCaches: Hashable, Sendable {
  /// Bytes of the nearest cache of data, and of the one behind it.
  public let nearBytes: Int, farBytes: Int

  /// The least that processors of today have.
  public static let least = CoreCaches(nearBytes: 32 << 10, farBytes: 512 << 10)

  /// Those of the machine this runs on, as far as its system tells.
  public static let host: CoreCaches = {
    #if canImport(Glibc)
      return CoreCaches(
        nearBytes: max(least.nearBytes, sysconf(Int32(_SC_LEVEL1_DCACHE_SIZE))),
        farBytes: max(least.farBytes, sysconf(Int32(_SC_LEVEL2_CACHE_SIZE))))
    #else
      return least
    #endif
  }()
}
