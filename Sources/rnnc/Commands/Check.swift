import ArgumentParser
import RNNCompiler

/// `rnnc check MODEL`
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Check a file and report every error in it.")

  @OptionGroup var model: ModelArguments

  func run() throws {
    let found = try Compiler().check(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values)
    if found.hasErrors { throw DiagnosticError(found) }
    StandardError.write(found.rendered())
  }
}
