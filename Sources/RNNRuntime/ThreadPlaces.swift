import CRNNProcessors
import Synchronization

/// The processors on which the threads of a pool run, so that no two of them share one.
///
/// Beside other busy processes the system may leave two threads of ours on one processor: to it all that is ready to run
/// is alike. But ours wait for each other: the one that waits keeps the processor from the one that it waits for, at every
/// barrier, and a program on two threads takes several times as long as on one (`Benchmarks/waiting.c`). So a worker that
/// finds itself beside another thread of the pool moves. The thread that calls is not ours to move.
final class ThreadPlaces: Sendable {
  /// Where each thread was last seen; negative before it ran, and where the system does not say.
  private let places: [CacheLine]

  /// - Requires: there are as many processors as threads.
  init(count: Int) { places = (0..<count).map { _ in CacheLine(-1) } }

  /// Says where this thread runs.
  @inline(__always)
  func publish(thread: Int) {
    let here = Int(rnnc_processor())
    // Written only if it changed: so the others read it from their own caches.
    if places[thread].value.load(ordering: .relaxed) != here {
      places[thread].value.store(here, ordering: .relaxed)
    }
  }

  /// Moves this thread to a processor of its own if it shares one with a thread of a lower number.
  @inline(__always)
  func keepApart(thread: Int) {
    publish(thread: thread)
    let here = place(of: thread)
    if here >= 0, (0..<thread).contains(where: { place(of: $0) == here }) {
      move(thread)
    }
  }

  /// The processor on which a thread was last seen.
  func place(of thread: Int) -> Int { places[thread].value.load(ordering: .relaxed) }

  private func move(_ thread: Int) {
    let taken = places.indices.map { Int32(place(of: $0)) }
    rnnc_leave_processors(taken, Int32(taken.count))
    publish(thread: thread)
  }
}
