import RNNCompiler
import Testing

@testable import RNNCompiler

/// Weights that inference keeps rounded to eight significant bits.
@Suite("Weights as bf16")
struct WeightsTests {
  private func program(_ source: String, _ weights: CompileOptions.Weights, batch: Int = 1) throws -> Program
  {
    try Compiler(CompileOptions(threads: 2, weights: weights)).compile(source: source, batch: batch)
  }

  /// Rounding changes a weight by 2⁻⁹ of it at most, so it changes a sum of products by 2⁻⁹ of the sum of magnitudes.
  @Test(arguments: [1, 3]) func aProductKeepsItsBound(batch: Int) throws {
    let source = """
      model M(I = 100, O = 37) {
          input x: seq [I]
          out = Linear(I, O)
          output out(x)
      }
      """
    let tensors = try program(source, .full).with(batch: batch).randomTensors(steps: 4, seed: 2)
    let (x, w) = (try numbers(#require(tensors["x"])), try numbers(#require(tensors["out.W"])))
    let exact = try numbers(#require(program(source, .full, batch: batch).run(tensors)["output"]))
    let found = try numbers(#require(program(source, .bf16, batch: batch).run(tensors)["output"]))
    #expect(found != exact)
    for row in 0..<(4 * batch) {
      for column in 0..<37 {
        let magnitude = (0..<100).reduce(0) { $0 + abs(x[row * 100 + $1] * w[column * 100 + $1]) }
        let difference = abs(found[row * 37 + column] - exact[row * 37 + column])
        #expect(difference <= magnitude * (0x1p-9 + 1e-6), "row \(row), column \(column)")
      }
    }
  }

  /// Over many steps the states stay near: what a step adds fades as the states themselves do.
  @Test(arguments: ["RNN", "GRU", "GRUBefore", "LSTM", "PeepholeLSTM", "LayerNormLSTM", "MinimalGRU"])
  func cellsStayNear(cell: String) throws {
    let source = """
      model M(I = 24, H = 48) {
          input x: seq [I]
          rnn = \(cell)(I, H)
          output rnn(x)
      }
      """
    // As large as the cells' own first values: much larger ones make a recurrent net chaotic.
    var tensors = try program(source, .full).randomTensors(steps: 50, seed: 3)
    for (name, tensor) in tensors where name.hasPrefix("rnn.") {
      let scale = Float(1 / Double(3 * 48).squareRoot())
      tensors[name] = Tensor(try tensor.values(as: Float.self).map { $0 * scale }, shape: tensor.shape)
    }
    let exact = try #require(program(source, .full).run(tensors)["output"])
    let found = try #require(program(source, .bf16).run(tensors)["output"])
    let differences = zip(try numbers(exact), try numbers(found)).map { abs($0 - $1) }
    let largest = differences.max() ?? 0
    #expect(largest > 0 && largest < 0.002, "\(largest)")
  }

  @Test func derivativesAreThoseOfTheWeightsThemselves() throws {
    let tensors = try program(smallModel, .full, batch: 2).randomTensors(steps: 3, seed: 4)
    let exact = try program(smallModel, .full, batch: 2).run(tensors, gradients: true)
    #expect(try program(smallModel, .bf16, batch: 2).run(tensors, gradients: true) == exact)
  }

  @Test func onlySumsInF32TakeThem() {
    #expect(throws: InputError.self) {
      try Compiler(CompileOptions(elementType: .f64, weights: .bf16)).compile(source: smallModel, batch: 1)
    }
  }
}
