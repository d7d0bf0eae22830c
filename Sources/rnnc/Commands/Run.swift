import ArgumentParser
import RNNCompiler

/// `rnnc run MODEL`
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a model on tensors of a safetensors file.",
    discussion: """
      The file holds parameters under their paths (rnn.W_z) or as PyTorch's state_dict has them (rnn.weight_ih_l0), \
      data and targets under their names, and perhaps initial states under their paths; those that it lacks are zero. \
      Sequences are [N, T, …], as in the files of 'rnnc train --data'. Outputs, final states and, if all targets are \
      given, the loss are written. Nothing random is drawn unless there is --seed: each draw is its middle, such as its \
      mean.

      With --gradients, derivatives of the loss are written too, as grad. and the name. Where the file has coef. and \
      the name of an output or a final state, they are those of the sum of these times their coefficients instead.
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var compiling: CompileArguments

  @Option(help: "The safetensors file to read.")
  var tensors: String

  @Flag(help: "Also compute the derivatives of the loss.")
  var gradients = false

  @Option(help: "Make the model's random draws, which this number decides.")
  var seed: Int32?

  @Option(help: LayoutOption.help) var layout: SequenceLayout?

  @Option(
    help:
      "The tensor that says how many steps of each example are valid; found by itself if called as in x.lengths."
  )
  var lengths: String?

  @OptionGroup var modules: ModuleOptions

  @Option(name: .short, help: "The safetensors file to write.")
  var output: String

  func run() throws {
    let layout = layout ?? .batchMajor
    let given = try Safetensors(contentsOfFile: tensors)
    try given.require(layout, origin: "'\(tensors)'")
    let program = try Compiler(compiling.options()).compile(
      contentsOfFile: model.model, model: model.name, sizes: model.sizes.values, batch: 1)
    StandardError.write(program.warnings.rendered())
    let results = try program.with(batch: program.batchSize(of: given.tensors, layout: layout) ?? 1)
      .run(
        given.tensors, gradients: gradients, layout: layout, lengths: lengths, modules: modules.map,
        seed: seed, origin: "'\(tensors)'")
    // A checkpoint also holds what training goes on with.
    let unused = try program.unused(
      given.tensors, gradients: gradients, lengths: lengths, modules: modules.map
    )
    .filter { !$0.hasPrefix("optimizer.") && !$0.hasPrefix("latest.") }
    if !unused.isEmpty { StandardError.write(warning(unused)) }
    var file = Safetensors(tensors: results)
    file.declare(layout)
    try file.write(toFile: output)
  }

  private func warning(_ names: [String]) -> String {
    let listed = names.prefix(8).map { "'\($0)'" }.joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    let are =
      names.count == 1 ? "tensor \(listed) of '\(tensors)' is" : "tensors \(listed) of '\(tensors)' are"
    var text = "warning: \(are) not used\n"
    if names.contains("seed") {
      text += "note: random draws are made with --seed, which decides them\n"
    }
    if !gradients, names.contains(where: { $0.hasPrefix("coef.") }) {
      text += "note: coefficients are for --gradients\n"
    }
    return text
  }
}
