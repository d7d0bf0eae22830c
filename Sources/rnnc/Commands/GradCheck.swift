import ArgumentParser
import Foundation
import RNNCompiler

/// `rnnc gradcheck MODEL`
struct GradCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradcheck", abstract: "Compare a model's gradients with differences of its loss.",
    discussion: """
      Every parameter, float input and initial state is checked in f64, at a random point and with one draw of every \
      bernoulli. Values of stop_gradient stay what they are at the point. A tensor whose derivative passes \
      straight_through or clip_gradient is listed as unchecked: no difference shows what these do. Sizes that --set \
      does not give are made small, if the model allows that. The last line says whether the gradients agree, and the \
      status is 1 if they do not.
      """)

  @OptionGroup var model: ModelArguments

  @Option(help: "Examples in the batch.")
  var batch = 3

  @Option(help: "Steps of each sequence.")
  var steps = 4

  @Option(help: "Decides the point and the draws.")
  var seed: UInt64 = 0

  @Option(help: "Threads that share the work; all processors if not given.")
  var threads: Int?

  @Option(name: [.customShort("O"), .customLong("optimize")], help: "How much to optimize.")
  var optimization: CompileOptions.Optimization = .full

  @Flag(help: "Check the graph in the interpreter instead of the code.")
  var interpret = false

  @OptionGroup var caching: CacheOptions

  func run() throws {
    let compiler = Compiler(
      CompileOptions(
        elementType: .f64, threads: threads ?? ThreadPool.processorCount, optimization: optimization,
        backend: interpret ? .interpreter : .native, cache: caching.cache))
    let program = try compiler.compileForGradientCheck(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values, batch: batch)
    let report = try GradientReport(program, steps: steps, seed: seed)
    try StandardOutput.write(report.table)
    if !report.agrees {
      throw InputError(
        "the gradients do not agree with differences of the loss",
        note: "a kink of the model (abs, max, relu) near the point can be the reason: try another --seed")
    }
  }
}
