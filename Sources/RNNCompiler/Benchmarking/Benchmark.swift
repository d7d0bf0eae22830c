import RNNCodegen
import RNNGraph

/// The part of what a machine can do that a program reaches.
public struct Share: Sendable {
  /// The rate of the program over that of the machine.
  public let measured: Double

  /// Relates two rates.
  public init(_ rate: Double, of limit: Double) { measured = rate / limit }

  /// The part; nil if it is more than all. Then the machine was slower while it was measured than while the program ran:
  /// other work disturbed the measurement.
  public var value: Double? { measured <= 1 ? measured : nil }
}

/// How long a case took, beside what the machine allows.
public struct BenchmarkResult: Sendable {
  /// The name of the case.
  public let name: String
  /// What was timed.
  public let kind: BenchmarkCase.Kind
  /// The median of the times of a call, and the least.
  public let seconds: Double, leastSeconds: Double
  /// From the source to code that is ready to run.
  public let compileSeconds: Double
  /// The arithmetic of the products of a call.
  public let operations: Double
  /// The machine's rate of multiply-adds, in floating-point operations a second: on the same threads, between the calls,
  /// the best of several times.
  public let peak: Double
  /// The share of that rate that the median reaches.
  public let peakShare: Share
  /// The share of the machine's rate of reading as much memory as the weights take; nil of training.
  public let bandwidthShare: Share?
  /// What each kernel takes of it, if the options ask for that.
  public let kernels: [KernelTime]

  /// Billions of floating-point operations in a second.
  public var gigaflops: Double { operations / seconds / 1e9 }
}

/// Times models, and the machine beside them.
public final class Benchmark {
  /// Multiply-adds in registers: floating-point operations in a second, of all threads, at best.
  public let peak: Double
  private let multiplyAddRate: () -> Double
  private let options: CompileOptions
  private let probe: MachineProbe
  private let pool: ThreadPool

  /// Measures the machine.
  public init(_ options: CompileOptions = CompileOptions()) throws {
    try options.validate()
    self.options = options
    let pool = try ThreadPool(count: options.threads)
    probe = try MachineProbe()
    self.pool = pool
    multiplyAddRate = probe.multiplyAddMeter(threads: options.threads) { pool.run($0, context: $1) }
    peak = (0..<12).map { [multiplyAddRate] _ in multiplyAddRate() }.max() ?? 0
  }

  /// Bytes that all threads read in a second from a working set of a size.
  public func bandwidth(bytes: Int) -> Double {
    probe.readRate(bytes: bytes, threads: options.threads) { [pool] in pool.run($0, context: $1) }
  }

  /// Times a case for about `seconds`, after a warm-up.
  public func run(_ benchmark: BenchmarkCase, seconds: Double = 0.6) throws -> BenchmarkResult {
    try run(
      benchmark, seconds: seconds,
      Compiler(options).compile(source: benchmark.source, name: benchmark.name, batch: benchmark.batch))
  }

  /// Times a program, as a case of the kind and with the steps of `benchmark`.
  ///
  /// - Throws: `InputError` if the model lacks what is timed, or a number makes no sense.
  public func run(
    _ benchmark: BenchmarkCase, seconds: Double = 0.6, _ program: Program
  ) throws -> BenchmarkResult {
    try Limits.require(seconds: seconds, "nothing is timed for")
    let tensors = try program.randomTensors(steps: benchmark.steps, seed: 0)
    let call = try TimedCall(benchmark.kind, program, tensors)
    // The first call chooses the program for these sizes.
    try call.run()
    let execution = call.execution()
    let compileSeconds = (program.frontendTime + execution.compileTime) / .seconds(1)
    let clocks = execution.kernelClocks
    var rates: [Double] = []
    let (times, count) = try Self.times(
      of: call, seconds: seconds, before: { clocks?.reset() }, after: { clocks?.sample() },
      between: { [multiplyAddRate] in rates += (0..<3).map { _ in multiplyAddRate() } })
    let peak = rates.max() ?? 0
    var sizes = Dictionary(
      program.model.graph.symbols.map { ($0, benchmark.steps) }, uniquingKeysWith: { first, _ in first })
    sizes[.batch] = program.batch
    let work = Work(of: program.model.graph, sizes)
    let median = times[times.count / 2]
    // The backward pass has two products for each one of the forward pass.
    let operations = work.operations * (benchmark.kind == .training ? 3 : 1)
    // What is far larger than the caches is all read at one rate, and need not be there twice.
    let rate = work.weightBytes > 0 ? bandwidth(bytes: Int(min(work.weightBytes, 1e9))) : .infinity
    return BenchmarkResult(
      name: benchmark.name, kind: benchmark.kind, seconds: median, leastSeconds: times[0],
      compileSeconds: compileSeconds, operations: operations, peak: peak,
      peakShare: Share(operations / median, of: peak),
      bandwidthShare: benchmark.kind == .training ? nil : Share(work.bytesRead / median, of: rate),
      kernels: clocks?.times(
        sizes, seconds: times.reduce(0, +) * Double(count), calls: count * times.count) ?? [])
  }

  /// The times of a call in rising order; calls of a few microseconds are timed some at a time, as many as `count`.
  /// `between` is called now and then.
  private static func times(
    of call: TimedCall, seconds: Double, before: () -> Void, after: () -> Void, between: () -> Void
  ) throws -> (sorted: [Double], count: Int) {
    // The first call touches all memory, the next ones tell how long one takes.
    _ = try call.seconds(calls: 1)
    let estimate = max(try call.seconds(calls: 3), 1e-7)
    let count = max(Int(1e-4 / estimate), 1)
    let samples = min(max(Int(seconds / (estimate * Double(count))), 5), 2000)
    var times: [Double] = []
    var sinceBetween = 0.0
    between()
    while times.count < samples {
      before()
      times.append(try call.seconds(calls: count))
      after()
      sinceBetween += times[times.count - 1] * Double(count)
      guard sinceBetween > 0.03 else { continue }
      sinceBetween = 0
      between()
    }
    between()
    return (times.sorted(), count)
  }
}
