import ArgumentParser
import RNNCompiler

/// `rnnc opt GRAPH`
struct Opt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Apply passes to a printed graph, and print what they make of it.",
    discussion: """
      The file holds a graph as 'rnnc compile --emit graph' or another stage prints it, or is the report of a bug. Without \
      --passes, these are the passes of 'rnnc compile'. With --compare, the interpreter runs the graph before and after \
      the passes on random inputs, and the status is 1 if the outputs differ by more than rounding.
      """)

  @Argument(help: "The file of the graph.")
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

  @Option(name: .short, help: "The file to write; standard output if not given.")
  var output: String?

  func run() throws {
    var optimization = try GraphOptimization(contentsOfFile: file, batch: batch)
    optimization.verifiesEachPass = verifyEach
    optimization.printAfter = try PassNames.set(printAfter)
    optimization.report = PassOptions.report
    try optimization.apply(
      passes?.split(separator: ",", omittingEmptySubsequences: false).map(String.init))
    if timePasses { StandardError.write(optimization.timingTable) }
    let text = optimization.text
    if let output, output != "-" {
      try OutputFile.replace(output) { try $0.append(text) }
    } else if !compare {
      try StandardOutput.write(text)
    }
    if compare { try StandardOutput.write(try optimization.compare(steps: steps, seed: seed)) }
  }
}
