import Foundation

/// What a training run goes through.
public enum TrainingUnit: String, Codable, Sendable {
  /// The tokens of a text.
  case tokens
  /// The examples of a data set.
  case examples
}

/// How far a training run is.
public struct TrainingProgress: Equatable, Sendable {
  /// The number of the epoch, from 1.
  public var epoch: Int
  /// The number of epochs of the whole run.
  public var epochs: Int
  /// The share of the whole run that is done, 0...1.
  public var fraction: Double
  /// The number of units in a second, over the last moments.
  public var speed: Double
  /// What is counted for the speed.
  public var unit: TrainingUnit
  /// What this epoch gave so far, or the last one at its start.
  public var evaluation: Evaluation?
  /// The estimated time to the end.
  public var secondsLeft: Double?

  /// Makes a report.
  public init(
    epoch: Int, epochs: Int, fraction: Double, speed: Double, unit: TrainingUnit = .tokens,
    evaluation: Evaluation? = nil, secondsLeft: Double? = nil
  ) {
    self.epoch = epoch
    self.epochs = epochs
    self.fraction = fraction
    self.speed = speed
    self.unit = unit
    self.evaluation = evaluation
    self.secondsLeft = secondsLeft
  }
}

/// A line on a terminal that shows the progress of a run and replaces itself; on anything else it is silent.
public final class ProgressBar {
  /// Whether there is a terminal to draw on.
  public let isActive: Bool

  private let descriptor: Int32
  private var lastDrawn: ContinuousClock.Instant?
  private var isVisible = false

  /// The least time between two drawings.
  private static let interval = Duration.milliseconds(100)

  /// Makes a bar on a file descriptor, standard error unless told otherwise.
  public init(fileDescriptor: Int32 = STDERR_FILENO) {
    descriptor = fileDescriptor
    isActive = isatty(fileDescriptor) != 0 && getenv("TERM").map { String(cString: $0) } != "dumb"
  }

  deinit { erase() }

  /// Draws the progress, at most ten times a second; cheap to call for every batch.
  public func update(_ progress: @autoclosure () -> TrainingProgress) {
    draw { Self.line(progress(), width: $0) }
  }

  /// Draws a line, at most ten times a second.
  public func update(text: @autoclosure () -> String) { draw { String(text().prefix($0)) } }

  private func draw(_ line: (_ width: Int) -> String) {
    guard isActive else { return }
    let now = ContinuousClock.now
    if let lastDrawn, now - lastDrawn < Self.interval { return }
    lastDrawn = now
    // The last column stays free: some terminals wrap the line when it is written to.
    put("\r\(line(Self.width(of: descriptor) - 1))\u{1b}[K")
    isVisible = true
  }

  /// Takes the bar off the terminal, so that other lines can be printed; the next update draws it again.
  public func erase() {
    guard isVisible else { return }
    put("\r\u{1b}[K")
    isVisible = false
    lastDrawn = nil
  }

  private func put(_ text: String) {
    let bytes = Array(text.utf8)
    // A terminal that is gone is no reason to stop the training.
    _ = retryingInterrupts { write(descriptor, bytes, bytes.count) }
  }

  private static func width(of descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// The line for a width: what does not fit is left out, the least important first.
  static func line(_ progress: TrainingProgress, width: Int) -> String {
    let fraction = progress.fraction.isNaN ? 0 : min(max(progress.fraction, 0), 1)
    let percent = "\(Int(fraction * 100))%"
    var fields = [String(repeating: " ", count: 4 - percent.count) + percent]
    fields.append("epoch \(progress.epoch)/\(progress.epochs)")
    if let evaluation = progress.evaluation {
      if progress.unit == .tokens, evaluation.perplexity.isFinite {
        fields.append("perplexity \(decimals(evaluation.perplexity, 2))")
      } else {
        fields.append("loss \(String(format: "%.4g", evaluation.loss.withoutSignOfNaN))")
      }
    }
    if let seconds = progress.secondsLeft { fields.append("\(time(seconds)) left") }
    fields.append("\(speed(progress.speed)) \(progress.unit.rawValue)/s")

    func joined() -> String { fields.joined(separator: "  ") }
    while fields.count > 1, joined().count > width { fields.removeLast() }
    let room = min(width - joined().count - 3, 30)  // two brackets and a space
    guard room >= 5 else { return String(joined().prefix(max(width, 0))) }
    let done = Int(fraction * Double(room))
    let bar = String(repeating: "=", count: done) + String(repeating: " ", count: room - done)
    return "[\(bar)] \(joined())"
  }

  /// A duration as `0:34`, `12:05` or `1:02:03`.
  static func time(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let total = Int(max(seconds, 0).rounded(.up))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (total / 3600, total / 60 % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(total % 60))" : "\(minutes):\(two(total % 60))"
  }

  private static func speed(_ value: Double) -> String {
    switch value {
    case 1e6...: decimals(value / 1e6, 2) + "M"
    case 1e4...: decimals(value / 1e3, 0) + "k"
    default: decimals(value, 0)
    }
  }

  private static func decimals(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
