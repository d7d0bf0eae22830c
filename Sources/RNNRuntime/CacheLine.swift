import Synchronization

/// A number alone on its cache line, so that watching it does not slow what lies beside it.
final class CacheLine: Sendable {
  private let before: InlineArray<8, Int> = .init(repeating: 0)
  let value: Atomic<Int>
  private let after: InlineArray<8, Int> = .init(repeating: 0)

  init(_ value: Int = 0) { self.value = Atomic(value) }
}
