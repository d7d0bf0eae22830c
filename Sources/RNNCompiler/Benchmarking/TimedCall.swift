import RNNGraph

/// A program with the tensors that it is called with, ready to be timed.
struct TimedCall {
  /// Calls the program once.
  let run: () throws -> Void
  /// What holds the tensors of the last call.
  let execution: () -> Execution

  /// Compiles a program, as far as its sizes are known.
  ///
  /// - Parameters:
  ///   - tensors: one for each input of the model.
  ///   - training: how it is trained, if training is timed, but for the learning rate: random data teach nothing, and a
  ///     small one keeps them from leading the parameters astray.
  /// - Throws: `InputError` if the model lacks what is timed, or a number makes no sense.
  init(
    _ kind: BenchmarkCase.Kind, _ program: Program, _ tensors: [String: Tensor],
    training request: OptimizationRequest = OptimizationRequest()
  ) throws {
    switch kind {
    case .training:
      var options = try request.options(nil)
      options.learningRate = min(options.learningRate, 0.01)
      let trainer = try Trainer(program, options: options, seed: 0)
      // Parameters and states are the trainer's: those of a batch would be copied in each call.
      let inputs = trainer.execution.graph.inputs.filter(\.isData).map(\.name)
      let batch = tensors.filter { inputs.contains($0.key) }
      run = { _ = try trainer.step(batch, startsAfresh: false) }
      execution = { trainer.execution }
    case .inference:
      let execution = try program.execution(for: .inference)
      let data = execution.graph.inputs.indices.filter { execution.graph.inputs[$0].role == .data }
      var sizes = KnownSizes()
      for (i, input) in execution.graph.inputs.enumerated() {
        guard let tensor = tensors[input.name] else { continue }
        execution.inputs[i] = try execution.signature.fit(tensor, to: i, sizes: &sizes)
      }
      run = {
        var sizes = KnownSizes()
        for i in data { _ = try execution.signature.fit(execution.inputs[i], to: i, sizes: &sizes) }
        try execution.setSizes(sizes.sizes)
        try execution.run()
      }
      self.execution = { execution }
    case .step:
      let stream = try Stream(program, parameters: tensors)
      var state = stream.start
      run = { _ = try stream.run(tensors, &state) }
      execution = { stream.execution }
    }
  }

  /// Calls the program some times, and gives the seconds that one call took.
  func seconds(calls: Int) throws -> Double {
    let start = ContinuousClock.now
    for _ in 0..<calls { try run() }
    return (ContinuousClock.now - start) / .seconds(1) / Double(calls)
  }
}
