import Foundation
import RNNGraph
import RNNPlan
import Testing

@testable import RNNCompiler

/// Every stage takes about as much longer as a program is larger, whatever its shape, and so does what it makes.
///
/// `RNNC_SCALING=5000` measures programs of 5,000 and 20,000 operations instead of small ones.
@Suite struct ScalingTests {
  private let small = ProcessInfo.processInfo.environment["RNNC_SCALING"].flatMap { Int($0) } ?? 64
  private let factor = 4

  @Test(arguments: ProgramShape.allCases) func workGrowsWithTheProgram(_ shape: ProgramShape) throws {
    // A busy machine can disturb a measurement, but hardly three of them.
    var faults: [String] = []
    for _ in 0..<3 {
      faults = []
      let (less, more) = (try measure(shape, small), try measure(shape, small * factor))
      for (name, work) in more.seconds {
        let before = less.seconds[name]!
        // What takes quadratic time takes 16 times as long.
        if work > 0.05, work > 8 * before { faults.append("\(name): \(before) s became \(work) s") }
      }
      for (name, size) in more.sizes {
        let before = less.sizes[name]!
        if size > 5 * before + 100 { faults.append("\(name): \(before) became \(size)") }
      }
      #expect(more.longestKernel <= 600, "a kernel is too long")
      #expect(more.longestFunction <= 8000, "a function is too long")
      if faults.isEmpty { return }
    }
    Issue.record("\(faults.joined(separator: "\n"))")
  }

  private struct Work {
    var seconds: [String: Double] = [:]
    var sizes: [String: Int] = [:]
    /// The most instructions of a kernel's body, and of a function of LLVM.
    var longestKernel = 0, longestFunction = 0

    mutating func time<Result>(_ stage: String, _ body: () throws -> Result) rethrows -> Result {
      let start = threadTime()
      let result = try body()
      seconds[stage] = threadTime() - start
      return result
    }
  }

  /// Takes a program of a shape through all stages.
  private func measure(_ shape: ProgramShape, _ size: Int) throws -> Work {
    var work = Work()
    let source = shape.source(size)
    let options = CompileOptions(threads: 2, cache: nil)
    let program = try work.time("front end") { try Compiler(options).compile(source: source, batch: 2) }
    // The gradients of a model with a loss, and its inference otherwise.
    let compilation = try work.time("derive") { try program.compilation(for: program.mainPurpose) }
    let graph = try work.time("optimise") { try compilation.optimizedGraph }
    let stages = try work.time("clusters") { try compilation.planStages }
    let plan = try work.time("plan") { try compilation.plan }
    _ = try work.time("schedule") { try compilation.scheduledPlan }
    let module = try work.time("emit") { try compilation.module }
    work.sizes["operations"] = graph.liveOperationCount
    work.sizes["instructions of kernels"] = plan.kernels.reduce(0) { $0 + $1.body.count }
    work.sizes["instructions of LLVM"] = module.instructionCount
    work.longestKernel = plan.kernels.map(\.body.count).max() ?? 0
    work.longestFunction = longestFunction(module.llvmIR)
    work.time("print") {
      _ = (compilation.graph.description, graph.description, stages.description, plan.description)
    }
    return work
  }

  /// The lines of the longest function of a module.
  private func longestFunction(_ text: String) -> Int {
    var (longest, count) = (0, 0)
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      count = line.starts(with: "define".utf8) ? 0 : count + 1
      if line.starts(with: "}".utf8) { longest = max(longest, count) }
    }
    return longest
  }
}

/// The seconds that this thread has been running.
private func threadTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
