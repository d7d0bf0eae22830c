/// How a user wants to train: what is left open has its default, or comes from the checkpoint to resume.
public struct OptimizationRequest: Sendable, Equatable {
  /// The name of the optimiser.
  public var optimizer: String?
  /// The learning rate.
  public var learningRate: Double?
  /// The optimiser's numbers beside the learning rate.
  public var settings: [OptimizerSetting: Double] = [:]
  /// How the learning rate changes, as `Schedule` reads it.
  public var schedule: String?
  /// In how many updates the learning rate rises to its full size at first; 0 for none.
  public var warmup: Int?
  /// The bound on the norm of all gradients; 0 for none.
  public var clipNorm: Double?
  /// The bound on each element of a gradient; 0 for none.
  public var clipValue: Double?
  /// The number of batches whose gradients are accumulated for one change of the parameters.
  public var accumulation: Int?

  /// Asks for all defaults.
  public init() {}

  /// What is wanted, with defaults and what a checkpoint has.
  ///
  /// - Throws: `InputError` if something makes no sense.
  func options(_ old: OptimizationOptions?) throws -> OptimizationOptions {
    var numbers: [OptimizerSetting: Double] = [:]
    for (name, number) in old?.settings ?? [:] { numbers[try OptimizerSetting(named: name)] = number }
    let optimizer = try Optimizer(
      named: optimizer ?? old?.optimizer ?? "sgd", learningRate: learningRate ?? old?.learningRate,
      settings: numbers.merging(settings) { $1 })
    let clipNorm = clipNorm ?? (old.map { $0.clipNorm ?? 0 } ?? 1)
    let clipValue = clipValue ?? old?.clipValue ?? 0
    for (flag, bound) in [("--clip", clipNorm), ("--clip-value", clipValue)] {
      guard bound >= 0, bound.isFinite else {
        throw InputError(
          "\(flag) \(bound) makes no sense", note: "choose a positive number, or 0 for no clipping")
      }
    }
    return OptimizationOptions(
      optimizer: optimizer.name, learningRate: optimizer.learningRate, settings: optimizer.namedSettings,
      schedule: "\(try Schedule(parsing: schedule ?? old?.schedule ?? "constant"))",
      warmup: try count(warmup ?? old?.warmup ?? 0, "--warmup", from: 0),
      clipNorm: clipNorm == 0 ? nil : clipNorm, clipValue: clipValue == 0 ? nil : clipValue,
      accumulation: try count(accumulation ?? old?.accumulation ?? 1, "--accumulate", from: 1))
  }

  /// Refuses what would make a resumed run another run.
  func requireSame(_ old: OptimizationOptions) throws {
    try TrainingRequest.requireSame("--optimizer", optimizer, old.optimizer)
    let schedule = try schedule.map { "\(try Schedule(parsing: $0))" }
    try TrainingRequest.requireSame("--schedule", schedule, old.schedule)
    try TrainingRequest.requireSame("--warmup", warmup, old.warmup)
    try TrainingRequest.requireSame("--accumulate", accumulation, old.accumulation)
  }

  private func count(_ number: Int, _ flag: String, from least: Int) throws -> Int {
    guard number >= least, number <= Limits.extent else {
      throw InputError(
        "\(flag) \(number) makes no sense", note: "choose a number from \(least) to \(Limits.extent)")
    }
    return number
  }
}

extension OptimizerSetting {
  /// Finds a setting by its name in a checkpoint.
  init(named name: String) throws {
    guard let setting = Self(rawValue: name) else {
      throw InputError("no optimizer has the setting '\(name)'")
    }
    self = setting
  }
}

extension Optimizer {
  /// The settings by their names in a checkpoint.
  var namedSettings: [String: Double] {
    Dictionary(uniqueKeysWithValues: settings.map { ($0.rawValue, $1) })
  }

  /// The optimiser of a run.
  init(_ options: OptimizationOptions) throws {
    var numbers: [OptimizerSetting: Double] = [:]
    for (name, number) in options.settings { numbers[try OptimizerSetting(named: name)] = number }
    try self.init(named: options.optimizer, learningRate: options.learningRate, settings: numbers)
  }
}

extension Schedule {
  /// Reads a schedule.
  ///
  /// - Throws: `InputError` if the text is none.
  init(parsing text: String) throws {
    guard let schedule = Schedule(text) else {
      throw InputError(
        "there is no schedule '\(text)'",
        note:
          "write constant, step:EVERY:FACTOR, cosine:OVER, cosine:OVER:MINIMUM or plateau:FACTOR:PATIENCE, where "
          + "EVERY and OVER are epochs, as in 30, or updates, as in 5000updates, and factors are of the learning rate"
      )
    }
    self = schedule
  }
}
