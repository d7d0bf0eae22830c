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

  @Test func compiledCodeRunsThroughTheHandle() throws {
    let pool = try ThreadPool(count: 2)
    var marks: [Int32] = [-1, -1]
    marks.withUnsafeMutableBufferPointer { buffer in
      ThreadPool.runner(
        pool.handle,
        { context, thread in context!.assumingMemoryBound(to: Int32.self)[Int(thread)] = thread },
        buffer.baseAddress)
    }
    #expect(marks == [0, 1])
  }

  @Test func poolsEndWithoutEverRunning() throws {
    for _ in 0..<50 { _ = try ThreadPool(count: 4) }
    #expect(ThreadPool.processorCount >= 1)
  }
}
