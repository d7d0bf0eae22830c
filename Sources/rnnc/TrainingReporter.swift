import Foundation
import RNNCompiler
import RNNSupport

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
    let isLast = report.epoch == epochs || run.isComplete
    guard isLast || report.epoch % max(1, epochs / Self.lines) == 0 else { return }
    bar.erase()
    let number = "\(report.epoch)"
    let padding = String(repeating: " ", count: max(0, "\(epochs)".count - number.count))
    var fields = ["epoch \(padding)\(number)/\(epochs)", Self.words(report.training, run.unit)]
    if let validation = report.validation {
      fields.append("validation \(Self.words(validation, run.unit))\(report.isBest == true ? " (best)" : "")")
    }
    fields.append("\(Int(report.tokensPerSecond ?? report.examplesPerSecond ?? 0)) \(run.unit.rawValue)/s")
    try StandardOutput.write(fields.joined(separator: "  ") + "\n")
  }

  func finish() throws {
    bar.erase()
    let summary = Summary(run, seconds: (ContinuousClock.now - start).seconds)
    guard !json else { return try print(summary) }
    let last = run.position.last
    let quality = last.map { Self.words($0.training, run.unit) } ?? "nothing known"
    var text =
      "\(quality) after \(counted(run.position.epoch, "epoch")): \(String(format: "%.1f", summary.seconds)) s,"
    text += " \(Int(summary.speed)) \(run.unit.rawValue)/s"
    text += ", compiled in \(String(format: "%.2f", summary.compileSeconds)) s\n"
    if let best = run.position.best, let validation = best.validation {
      text += "best validation \(Self.words(validation, run.unit)) after epoch \(best.epoch)"
      text += run.hasLostPatience ? "; stopped early\n" : "\n"
    }
    try StandardOutput.write(text)
  }

  /// An evaluation in words: the perplexity of a text; loss and accuracy of a data set.
  private static func words(_ evaluation: Evaluation, _ unit: TrainingUnit) -> String {
    switch unit {
    case .tokens: return "perplexity \(String(format: "%.3f", evaluation.perplexity))"
    case .examples:
      let accuracy = evaluation.accuracy.map { "  accuracy \(String(format: "%.2f", 100 * $0)) %" }
      return "loss \(String(format: "%.4g", evaluation.loss))\(accuracy ?? "")"
    }
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
    let loss: Double?
    let accuracy: Double?
    let perplexity: Double?
    let validationLoss: Double?
    let validationAccuracy: Double?
    let validationPerplexity: Double?
    let bestEpoch: Int?
    let bestValidationLoss: Double?
    let bestValidationAccuracy: Double?
    let stoppedEarly: Bool?
    let tokensPerSecond: Double?
    let examplesPerSecond: Double?
    let seconds: Double
    let compileSeconds: Double
    let operations: Int?
    let kernels: Int?
    let instructions: Int?

    var speed: Double { tokensPerSecond ?? examplesPerSecond ?? 0 }

    init(_ run: TrainingRun, seconds: Double) {
      let isText = run.unit == .tokens
      let (last, best) = (run.position.last, run.position.best)
      loss = last?.training.loss
      accuracy = last?.training.accuracy
      perplexity = isText ? last?.training.perplexity : nil
      validationLoss = last?.validation?.loss
      validationAccuracy = last?.validation?.accuracy
      validationPerplexity = isText ? last?.validation?.perplexity : nil
      bestEpoch = best?.epoch
      bestValidationLoss = best?.validation?.loss
      bestValidationAccuracy = best?.validation?.accuracy
      stoppedEarly = run.options.patience == nil ? nil : run.hasLostPatience
      let speed = Double(run.unitsDone) / max(seconds, 1e-9)
      tokensPerSecond = isText ? speed : nil
      examplesPerSecond = isText ? nil : speed
      self.seconds = seconds
      compileSeconds = run.compileSeconds
      operations = run.codeSize?.operations
      kernels = run.codeSize?.kernels
      instructions = run.codeSize?.instructions
    }
  }
}
