import Foundation
import Synchronization

/// Threads that run one function together, for compiled code.
///
/// A run costs about a microsecond while the threads are awake: they watch for the next one for some tens of
/// microseconds before they sleep. No run allocates, and none takes a lock unless a thread sleeps.
///
/// It is our own, since compiled code waits for all threads in the middle of a run: what only promises to call a function
/// so many times, such as `concurrentPerform`, may call it for one thread after the other.
public final class ThreadPool: @unchecked Sendable {
  /// A function for all threads: it gets the context of the run and the index of the thread.
  public typealias Body = @convention(c) (_ context: UnsafeMutableRawPointer?, _ thread: Int32) -> Void

  /// The number of threads that a run uses, with the calling one.
  public let count: Int

  private let shared: Shared
  private var threads: [pthread_t] = []

  /// The number of processors that this process may use.
  public static var processorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// Starts `count - 1` threads; the calling thread of each run is the last.
  /// - Throws: `InputError` if the system refuses a thread.
  /// - Requires: `count` is positive.
  public init(count: Int = ThreadPool.processorCount) throws {
    precondition(count > 0, "a pool needs a thread")
    self.count = count
    // Threads that share a processor must not keep it from each other by spinning.
    let fits = count <= Self.processorCount
    shared = Shared(spins: fits ? 50_000 : 0, places: fits ? ThreadPlaces(count: count) : nil)
    // If one fails, deinit ends those before it.
    for index in 1..<count { threads.append(try Self.startWorker(index: Int32(index), shared: shared)) }
  }

  deinit { stop() }

  /// Calls `body` once with each index in 0..<count, each on a thread of its own, and returns when all returned.
  /// Index 0 runs on the calling thread.
  /// - Requires: the pool is not running another body.
  public func run(_ body: Body, context: UnsafeMutableRawPointer?) {
    guard count > 1 else { return body(context, 0) }
    precondition(!shared.isRunning.exchange(true, ordering: .acquiring), "the thread pool is running")
    shared.places?.publish(thread: 0)
    shared.start(body, context: context, workers: count - 1)
    body(context, 0)
    shared.finish()
    shared.isRunning.store(false, ordering: .releasing)
  }

  /// Calls a closure once with each index in 0..<count, as `run(_:context:)` does.
  public func run(_ body: @Sendable (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { pointer in
        run(
          { context, thread in
            context!.assumingMemoryBound(to: (@Sendable (Int) -> Void).self).pointee(Int(thread))
          }, context: UnsafeMutableRawPointer(mutating: pointer))
      }
    }
  }

  private func stop() {
    shared.stop()
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  private static func startWorker(index: Int32, shared: Shared) throws -> pthread_t {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 8 << 20)
    let worker = Unmanaged.passRetained(Worker(index: index, shared: shared))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        Unmanaged<Worker>.fromOpaque(argument!).takeRetainedValue().loop()
        return nil
      }, worker.toOpaque())
    guard code == 0 else {
      worker.release()
      throw InputError("cannot start thread \(index): \(systemMessage(code))", note: "lower --threads")
    }
    return thread
  }
}

extension ThreadPool {
  /// What the threads share.
  ///
  /// `body` and `context` are written before `generation` is advanced and read after it was seen to advance; the
  /// next write comes after `pending` fell to 0. So they need no lock of their own.
  fileprivate final class Shared: @unchecked Sendable {
    let isRunning = Atomic(false)
    let places: ThreadPlaces?
    private let generation = CacheLine()
    private let pending = CacheLine()
    private let started: SpinningCondition
    private let finished: SpinningCondition
    private var body: Body?
    private var context: UnsafeMutableRawPointer?

    init(spins: Int, places: ThreadPlaces?) {
      self.places = places
      started = SpinningCondition(spins: spins)
      finished = SpinningCondition(spins: spins)
    }

    func start(_ body: Body, context: UnsafeMutableRawPointer?, workers: Int) {
      self.body = body
      self.context = context
      pending.value.store(workers, ordering: .relaxed)
      generation.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
      started.notify()
    }

    func finish() {
      finished.wait { pending.value.load(ordering: .sequentiallyConsistent) == 0 }
    }

    /// Ends all workers at their next wait.
    func stop() {
      body = nil
      generation.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
      started.notify()
    }

    /// Waits for a generation after `seen` and runs its body; false if the pool stopped.
    func runNext(after seen: inout Int, thread: Int32) -> Bool {
      let last = seen
      started.wait { generation.value.load(ordering: .sequentiallyConsistent) != last }
      seen = last &+ 1
      guard let body else { return false }
      places?.keepApart(thread: Int(thread))
      body(context, thread)
      let left = pending.value.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
      if left == 0 { finished.notify() }
      return true
    }
  }

  /// One thread's share.
  private final class Worker {
    let index: Int32
    let shared: Shared

    init(index: Int32, shared: Shared) {
      self.index = index
      self.shared = shared
    }

    func loop() {
      var seen = 0
      while shared.runNext(after: &seen, thread: index) {}
    }
  }
}
