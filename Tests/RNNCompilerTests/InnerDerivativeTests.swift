import Foundation
import Testing

@testable import RNNCompiler

/// A net whose step goes against a derivative, in the ways in which programs are run.
@Suite("Programs with derivatives inside of a step")
struct InnerDerivativeTests {
  /// The cell of the reference, with a net around it that makes its inputs.
  private static func source() throws -> String {
    let path = packageRoot.appendingPathComponent("docs/language.md").path
    let blocks = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n```\n")
    let cell = try #require(blocks.first { $0.contains("cell TTT(") })
    return cell + """

      model M(I = 3, D = 4) {
          input x: seq [I]
          target y: seq [D]
          q = Linear(I, D)
          k = Linear(I, D)
          v = Linear(I, D)
          fast = TTT(D)
          z = fast(q(x), k(x), v(x), repeat(0.1, like: x))
          output z
          loss mse(z, y)
      }
      """
  }

  private func program(_ options: CompileOptions = CompileOptions(threads: 1)) throws -> Program {
    try Compiler(options).compile(source: Self.source(), batch: 3)
  }

  @Test func derivativesAgreeWithDifferences() throws {
    let report = try GradientReport(program(CompileOptions(elementType: .f64, threads: 1)), steps: 5)
    #expect(report.agrees && report.unchecked.isEmpty, "\(report.results)")
  }

  @Test func aStreamHasTheBitsOfTheWhole() throws {
    let program = try program()
    var tensors = try program.randomTensors(steps: 7, seed: 3)
    tensors["y"] = nil
    let whole = try numbers(#require(program.run(tensors)["z"]))
    let x = try #require(tensors["x"]).values(as: Float.self)
    let stream = try Stream(program, parameters: tensors)
    var state = try stream.start(from: tensors.filter { $0.key == "fast.W" })
    for step in 0..<7 {
      let part = Tensor(Array(x[(step * 9)..<(step * 9 + 9)]), shape: [3, 3])
      let z = try numbers(#require(stream.step(["x": part], &state)["z"]))
      #expect(z[...] == whole[(step * 12)..<(step * 12 + 12)])
    }
  }

  @Test(arguments: [1, 2]) func aLimitOfMemoryChangesNoBit(threads: Int) throws {
    try expectTheSameBitsInLeastMemory { limit in
      try program(CompileOptions(threads: threads, memoryLimit: limit, verifiesEachPass: true))
    }
  }

  /// The net learns what its first memory and its projections should be.
  @Test func theOuterNetLearns() throws {
    let program = try program()
    let trainer = try Trainer(program, optimizer: .adam(learningRate: 0.02), seed: 1)
    let x = (0..<90).map { Float(sin(Double($0))) }
    let y = (0..<120).map { Float(cos(Double($0 / 12))) }
    let batch = ["x": Tensor(x, shape: [10, 3, 3]), "y": Tensor(y, shape: [10, 3, 4])]
    let losses = try (0..<150).map { _ in try trainer.step(batch, startsAfresh: true).loss }
    #expect(losses[149] < 0.5 * losses[0], "\(losses[0]) became \(losses[149])")
  }
}
