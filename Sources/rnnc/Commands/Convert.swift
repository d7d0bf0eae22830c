import ArgumentParser
import RNNCompiler

/// `rnnc convert CHECKPOINT`
struct Convert: ParsableCommand {
  /// Whose names the parameters get.
  enum Convention: String, ExpressibleByArgument, CaseIterable {
    case pytorch
  }

  static let configuration = CommandConfiguration(
    abstract: "Write the parameters of a checkpoint for another program.",
    discussion: """
      With --to pytorch, the file is a state_dict in safetensors, which load_state_dict takes. Each instance becomes a \
      module of its path (rnn.weight_ih_l0, out.bias); --module makes several the layers of one, as in \
      --module rnn=first,second.
      """)

  @Argument(help: "The checkpoint that 'rnnc train --checkpoint' wrote.")
  var checkpoint: String

  @Option(
    help: "Whose names to use: \(Convention.allCases.map(\.rawValue).joined(separator: ", ")).")
  var to: Convention

  @OptionGroup var modules: ModuleOptions

  @Option(name: .short, help: "The safetensors file to write.")
  var output: String

  func run() throws {
    let old = try Checkpoint(contentsOfFile: checkpoint)
    let program = try Compiler(CompileOptions(elementType: old.metadata.elementType)).compile(
      old.metadata.model, sizes: old.metadata.sizes, batch: 1)
    let tensors =
      switch to {
      case .pytorch: try program.stateDictionary(of: old.parameters, modules: modules.map)
      }
    try Safetensors(tensors: tensors).write(toFile: output)
  }
}
