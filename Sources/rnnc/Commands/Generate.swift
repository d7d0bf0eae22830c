import ArgumentParser
import RNNCompiler

/// `rnnc generate CHECKPOINT`
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Continue a text with a trained model.")

  @Argument(help: "The checkpoint that 'rnnc train --checkpoint' wrote.")
  var checkpoint: String

  @Option(help: "The text to continue.")
  var prefix: String

  @Option(help: "Tokens to add.")
  var count = 50

  @Option(help: "0 always takes the likeliest token, 1 follows the model's probabilities.")
  var temperature = TextGenerator.defaultTemperature

  @Option(help: "Decides the choices.")
  var seed: UInt64 = 0

  @Flag(help: "Make the model's random draws, as in training; --seed decides them, too.")
  var draws = false

  @OptionGroup var weights: WeightOptions

  @Flag(help: "Run the graph in the interpreter, without compiling it.")
  var interpret = false

  @OptionGroup var caching: CacheOptions

  func run() throws {
    let generator = try TextGenerator(
      checkpointAt: checkpoint,
      options: CompileOptions(
        weights: weights.format, backend: interpret ? .interpreter : .native, cache: caching.cache),
      isDrawing: draws)
    // Each part at once: somebody may be reading it as it comes, and may have seen enough.
    try generator.write(
      prefix: prefix, count: count, temperature: temperature, seed: seed, to: StandardOutput.write)
    try StandardOutput.write("\n")
  }
}
