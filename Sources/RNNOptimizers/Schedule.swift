/// How the learning rate changes in the course of a run: a factor of the one that the user chose.
///
/// As text, for a command line: `constant`, `step:30:0.1`, `cosine:50`, `cosine:5000updates:0.01`, `plateau:0.5:10`.
public enum Schedule: Sendable, Hashable {
  /// It stays.
  case constant
  /// It is multiplied by a factor each time a period has passed: `factor^⌊t / every⌋`.
  case step(every: Period, factor: Double)
  /// It falls along half a cosine to a fraction of itself, where it stays:
  /// `minimum + (1 - minimum) (1 + cos(π min(t / over, 1))) / 2`.
  case cosine(over: Period, minimum: Double = 0)
  /// It is multiplied by a factor when the loss has not fallen, by one part in ten thousand at least, for more than
  /// `patience` epochs.
  case plateau(factor: Double, patience: Int)

  /// A stretch of a run.
  public enum Period: Sendable, Hashable {
    /// So many passes over the data.
    case epochs(Int)
    /// So many changes of the parameters.
    case updates(Int)

    /// The number of epochs or updates.
    var count: Int {
      switch self {
      case .epochs(let count), .updates(let count): count
      }
    }
  }

  /// Whether its numbers make sense.
  public var isValid: Bool {
    switch self {
    case .constant: true
    case .step(let every, let factor): every.count > 0 && factor > 0 && factor <= 1
    case .cosine(let over, let minimum): over.count > 0 && (0...1).contains(minimum)
    case .plateau(let factor, let patience): factor > 0 && factor < 1 && patience >= 0
    }
  }
}

extension Schedule: LosslessStringConvertible {
  /// Reads a schedule; nil if the text is none or its numbers make no sense.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count) {
    case ("constant", 1): self = .constant
    case ("step", 3):
      guard let every = Period(parts[1]), let factor = Double(parts[2]) else { return nil }
      self = .step(every: every, factor: factor)
    case ("cosine", 2...3):
      guard let over = Period(parts[1]), let minimum = Double(parts.count > 2 ? parts[2] : "0") else {
        return nil
      }
      self = .cosine(over: over, minimum: minimum)
    case ("plateau", 3):
      guard let factor = Double(parts[1]), let patience = Int(parts[2]) else { return nil }
      self = .plateau(factor: factor, patience: patience)
    default: return nil
    }
    if !isValid { return nil }
  }

  /// The schedule as `init(_:)` reads it.
  public var description: String {
    switch self {
    case .constant: "constant"
    case .step(let every, let factor): "step:\(every):\(factor)"
    case .cosine(let over, let minimum): "cosine:\(over):\(minimum)"
    case .plateau(let factor, let patience): "plateau:\(factor):\(patience)"
    }
  }
}

extension Schedule.Period: LosslessStringConvertible {
  /// Reads a number with its unit, `30epochs` or `500updates`; epochs without one.
  public init?(_ description: String) {
    if description.hasSuffix("updates") {
      guard let count = Int(description.dropLast("updates".count)) else { return nil }
      self = .updates(count)
    } else {
      let number = description.hasSuffix("epochs") ? description.dropLast("epochs".count) : description[...]
      guard let count = Int(number) else { return nil }
      self = .epochs(count)
    }
  }

  /// The number with its unit.
  public var description: String {
    switch self {
    case .epochs(let count): "\(count)epochs"
    case .updates(let count): "\(count)updates"
    }
  }
}
