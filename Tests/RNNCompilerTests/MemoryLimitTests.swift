import RNNGraph
import Testing

@testable import RNNCompiler

@Suite("A limit of memory changes no bit")
struct MemoryLimitTests {
  @Test(arguments: examples) func examplesKeepTheirBits(_ example: Example) throws {
    let small = try Compiler().compileForGradientCheck(contentsOfFile: example.path, model: example.model)
    let hasLoss = small.graph.contains("\n  loss ")
    func compile(_ limit: Int?, threads: Int) throws -> Program {
      try Compiler(CompileOptions(threads: threads, memoryLimit: limit, verifiesEachPass: true)).compile(
        contentsOfFile: example.path, model: example.model, sizes: small.sizes, batch: 3)
    }
    for threads in [1, 2] {
      let whole = try compile(nil, threads: threads)
      let purpose = hasLoss ? Purpose.gradients : .inference
      let plan = try compile(1, threads: threads).compilation(for: purpose).layout
      for steps in [1, 41] {
        let program = try compile(plan.leastBytes(steps: steps), threads: threads)
        let tensors = try whole.randomTensors(steps: steps, seed: 5)
        let expected = try whole.run(tensors, gradients: hasLoss)
        let found = try program.run(tensors, gradients: hasLoss)
        #expect(found == expected, "\(steps) steps, \(threads) threads")
      }
    }
  }

  @Test func trainingKeepsItsBits() throws {
    func train(limit: Int?, threads: Int) throws -> [String: Tensor] {
      let program = try Compiler(CompileOptions(threads: threads, memoryLimit: limit)).compile(
        source: smallModel, batch: 4)
      let trainer = try Trainer(
        program, optimizer: .adam(learningRate: 0.01), clipNorm: 1, seed: 0)
      for steps in [200, 1, 7] {
        var tensors = try program.randomTensors(steps: steps, seed: UInt64(steps))
        tensors = tensors.filter { $0.key == "text" || $0.key == "next" }
        try trainer.step(tensors, startsAfresh: false)
      }
      return trainer.parameters
    }
    let expected = try train(limit: nil, threads: 1)
    #expect(try train(limit: 192 << 10, threads: 1) == expected)
    #expect(try train(limit: 192 << 10, threads: 2) == expected)
  }

  /// The working memory of a training step grows with the square root of the steps at most, but for a few bytes a step.
  @Test(arguments: ["deep-lstm.rnn", "sequence-classifier.rnn", "peephole.rnn", "bidirectional-lstm.rnn"])
  func memoryIsBounded(file: String) throws {
    let program = try Compiler(CompileOptions(threads: 2, memoryLimit: 1)).compile(
      contentsOfFile: examplePath(file), batch: 4)
    let plan = try program.compilation(for: program.mainPurpose).layout
    #expect(plan.leastBytes(steps: 1_000_000) - 1_000_000 * 64 < 12 * plan.leastBytes(steps: 10_000))
  }

  @Test func tooLittleMemoryIsAnError() throws {
    let program = try Compiler(CompileOptions(memoryLimit: 10_000)).compile(source: smallModel, batch: 2)
    let tensors = try program.randomTensors(steps: 100, seed: 0)
    #expect {
      try program.run(tensors, gradients: true)
    } throws: { error in
      "\(error)".contains("need") && "\(error)".contains("the limit is 10000 bytes")
    }
  }
}
