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
    if run.stepsDone == 0 { StandardError.write(nothingToDo) }
    guard !json else { return try print(summary) }
    let last = run.position.last
    let quality = last.map { Self.words($0.training, run.unit) } ?? "nothing known"
    var text = "\(quality) after \(counted(run.position.epoch, "epoch"))"
    if run.stepsDone > 0 {
      text += ": \(String(format: "%.1f", summary.seconds)) s"
      text += ", \(Int(summary.speed)) \(run.unit.rawValue)/s"
      text += ", compiled in \(String(format: "%.2f", summary.compileSeconds)) s"
    }
    text += "\n"
    if let best = run.position.best, let validation = best.validation {
      text += "best validation \(Self.words(validation, run.unit)) after epoch \(best.epoch)"
      text += run.hasLostPatience ? "; stopped early\n" : "\n"
    }
    try StandardOutput.write(text)
  }

  /// Tells why a run that was continued had nothing to do, and how to go on.
  private var nothingToDo: String {
    let done = run.position.epoch
    if done < run.options.epochs, let patience = run.options.patience {
      let epochs = patience == 1 ? "an epoch" : counted(patience, "epoch")
      return "nothing to do: the run stopped early, after \(epochs) without a lower validation loss\n"
        + "note: to go on, raise --patience\n"
    }
    let all = done == 1 ? "the epoch is done" : "all \(counted(done, "epoch")) are done"
    return "nothing to do: \(all)\nnote: to go on, ask for more, as in --epochs \(done + 10)\n"
  }

  /// An evaluation in words: the perplexity of a text; loss and accuracy of a data set; parts of the loss and measures.
  private static func words(_ evaluation: Evaluation, _ unit: TrainingUnit) -> String {
    func list(_ numbers: [String: Double]) -> [String] {
      numbers.sorted { $0.key < $1.key }.map { "\($0) \(String(format: "%.4g", $1))" }
    }
    var fields: [String] = []
    switch unit {
    case .tokens where evaluation.perplexity.isFinite:
      fields.append("perplexity \(String(format: "%.3f", evaluation.perplexity))")
    case .tokens:
      fields.append("loss \(String(format: "%.4g", evaluation.loss)), whose perplexity is above 1e308")
    case .examples: fields.append("loss \(String(format: "%.4g", evaluation.loss))")
    }
    if !evaluation.terms.isEmpty { fields[0] += " (\(list(evaluation.terms).joined(separator: ", ")))" }
    if unit == .examples, let accuracy = evaluation.accuracy {
      fields.append("accuracy \(String(format: "%.2f", 100 * accuracy)) %")
    }
    return (fields + list(evaluation.measures)).joined(separator: "  ")
  }

  /// Tells that a signal stopped the run, and how to go on with what was written.
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
    bar.erase()
    try StandardOutput.write(Array(encoder.encode(value)) + [UInt8(ascii: "\n")])
  }

  private struct Summary: Encodable {
    let loss: JSONNumber?
    let accuracy: JSONNumber?
    let terms: [String: JSONNumber]?, measures: [String: JSONNumber]?
    let validationTerms: [String: JSONNumber]?, validationMeasures: [String: JSONNumber]?
    let perplexity: JSONNumber?
    let validationLoss: JSONNumber?
    let validationAccuracy: JSONNumber?
    let validationPerplexity: JSONNumber?
    let bestEpoch: Int?
    let bestValidationLoss: JSONNumber?
    let bestValidationAccuracy: JSONNumber?
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
      func number(_ number: Double?) -> JSONNumber? { number.map(JSONNumber.init) }
      let isText = run.unit == .tokens
      let (last, best) = (run.position.last, run.position.best)
      loss = number(last?.training.loss)
      accuracy = number(last?.training.accuracy)
      func group(_ numbers: [String: Double]?) -> [String: JSONNumber]? {
        numbers?.isEmpty == false ? numbers?.mapValues(JSONNumber.init) : nil
      }
      (terms, measures) = (group(last?.training.terms), group(last?.training.measures))
      validationTerms = group(last?.validation?.terms)
      validationMeasures = group(last?.validation?.measures)
      perplexity = isText ? number(last?.training.perplexity) : nil
      validationLoss = number(last?.validation?.loss)
      validationAccuracy = number(last?.validation?.accuracy)
      validationPerplexity = isText ? number(last?.validation?.perplexity) : nil
      bestEpoch = best?.epoch
      bestValidationLoss = number(best?.validation?.loss)
      bestValidationAccuracy = number(best?.validation?.accuracy)
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
