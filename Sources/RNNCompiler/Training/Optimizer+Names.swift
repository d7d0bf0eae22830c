import RNNSupport

extension Optimizer {
  /// The names of all optimisers.
  public static let names = all.map(\.name)

  /// Finds an optimiser by its name; what is not given has its usual value.
  ///
  /// - Throws: `InputError` if there is no such optimiser, it has no such setting, or a number makes no sense.
  public init(
    named name: String, learningRate: Double? = nil, settings: [OptimizerSetting: Double] = [:]
  ) throws {
    guard let known = Self.all.first(where: { $0.name == name }) else {
      let near = nearestName(to: name, among: Self.names).map { "did you mean '\($0)'? " } ?? ""
      throw InputError(
        "there is no optimizer '\(name)'", note: "\(near)there are \(Self.names.joined(separator: ", "))")
    }
    self = known
    if let learningRate { self.learningRate = learningRate }
    for (setting, number) in settings {
      guard self.settings[setting] != nil else {
        let others = Self.all.filter { $0.settings[setting] != nil }.map(\.name)
        throw InputError(
          "\(setting.flag) does not concern the optimizer '\(name)'",
          note: "it concerns \(others.joined(separator: ", "))")
      }
      set(setting, to: number)
    }
    try validate()
  }

  /// Checks the learning rate and all settings.
  ///
  /// - Throws: `InputError`.
  func validate() throws {
    guard learningRate > 0, learningRate.isFinite else {
      throw InputError("the learning rate is \(learningRate)", note: "choose a positive number")
    }
    for (setting, number) in settings where !setting.accepts(number) {
      throw InputError(
        "\(setting.rawValue) of the optimizer '\(name)' is \(number)", note: "choose \(setting.domain)")
    }
  }
}

extension OptimizerSetting {
  /// The option of the command line that sets it.
  public var flag: String {
    [.beta1, .beta2].contains(self) ? "--betas" : "--" + rawValue.replacing("_", with: "-")
  }
}
