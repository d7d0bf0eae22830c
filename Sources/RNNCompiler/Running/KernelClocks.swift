import RNNGraph
import RNNPlan

/// What a kernel takes of the time of a program.
public struct KernelTime: Sendable {
  /// The kernel's name in the plan, or `waiting` for threads that wait for each other.
  public let name: String
  /// The median of its time in a call and the least, in seconds: the mean over the threads.
  public let seconds: Double, leastSeconds: Double
  /// The floating-point operations of its product in a call; 0 of other kernels.
  public let operations: Double
}

/// How many ticks of the processor's counter each kernel of a program takes.
final class KernelClocks {
  private let plan: Plan
  private let memory: AlignedMemory
  /// For each kernel, the ticks of every sample.
  private var samples: [[Int]] = []

  init(_ plan: Plan) {
    self.plan = plan
    memory = AlignedMemory(byteCount: 8 * plan.threads * (plan.kernels.count + 1))
  }

  /// The counters, thread by thread: one for each kernel in the plan's order, then one for waiting.
  var address: UnsafeMutableRawPointer { memory.baseAddress }

  /// Forgets the ticks since the last sample.
  func reset() { address.initializeMemory(as: UInt8.self, repeating: 0, count: memory.byteCount) }

  /// Keeps the ticks since the last sample.
  func sample() {
    let count = plan.kernels.count + 1
    let ticks = address.assumingMemoryBound(to: Int.self)
    if samples.isEmpty { samples = Array(repeating: [], count: count) }
    for i in 0..<count { samples[i].append((0..<plan.threads).reduce(0) { $0 + ticks[$1 * count + i] }) }
    reset()
  }

  /// What each kernel takes, and last the waiting, if all samples together took `seconds` for a number of calls.
  func times(_ sizes: [Symbol: Int], seconds: Double, calls: Int) -> [KernelTime] {
    var kernels: [(name: String, operations: Double)] = []
    func visit(_ steps: [Step], times: Double) {
      for step in steps {
        switch step {
        case .kernel(let kernel):
          let points = kernel.domain.reduce(1, *).approximate(sizes)
          let sums = kernel.product.map { $0.depth.approximate(sizes) * Double($0.groups) } ?? 0
          kernels.append((kernel.name, 2 * times * points * sums))
        case .loop(let loop): visit(loop.body, times: times * Double(sizes[loop.steps] ?? 1))
        case .preparation(let steps): visit(steps, times: 0)
        case .barrier: break
        }
      }
    }
    visit(plan.steps, times: 1)
    kernels.append(("waiting", 0))
    let total = Double(max(samples.joined().reduce(0, +), 1))
    let callsOfSample = Double(calls) / Double(max(samples[0].count, 1))
    return zip(kernels, samples).map { kernel, ticks in
      let times = ticks.sorted().map { Double($0) / total * seconds / callsOfSample }
      return KernelTime(
        name: kernel.name, seconds: times[times.count / 2], leastSeconds: times[0],
        operations: kernel.operations)
    }
  }
}
