import ArgumentParser
import RNNCompiler

/// `rnnc opt FILE`
struct Opt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Apply passes to a printed graph or plan, and print what they make of it.",
    discussion: """
      The file holds a graph as 'rnnc compile --emit graph' or another stage prints it, or is the report of a bug. Without \
      --passes, these are the passes of 'rnnc compile'. It may also hold a plan; then these are the passes that lay it out for \
      a processor and some threads, and none if it is laid out. With --compare, the interpreter runs the graph before and after \
      the passes on random inputs, and the status is 1 if the outputs differ by more than rounding.
      """)

  @Argument(help: "The file of the graph or plan.")
  var file: String

  @Option(
    help: ArgumentHelp(
      "The passes, in the order in which they are applied; 'rnnc passes' lists them.",
      valueName: "pass[,pass…]"
    ))
  var passes: String?

  @Option(help: PassOptions.printAfterHelp)
  var printAfter: [String] = []

  @Flag(help: "Verify the graph after every pass.")
  var verifyEach = false

  @Flag(help: "Print how long each pass took.")
  var timePasses = false

  @Flag(help: "Print whether the outputs are the same before and after, in place of the graph.")
  var compare = false

  @Option(help: "Steps of each sequence, for --compare.")
  var steps = 4

  @Option(help: "Decides the inputs, for --compare.")
  var seed: UInt64 = 0

  @Option(help: "Examples that are computed at once.")
  var batch = 32

  @Option(help: "Of a plan: the threads that share the work; all processors if not given.")
  var threads: Int?

  @Option(
    help: "Of a plan: a processor such as x86-64-v3 or znver4, or a triple; this machine's if not given.")
  var target: String?

  @Option(name: .short, help: "The file to write; standard output if not given.")
  var output: String?

  private var names: [String]? {
    passes?.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  func run() throws {
    if try runOnPlan() { return }
    var optimization = try GraphOptimization(contentsOfFile: file, batch: batch)
    optimization.verifiesEachPass = verifyEach
    optimization.printAfter = try PassNames.set(printAfter)
    optimization.report = PassOptions.report
    try optimization.apply(names)
    if timePasses { StandardError.write(optimization.timingTable) }
    try write(optimization.text)
    if compare { try StandardOutput.write(try optimization.compare(steps: steps, seed: seed)) }
  }

  /// False if the file holds no plan.
  private func runOnPlan() throws -> Bool {
    let options = CompileOptions(
      threads: threads ?? ThreadPool.processorCount, target: try target.map { try Target(named: $0) } ?? .host
    )
    guard var optimization = try PlanOptimization(contentsOfFile: file, options: options) else {
      return false
    }
    if compare { throw ValidationError("--compare is for graphs.") }
    optimization.verifiesEachPass = verifyEach
    optimization.printAfter = try PassNames.planSet(printAfter)
    optimization.report = PassOptions.report
    try optimization.apply(names)
    if timePasses { StandardError.write(optimization.timingTable) }
    try write(optimization.text)
    return true
  }

  private func write(_ text: String) throws {
    if let output, output != "-" {
      try OutputFile.replace(output) { try $0.append(text) }
    } else if !compare {
      try StandardOutput.write(text)
    }
  }
}
