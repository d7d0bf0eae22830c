import Foundation
import Synchronization

/// A condition to wait for that will mostly come true within microseconds.
///
/// A waiting thread first spins, then sleeps. The one who makes the condition true takes the lock only if somebody
/// sleeps. Nobody yields: that would hand the processor to whatever else runs here for milliseconds.
final class SpinningCondition: @unchecked Sendable {
  /// Looks at the condition before sleeping.
  private let spins: Int

  private let sleepers = Atomic(0)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// Makes a condition.
  /// - Parameter spins: looks at the condition before sleeping; a look takes about a nanosecond.
  init(spins: Int) {
    self.spins = spins
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Returns once `isTrue` is.
  /// - Requires: `isTrue` reads what decides it with sequential consistency.
  @inline(__always)
  func wait(until isTrue: () -> Bool) {
    for _ in 0..<spins where isTrue() { return }
    pthread_mutex_lock(mutex)
    // Announced before the last look, as `notify` looks for sleepers after the change: in whatever order the two
    // come, either the change or the sleeper is seen.
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    while !isTrue() { pthread_cond_wait(condition, mutex) }
    sleepers.wrappingSubtract(1, ordering: .relaxed)
    pthread_mutex_unlock(mutex)
  }

  /// Wakes the sleepers after a change.
  /// - Requires: the change was made with sequential consistency.
  @inline(__always)
  func notify() {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
