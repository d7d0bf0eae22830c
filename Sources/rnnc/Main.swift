import ArgumentParser
import Foundation
import RNNCompiler
import RNNSupport

/// The command line, and the one place where errors end the process.
@main
enum Main {
  static func main() {
    // A file that may not grow is an error of writing it, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    do {
      try RNNC.requireCommand(CommandLine.arguments.dropFirst().first)
      var command = try RNNC.parseAsRoot()
      try RepeatedOptions.check(Array(CommandLine.arguments.dropFirst()), of: type(of: command))
      try command.run()
    } catch {
      exit(with: error)
    }
  }

  private static func exit(with error: any Error) -> Never {
    // Help, wrong usage (64) and the statuses that commands chose themselves.
    if error is ExitCode || error is CleanExit || error is ValidationError || RNNC.isUsage(error) {
      RNNC.exit(withError: error)
    }
    let failure = Failure(error)
    StandardError.write(failure.text)
    if failure.dump != nil {
      let path = failure.writeDump()
      StandardError.write(path.map { "note: the file is \($0)\n" } ?? "note: the file could not be written\n")
    }
    Foundation.exit(failure.exitStatus)
  }
}

/// The root command.
struct RNNC: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rnnc", abstract: "A compiler for recurrent nets.",
    discussion: """
      A model is the equations of one step of one example. rnnc checks its shapes, derives its gradient, and compiles \
      both to native code for whole sequences and batches.
      """,
    version: "rnnc \(RNNCompiler.version)",
    subcommands: [
      Check.self, Compile.self, Train.self, Generate.self, Run.self, Convert.self, GradCheck.self, Bench.self,
      Tune.self, Show.self, Opt.self, Passes.self, Reduce.self,
    ])

  /// Refuses a word that is no command: the argument parser would only call it unexpected.
  static func requireCommand(_ word: String?) throws {
    let commands = configuration.subcommands.map { $0._commandName }
    guard let word, !word.hasPrefix("-"), word != "help", !commands.contains(word) else { return }
    let near = nearestName(to: word, among: commands).map { "Did you mean '\($0)'?" }
    throw ValidationError(
      "There is no command '\(word)'. \(near ?? "The commands are \(commands.joined(separator: ", ")).")")
  }

  /// Whether an error is the argument parser's own.
  static func isUsage(_ error: any Error) -> Bool {
    exitCode(for: error) == .validationFailure || exitCode(for: error) == .success
  }
}
