import RNNCompiler
import RNNTestSupport

/// A program of the language with its translation, and data to run both on.
struct RandomProgram {
  let seed: UInt64
  /// The text of the language.
  let rnn: String
  /// The same for `Judge/judge.py`.
  let python: String
  let sizes: [String: Int]
  let batch: Int
  let ragged: Set<String>
  /// Parameters, data, targets, lengths and initial states by name.
  let tensors: [String: Tensor]
  /// Outputs that tell random draws.
  let draws: [String]
  let hasLoss: Bool

  /// The program that a seed stands for.
  init(seed: UInt64, _ options: ProgramGenerator.Options = .init()) {
    self = ProgramGenerator(seed: seed, options).generate().with(seed: seed)
  }

  init(
    seed: UInt64 = 0, rnn: String, python: String, sizes: [String: Int], batch: Int, ragged: Set<String>,
    tensors: [String: Tensor], draws: [String], hasLoss: Bool
  ) {
    self.seed = seed
    self.rnn = rnn
    self.python = python
    self.sizes = sizes
    self.batch = batch
    self.ragged = ragged
    self.tensors = tensors
    self.draws = draws
    self.hasLoss = hasLoss
  }

  private func with(seed: UInt64) -> RandomProgram {
    RandomProgram(
      seed: seed, rnn: rnn, python: python, sizes: sizes, batch: batch, ragged: ragged, tensors: tensors,
      draws: draws, hasLoss: hasLoss)
  }
}
