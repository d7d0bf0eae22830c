import ArgumentParser
import Foundation
import RNNCompiler
import RNNSupport

/// `rnnc bench [MODEL]`
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time models, and what the machine allows beside them.",
    discussion: """
      Without a model, the cases are those that other systems are compared on (Benchmarks/). With one, it is a training \
      step, or inference of a model without a loss. Times are medians; the shares are of the rates of multiply-adds, \
      the best of those measured between the calls, and of reading memory that the same run measures. Where other \
      work disturbed that, a share is unknown.
      """)

  @Argument(help: "The file of a model; the built-in cases if not given.")
  var model: String?

  @Option(name: .customLong("model"), help: "The name of the model, if the file has several.")
  var name: String?

  @OptionGroup var sizes: SizeOptions

  @Option(help: "Examples at once, of a model.")
  var batch = 32

  @Option(help: "Steps of its sequences, of a model.")
  var steps = 35

  @Flag(help: "Time inference of a model that has a loss, too.")
  var inference = false

  @Option(help: "Only the cases whose name has this in it.")
  var filter: String?

  @Option(help: "About how long to time each case, in seconds.")
  var seconds = 0.6

  @Option(help: "Threads that share the work; all processors if not given.")
  var threads: Int?

  @OptionGroup var weights: WeightOptions

  @Flag(help: "Show what each kernel of the plan takes.")
  var kernels = false

  @OptionGroup var debugging: DebugOptions

  @Flag(name: .customLong("no-cache"), help: "Time the compiler's schedule where 'rnnc tune' kept another.")
  var ignoresTuned = false

  @Flag(help: "Print a JSON object for each case.")
  var json = false

  func run() throws {
    // Code that is there already would take no time to compile.
    var cache = ignoresTuned ? nil : CodeCache.standard
    cache?.holdsCode = false
    let options = CompileOptions(
      threads: threads ?? ThreadPool.processorCount, weights: weights.format, timesKernels: kernels,
      debugInfo: debugging.debugInfo, cache: cache)
    var cases: [(BenchmarkCase, Program?)] = []
    if let model {
      let program = try Compiler(options).compile(
        contentsOfFile: model, model: name, sizes: sizes.values, batch: batch)
      let one = BenchmarkCase(
        name: program.source.name, kind: program.isTrained && !inference ? .training : .inference,
        source: program.source.text,
        batch: batch, steps: steps)
      cases = [(one, program)]
    } else {
      cases = try builtIn().map { ($0, nil) }
    }
    let benchmark = try Benchmark(options)
    for (number, (one, program)) in cases.enumerated() {
      let result =
        try program.map { try benchmark.run(one, seconds: seconds, $0) }
        ?? benchmark.run(one, seconds: seconds)
      // What is wrong is told before the machine is measured.
      if number == 0 { try printMachine(benchmark, threads: options.threads) }
      try show(result)
    }
  }

  private func builtIn() throws -> [BenchmarkCase] {
    let cases = BenchmarkCase.all.filter { one in filter.map { $0.isEmpty || one.name.contains($0) } ?? true }
    if cases.isEmpty {
      throw InputError(
        "no case has '\(filter ?? "")' in its name",
        note: "the cases are \(BenchmarkCase.all.map(\.name).joined(separator: ", "))")
    }
    return cases
  }

  private func printMachine(_ benchmark: Benchmark, threads: Int) throws {
    if json {
      return try StandardOutput.write(
        "{\"fma_peak_gflops\":\(rounded(benchmark.peak / 1e9)),\"threads\":\(threads)}\n")
    }
    let rates = [32 << 10, 512 << 10, 4 << 20, 64 << 20].map { bytes in
      "\(bytes >> 10) KiB \(Int(benchmark.bandwidth(bytes: bytes) / 1e9)) GB/s"
    }
    try StandardOutput.write(
      """
      \(counted(threads, "thread")): \(Int(benchmark.peak / 1e9)) GFLOP/s of multiply-adds; reading \(rates.joined(separator: ", "))

      \(columns(["case", "ms", "least", "compile s", "GFLOP/s", "of peak", "of reading"]))

      """)
  }

  private func show(_ result: BenchmarkResult) throws {
    let milliseconds = [result.seconds, result.leastSeconds].map { rounded($0 * 1e3, digits: 4) }
    if json {
      var fields = [
        "\"case\":\"\(result.name)\"", "\"kind\":\"\(result.kind.rawValue)\"",
        "\"milliseconds\":\(milliseconds[0])", "\"least\":\(milliseconds[1])",
        "\"compile_seconds\":\(rounded(result.compileSeconds, digits: 3))",
        "\"gflops\":\(rounded(result.gigaflops))", "\"peak_share\":\(number(result.peakShare))",
      ]
      if let share = result.bandwidthShare { fields.append("\"bandwidth_share\":\(number(share))") }
      return try StandardOutput.write("{\(fields.joined(separator: ","))}\n")
    }
    let shares = [result.peakShare, result.bandwidthShare].map { $0.map(text) ?? "" }
    let isDisturbed = [result.peakShare, result.bandwidthShare].contains {
      $0.map { $0.value == nil } ?? false
    }
    let cells = [
      result.name, milliseconds[0], milliseconds[1], rounded(result.compileSeconds, digits: 2),
      rounded(result.gigaflops),
    ]
    let remark = isDisturbed ? "  other work disturbed the measurement of the machine" : ""
    try StandardOutput.write(columns(cells + shares) + remark + "\n")
    for kernel in result.kernels where kernel.seconds >= 0.001 * result.seconds {
      let rate = kernel.operations / kernel.seconds
      let isProduct = kernel.operations > 0
      try StandardOutput.write(
        columns([
          "  " + kernel.name, rounded(kernel.seconds * 1e3, digits: 4),
          rounded(kernel.leastSeconds * 1e3, digits: 4), "",
          isProduct ? rounded(rate / 1e9) : "", isProduct ? text(Share(rate, of: result.peak)) : "",
        ]) + "\n")
    }
  }

  /// A share in per cent, `?` if it cannot be.
  private func text(_ share: Share) -> String {
    share.value.map { "\(Int(($0 * 100).rounded())) %" } ?? "?"
  }

  private func number(_ share: Share) -> String { share.value.map { rounded($0, digits: 3) } ?? "null" }

  private func columns(_ cells: [String]) -> String {
    let widths = [34, 10, 10, 10, 9, 9, 11]
    return zip(cells, widths).enumerated().map { i, cell in
      let padding = String(repeating: " ", count: max(cell.1 - cell.0.count, 1))
      return i == 0 ? cell.0 + padding : padding + cell.0
    }.joined()
  }

  private func rounded(_ number: Double, digits: Int = 1) -> String { String(format: "%.\(digits)f", number) }
}
