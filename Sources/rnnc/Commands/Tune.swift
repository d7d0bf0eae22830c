import ArgumentParser
import Foundation
import RNNCompiler
import RNNSupport

/// `rnnc tune MODEL`
struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look for a faster schedule of a model by measuring.",
    discussion: """
      From the schedule that the compiler chooses, it goes to others that differ in one decision, one after the other, \
      and keeps what is faster on this machine beside the cache of compiled code. Results stay the same, bit for bit. \
      compile, train, run, generate and bench use it from then on, where model, sizes, batch, threads and the options of \
      the optimizer are the same; --no-cache does without.
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var compiling: CompileArguments

  @Option(help: "Examples that are computed at once.")
  var batch = 32

  @Option(help: "Steps of the sequences that are timed.")
  var steps = 35

  @Flag(help: "Tune inference of a model that has a loss, too.")
  var inference = false

  @Option(help: "About how long to look, in seconds.")
  var seconds = 60.0

  @Option(
    name: .short,
    help: ArgumentHelp("Write the schedule to a file, too, which '--schedule' takes.", valueName: "file"))
  var output: String?

  @OptionGroup(title: "Options of the optimizer, as 'rnnc train' takes them") var learning: OptimizerOptions

  func validate() throws {
    if compiling.caching.isOff, output == nil {
      throw ValidationError("With --no-cache, the schedule needs a file: give one with -o.")
    }
  }

  func run() throws {
    let program = try Compiler(try compiling.options()).compile(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values, batch: batch)
    StandardError.write(program.warnings.rendered())
    let isTrained = program.isTrained && !inference
    guard isTrained || learning.request == OptimizationRequest() else {
      throw InputError(
        "the options of the optimizer say nothing of inference",
        note: inference
          ? "leave them or --inference out"
          : "leave them out: model '\(program.source.name)' has no loss, or no parameter to train")
    }
    Interrupt.install()
    let tuner = try Tuner(program, training: isTrained ? learning.request : nil, steps: steps)
    StandardError.write(
      """
      a call takes \(time(tuner.seconds)) with \
      \(tuner.continuesEarlier ? "the schedule that was tuned before" : "the compiler's schedule"); \
      what saves less than \(percent(tuner.leastSaving)) counts as chance\
      \(tuner.leastSaving > 0.1 ? ": other work disturbs this machine" : "")

      """)
    let result = try tuner.run(
      seconds: seconds,
      report: {
        StandardError.write("\(percent($0.saving)) less time: \($0.kernel): \($0.change)\n")
      }, shouldStop: { Interrupt.isRequested })
    for change in result.wrongChanges {
      StandardError.write(
        "warning: a bug of rnnc: results are not the same bits with \(change); it was left out\n")
    }
    try StandardOutput.write(report(result))
    if let output { try OutputFile.replace(output) { try $0.append(result.schedule) } }
    if Interrupt.isRequested { throw ExitCode(Interrupt.exitStatus) }
  }

  private func report(_ result: TuningResult) -> String {
    if result.triedCount == 0, result.isComplete {
      return "no kernel takes enough of the time for a gain to be seen\n"
    }
    let tried =
      "\(counted(result.triedCount, "schedule")) tried"
      + (result.isComplete
        ? ", all neighbours of the best" : ", and there are more: raise --seconds")
    if result.gains.isEmpty { return "nothing is faster than the schedule that there is: \(tried)\n" }
    let kept =
      if let file = result.file {
        "kept in \(file)"
      } else {
        compiling.caching.isOff
          ? "not kept beside the cache" : "it could not be kept beside the cache: write it with -o"
      }
    return """
      \(time(result.secondsBefore)) -> \(time(result.secondsAfter)) a call, \
      \(percent(1 - result.secondsAfter / result.secondsBefore)) less: \
      \(counted(result.gains.count, "decision")) changed, \(tried)
      \(kept)

      """
  }

  private func time(_ seconds: Double) -> String {
    seconds < 1e-3 ? String(format: "%.2f µs", seconds * 1e6) : String(format: "%.3f ms", seconds * 1e3)
  }

  private func percent(_ part: Double) -> String { String(format: "%.1f %%", part * 100) }
}
