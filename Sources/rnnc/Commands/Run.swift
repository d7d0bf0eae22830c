import ArgumentParser
import RNNCompiler

/// `rnnc run MODEL`
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a model on tensors of a safetensors file.",
    discussion: """
      The file holds parameters under their paths (rnn.W_z), data and targets under their names, and perhaps initial \
      states under their paths; those that it lacks are zero. Sequences are [steps, batch, …]. Outputs, final states \
      and, if all targets are given, the loss are written; with --gradients also derivatives, as grad. and the name.
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var compiling: CompileArguments

  @Option(help: "The safetensors file to read.")
  var tensors: String

  @Flag(help: "Also compute the derivatives of the loss.")
  var gradients = false

  @Option(name: .short, help: "The safetensors file to write.")
  var output: String

  func run() throws {
    let given = try Safetensors(contentsOfFile: tensors)
    let program = try Compiler(compiling.options()).compile(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values, batch: 1)
    StandardError.write(program.warnings.rendered())
    let results = try program.with(batch: program.batchSize(of: given.tensors) ?? 1)
      .run(given.tensors, gradients: gradients, origin: "'\(tensors)'")
    try Safetensors(tensors: results).write(toFile: output)
  }
}
