import ArgumentParser
import RNNCompiler

/// `rnnc run MODEL`
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a model on tensors of a safetensors file.",
    discussion: """
      The file holds parameters under their paths (rnn.W_z) or as PyTorch's state_dict has them (rnn.weight_ih_l0), \
      data and targets under their names, and perhaps initial states under their paths; those that it lacks are zero. \
      Sequences are [steps, batch, …]. Outputs, final states and, if all targets are given, the loss are written.

      With --gradients, derivatives of the loss are written too, as grad. and the name. Where the file has coef. and \
      the name of an output or a final state, they are those of the sum of these times their coefficients instead.
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var compiling: CompileArguments

  @Option(help: "The safetensors file to read.")
  var tensors: String

  @Flag(help: "Also compute the derivatives of the loss.")
  var gradients = false

  @Flag(help: "Sequences are [batch, steps, …], in both files.")
  var batchFirst = false

  @Option(
    help:
      "The tensor that says how many steps of each example are valid; found by itself if called as in x.lengths."
  )
  var lengths: String?

  @OptionGroup var modules: ModuleOptions

  @Option(name: .short, help: "The safetensors file to write.")
  var output: String

  func run() throws {
    let given = try Safetensors(contentsOfFile: tensors)
    let program = try Compiler(compiling.options()).compile(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values, batch: 1)
    StandardError.write(program.warnings.rendered())
    let layout: SequenceLayout = batchFirst ? .batchMajor : .timeMajor
    let results = try program.with(batch: program.batchSize(of: given.tensors, layout: layout) ?? 1)
      .run(
        given.tensors, gradients: gradients, layout: layout, lengths: lengths, modules: modules.map,
        origin: "'\(tensors)'")
    try Safetensors(tensors: results).write(toFile: output)
  }
}
