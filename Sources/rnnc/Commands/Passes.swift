import ArgumentParser
import RNNCompiler

/// `rnnc passes`
struct Passes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the passes that change graphs, with what each does.")

  func run() throws { try StandardOutput.write(PassNames.table) }
}
