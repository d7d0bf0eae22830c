import ArgumentParser
import RNNCompiler

/// How `rnnc train` changes the parameters: the options of optimisers, schedules, clipping and accumulation.
struct OptimizerOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The optimizer: \(Optimizer.names.joined(separator: ", ")). (default: sgd)"))
  var optimizer: String?

  @Option(
    help: ArgumentHelp(
      "The learning rate. (default: \(OptimizerOptions.defaults(of: \.learningRate)))", valueName: "rate"))
  var lr: Double?

  @Option(
    help: OptimizerOptions.help("The part of its velocity that an optimizer keeps in a step.", .momentum))
  var momentum: Double?

  @Option(help: OptimizerOptions.help("How fast parameters shrink.", .weightDecay))
  var weightDecay: Double?

  @Option(
    help: ArgumentHelp(
      "The parts of its two means that Adam keeps in a step. (default: \(Betas.standard))", valueName: "b1,b2"
    ))
  var betas: Betas?

  @Option(help: OptimizerOptions.help("The part of its mean that RMSprop keeps in a step.", .alpha))
  var alpha: Double?

  @Option(help: OptimizerOptions.help("What keeps a divisor from being zero.", .epsilon))
  var epsilon: Double?

  @Flag(help: "RMSprop measures gradients against their mean.")
  var centered = false

  @Option(help: OptimizerOptions.help("How fast Adagrad's learning rate falls.", .learningRateDecay))
  var lrDecay: Double?

  @Option(help: OptimizerOptions.help("What Adagrad's sum of squares starts from.", .initialAccumulator))
  var initialAccumulator: Double?

  @Option(
    help: ArgumentHelp(
      """
      How the learning rate changes: constant, step:EVERY:FACTOR, cosine:OVER[:MINIMUM] or plateau:FACTOR:PATIENCE. \
      EVERY and OVER count epochs, or updates as in 5000updates. (default: constant)
      """))
  var schedule: String?

  @Option(
    help: ArgumentHelp("Updates in which the learning rate rises at first. (default: 0)", valueName: "n"))
  var warmup: Int?

  @Option(
    help: ArgumentHelp("The bound on the norm of all gradients, 0 for none. (default: 1)", valueName: "norm"))
  var clip: Double?

  @Option(
    help: ArgumentHelp(
      "The bound on each element of a gradient, before that on the norm; 0 for none. (default: 0)",
      valueName: "bound"))
  var clipValue: Double?

  @Option(
    help: ArgumentHelp("Batches whose mean gradient makes one update. (default: 1)", valueName: "n"))
  var accumulate: Int?

  /// What the user gave.
  var request: OptimizationRequest {
    var request = OptimizationRequest()
    request.optimizer = optimizer
    request.learningRate = lr
    let settings: [OptimizerSetting: Double?] = [
      .momentum: momentum, .weightDecay: weightDecay, .beta1: betas?.first, .beta2: betas?.second,
      .alpha: alpha,
      .epsilon: epsilon, .centered: centered ? 1 : nil, .learningRateDecay: lrDecay,
      .initialAccumulator: initialAccumulator,
    ]
    request.settings = settings.compactMapValues { $0 }
    request.schedule = schedule
    request.warmup = warmup
    request.clipNorm = clip
    request.clipValue = clipValue
    request.accumulation = accumulate
    return request
  }

  private static func help(_ text: String, _ setting: OptimizerSetting) -> ArgumentHelp {
    ArgumentHelp("\(text) (default: \(defaults { $0.settings[setting] }))")
  }

  /// The usual values, with the optimisers that have them.
  private static func defaults(of value: (Optimizer) -> Double?) -> String {
    var owners: [(number: Double, names: [String])] = []
    for optimizer in Optimizer.all {
      guard let number = value(optimizer) else { continue }
      if let i = owners.firstIndex(where: { $0.number == number }) {
        owners[i].names.append(optimizer.name)
      } else {
        owners.append((number, [optimizer.name]))
      }
    }
    return owners.map { "\($0.number.short) for \($0.names.joined(separator: ", "))" }.joined(separator: "; ")
  }
}

/// Two numbers with a comma between them.
struct Betas: ExpressibleByArgument, CustomStringConvertible {
  let first: Double
  let second: Double

  init?(argument: String) {
    let numbers = argument.split(separator: ",").compactMap { Double($0) }
    guard numbers.count == 2 else { return nil }
    (first, second) = (numbers[0], numbers[1])
  }

  var description: String { "\(first.short),\(second.short)" }

  /// Adam's usual values.
  static let standard: Betas = {
    let settings = Optimizer.adam().settings
    return Betas(first: settings[.beta1] ?? 0, second: settings[.beta2] ?? 0)
  }()

  private init(first: Double, second: Double) {
    self.first = first
    self.second = second
  }
}

extension Double {
  /// The number without a fraction that is zero.
  fileprivate var short: String { self == rounded() && abs(self) < 1e9 ? "\(Int(self))" : "\(self)" }
}
