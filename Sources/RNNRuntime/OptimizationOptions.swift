/// How the parameters of a training run follow their gradients.
///
/// Names and texts are those of the command line; the compiler knows what they mean.
public struct OptimizationOptions: Codable, Equatable, Sendable {
  /// The name of the optimiser.
  public var optimizer: String
  /// The learning rate, which the schedule scales.
  public var learningRate: Double
  /// The optimiser's other numbers, by name.
  public var settings: [String: Double]
  /// How the learning rate changes, as text.
  public var schedule: String
  /// In how many updates the learning rate rises to its full size at first; 0 for none.
  public var warmup: Int
  /// The bound on the norm of all gradients; nil for none.
  public var clipNorm: Double?
  /// The bound on each element of a gradient; nil for none.
  public var clipValue: Double?
  /// The number of batches whose gradients are accumulated for one change of the parameters.
  public var accumulation: Int

  /// Collects the options.
  public init(
    optimizer: String = "sgd", learningRate: Double, settings: [String: Double] = [:],
    schedule: String = "constant", warmup: Int = 0, clipNorm: Double? = nil, clipValue: Double? = nil,
    accumulation: Int = 1
  ) {
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.settings = settings
    self.schedule = schedule
    self.warmup = warmup
    self.clipNorm = clipNorm
    self.clipValue = clipValue
    self.accumulation = accumulation
  }
}
