import Foundation
import RNNCompiler

/// Shows how a training run goes: a bar on a terminal, lines or JSON on standard output.
final class TrainingReporter {
  private let json: Bool
  private let run: TrainingRun
  private let bar = ProgressBar()
  private let start = ContinuousClock.now

  /// About how many lines a whole run prints.
  private static let lines = 20

  init(json: Bool, _ run: TrainingRun) {
    self.json = json
    self.run = run
  }

  func batchDone(_ progress: @autoclosure () -> TrainingProgress) { bar.update(progress()) }

  func epochDone(_ report: EpochReport) throws {
    let epochs = run.options.epochs
    guard !json else { return try print(report) }
    guard report.epoch == epochs || report.epoch % max(1, epochs / Self.lines) == 0 else { return }
    bar.erase()
    let number = "\(report.epoch)"
    let padding = String(repeating: " ", count: max(0, "\(epochs)".count - number.count))
    try StandardOutput.write(
      "epoch \(padding)\(number)/\(epochs)  perplexity \(String(format: "%.3f", report.perplexity))"
        + "  \(Int(report.tokensPerSecond)) tokens/s\n")
  }

  func finish() throws {
    bar.erase()
    let seconds = (ContinuousClock.now - start).seconds
    let tokens = run.stepsDone * run.options.batchSize * run.options.steps
    let summary = Summary(
      perplexity: run.position.perplexity, tokensPerSecond: Double(tokens) / max(seconds, 1e-9),
      seconds: seconds, compileSeconds: run.compileSeconds, codeSize: run.codeSize)
    guard !json else { return try print(summary) }
    try StandardOutput.write(
      "perplexity \(run.position.perplexity.map { String(format: "%.3f", $0) } ?? "unknown")"
        + " after \(run.position.epoch) epochs: \(String(format: "%.1f", seconds)) s,"
        + " \(Int(summary.tokensPerSecond)) tokens/s, compiled in \(String(format: "%.2f", summary.compileSeconds)) s\n"
    )
  }

  /// Tells that Ctrl-C stopped the run, and how to go on with what was written.
  func interrupted(writer: CheckpointWriter?, resume: String?) {
    bar.erase()
    let place = "interrupted in epoch \(run.position.epoch + 1) of \(run.options.epochs)"
    guard let writer, let resume else {
      let reason =
        resume == nil ? "nothing is kept without --checkpoint" : "nothing was done, nothing is written"
      return StandardError.write("\(place)\nnote: \(reason)\n")
    }
    StandardError.write("\(place); saved in '\(writer.path)'\nnote: go on with: \(resume)\n")
  }

  private func print(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    bar.erase()
    try StandardOutput.write(Array(encoder.encode(value)) + [UInt8(ascii: "\n")])
  }

  private struct Summary: Encodable {
    let perplexity: Double?
    let tokensPerSecond: Double
    let seconds: Double
    let compileSeconds: Double
    let operations: Int?
    let kernels: Int?
    let instructions: Int?

    init(
      perplexity: Double?, tokensPerSecond: Double, seconds: Double, compileSeconds: Double,
      codeSize: CodeSize?
    ) {
      self.perplexity = perplexity
      self.tokensPerSecond = tokensPerSecond
      self.seconds = seconds
      self.compileSeconds = compileSeconds
      operations = codeSize?.operations
      kernels = codeSize?.kernels
      instructions = codeSize?.instructions
    }
  }
}
