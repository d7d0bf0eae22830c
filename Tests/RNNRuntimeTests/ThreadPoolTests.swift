import CRNNProcessors
import Foundation
import Synchronization
import Testing

@testable import RNNRuntime

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8]) func everyIndexRunsOnceAndIsDoneAfterwards(count: Int) throws {
    let pool = try ThreadPool(count: count)
    var hits = [Int](repeating: 0, count: count)
    for round in 1...300 {
      // Sometimes after a pause in which the threads fall asleep.
      if round % 100 == 0 { usleep(5000) }
      hits.withUnsafeMutableBufferPointer { buffer in
        pool.run(
          { context, thread in context!.assumingMemoryBound(to: Int.self)[Int(thread)] += 1 },
          context: buffer.baseAddress)
      }
      #expect(hits == [Int](repeating: round, count: count))
    }
  }

  @Test func aSlowThreadIsWaitedFor() throws {
    let pool = try ThreadPool(count: 3)
    let sum = Atomic(0)
    for slow in 0..<3 {
      pool.run { thread in
        if thread == slow { usleep(20_000) }
        sum.wrappingAdd(thread + 1, ordering: .relaxed)
      }
      #expect(sum.load(ordering: .relaxed) == 6 * (slow + 1))
    }
  }

  @Test func threadsMeetInsideARun() throws {
    // Each waits for all others, which only works if all run at the same time.
    let pool = try ThreadPool(count: 4)
    let arrived = Atomic(0)
    pool.run { _ in
      arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
      while arrived.load(ordering: .sequentiallyConsistent) < 4 { sched_yield() }
    }
    #expect(arrived.load(ordering: .relaxed) == 4)
  }

  /// Threads on one processor would keep it from each other while they wait.
  @Test(.enabled(if: ThreadPool.processorCount > 1 && rnnc_processor() >= 0))
  func aThreadLeavesAProcessorThatIsTaken() {
    // The second thread of a pool, but on the same system thread: it is where the first one was seen. The system may
    // move threads at any time, so most tries count.
    let apart = (0..<20).filter { _ in
      let places = ThreadPlaces(count: 2)
      places.publish(thread: 0)
      places.keepApart(thread: 1)
      return places.place(of: 0) != places.place(of: 1)
    }
    #expect(apart.count >= 15)
  }

  @Test(.enabled(if: rnnc_processor() >= 0)) func aThreadStaysWhereNoProcessorIsFree() {
    // All processors are taken, so that there is none to go to; the thread still runs where it may.
    let all = (0..<1024).map { Int32($0) }
    rnnc_leave_processors(all, Int32(all.count))
    #expect(rnnc_processor() >= 0)
  }

  @Test func poolsEndWithoutEverRunning() throws {
    for _ in 0..<50 { _ = try ThreadPool(count: 4) }
    #expect(ThreadPool.processorCount >= 1)
  }
}
