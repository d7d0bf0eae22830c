import ArgumentParser
import Foundation
import RNNCompiler
import RNNSupport

/// `rnnc reduce FILE --keep COMMAND`
struct Reduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shrink a graph or a model as long as a command succeeds for it.",
    discussion: """
      The shell runs the command for each smaller file, whose path stands in place of {}; status 0 means that it still \
      shows what is looked for. '! rnnc …' turns a failure into a success. Ctrl-C writes the smallest file so far.
      """)

  @Argument(help: "The file of a graph or a model, or the report of a bug.")
  var file: String

  @Option(help: ArgumentHelp("The command, with {} for the file.", valueName: "command"))
  var keep: String

  @Option(help: "Seconds after which a command counts as failed.")
  var timeout = 60.0

  @Option(
    name: .short,
    help: "The file to write, '-' for standard output; NAME.reduced.graph or NAME.reduced.rnn if not given.")
  var output: String?

  func run() throws {
    Interrupt.install()
    var reduction = try Reduction(contentsOfFile: file, keep: keep, seconds: timeout)
    let bar = ProgressBar()
    var hooks = Reduction.Hooks()
    hooks.shouldStop = { Interrupt.isRequested }
    let originalLines = reduction.originalLines
    hooks.progress = { lines, tries in
      bar.update(text: "\(counted(lines, "line")) of \(originalLines), \(counted(tries, "candidate"))")
    }
    do {
      try reduction.run(hooks)
    } catch let error as InputError {
      bar.erase()
      if Interrupt.isRequested { throw ExitCode(Interrupt.exitStatus) }
      throw error
    }
    bar.erase()
    let found =
      "\(counted(reduction.lines, "line")) of \(originalLines) after \(counted(reduction.tries, "candidate"))\n"
    if output == "-" {
      try StandardOutput.write(reduction.text)
      StandardError.write(found)
    } else {
      let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
      let path = output ?? "\(name).reduced.\(reduction.isGraph ? "graph" : "rnn")"
      try OutputFile.replace(path) { try $0.append(reduction.text) }
      try StandardOutput.write("\(path): \(found)")
    }
    if Interrupt.isRequested { throw ExitCode(Interrupt.exitStatus) }
  }
}
