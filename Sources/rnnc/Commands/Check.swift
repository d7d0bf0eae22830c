import ArgumentParser
import RNNCompiler

/// `rnnc check MODEL`
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Check a file and report every error in it.")

  @OptionGroup var model: ModelArguments

  func run() throws {
    let report = try Compiler().check(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values)
    try report.diagnostics.throwIfErrors()
    StandardError.write(report.diagnostics.rendered())
    // Nobody can compile or train such a file: it is to be imported, or not the one that was meant.
    if !report.hasModel { try StandardOutput.write("\(model.model): \(report.contents)\n") }
  }
}
