import RNNRuntime

extension Checkpoint {
  /// What the optimiser keeps, as this version of rnnc names it.
  ///
  /// In format 2, `--accumulate` kept the plain sum of the gradients of its batches; since format 3, each batch counts by the
  /// elements that its loss is a mean over, and their number is kept as well. Some files of format 2 have it already.
  ///
  /// - Parameter origin: what the checkpoint is, for messages.
  /// - Throws: `InputError` if the file holds a plain sum of gradients, to which none can be added in the new way.
  func currentOptimizerState(origin: String) throws -> [String: Tensor] {
    let (count, weight) = ("gradient_count", "gradient_weight")
    guard let number = optimizerState[count], optimizerState[weight] == nil else { return optimizerState }
    guard try number.values(as: Double.self) == [0] else {
      throw InputError(
        "\(origin) was written by an older rnnc in the middle of --accumulate \(metadata.options.optimization.accumulation), "
          + "which this rnnc cannot go on with",
        notes: [
          "the rnnc that wrote it can go on until the parameters have changed again",
          "'rnnc generate', 'rnnc run' and 'rnnc convert' read it",
        ])
    }
    return optimizerState.merging([weight: Tensor([0.0], shape: [])]) { $1 }
  }
}
