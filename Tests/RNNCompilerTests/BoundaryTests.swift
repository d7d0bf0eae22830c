import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("What a run takes and gives")
struct BoundaryTests {
  private let model = """
    model M(I = 3, H = 4, V = 5) {
        input x: seq [I], t: seq token(V), v: [I]
        rnn = GRU(I, H)
        y = rnn(x)
        output y, z = onehot(t) , w = tanh(v)
    }
    """

  @Test func batchMajorSequencesAreTimeMajorOnesTurned() throws {
    let program = try Compiler(CompileOptions(threads: 1)).compile(source: model, batch: 2)
    var tensors = try program.randomTensors(steps: 5, seed: 3)
    for name in ["y", "rnn.h"] {
      tensors["coef.\(name)"] = Tensor(
        (0..<(name == "y" ? 40 : 8)).map { Float($0) }, shape: name == "y" ? [5, 2, 4] : [2, 4])
    }
    let expected = try program.run(tensors, gradients: true)
    #expect(program.batchSize(of: tensors) == 2)
    let sequences: Set = ["x", "t", "y", "z", "grad.x", "coef.y"]
    let turned = Dictionary(
      uniqueKeysWithValues: tensors.map { ($0, sequences.contains($0) ? $1.swappingFirstAxes() : $1) })
    #expect(program.batchSize(of: turned, layout: .batchMajor) == 2)
    let found = try program.run(turned, gradients: true, layout: .batchMajor)
    #expect(found.keys.sorted() == expected.keys.sorted())
    for (name, tensor) in expected {
      #expect(found[name] == (sequences.contains(name) ? tensor.swappingFirstAxes() : tensor), "\(name)")
    }
    let error = #expect(throws: InputError.self) { try program.run(tensors, layout: .batchMajor) }
    #expect(
      error?.message.contains("but the model wants f32[2, T, 3]") == true
        || error?.message.contains("i32[2, T]") == true)
  }

  /// Σ coefficient · output has the derivatives that the same sum as a loss has.
  @Test func coefficientsSeedTheBackwardPass() throws {
    let options = CompileOptions(elementType: .f64, threads: 2)
    func source(_ loss: String) -> String {
      """
      model M(I = 3, H = 4) {
          input x: seq [I]
          \(loss.isEmpty ? "" : "target k: seq [H], kc: [H]")
          rnn = LSTM(I, H)
          y = rnn(x)
          output y
          \(loss)
      }
      """
    }
    let plain = try Compiler(options).compile(source: source(""), batch: 2)
    let withLoss = try Compiler(options).compile(
      source: source("loss 2 * (total(dot(y, k)) + dot(rnn.c', kc))"), batch: 2)
    var tensors = try withLoss.randomTensors(steps: 4, seed: 9)
    let expected = try withLoss.run(tensors, gradients: true)
    tensors["coef.y"] = tensors.removeValue(forKey: "k")
    tensors["coef.rnn.c"] = tensors.removeValue(forKey: "kc")
    for program in [plain, withLoss] {
      let found = try program.run(tensors, gradients: true)
      #expect(found.keys.sorted() == expected.keys.sorted())
      for (name, tensor) in expected {
        #expect(try relativeDifference(try #require(found[name]), tensor) < 1e-13, "\(name)")
      }
    }
    tensors["coef.z"] = Tensor([1.0])
    let error = #expect(throws: InputError.self) { try plain.run(tensors, gradients: true) }
    #expect(error?.message == "tensor 'coef.z' seeds no output or final state of model 'M'")
    #expect(error?.notes == ["it has y, rnn.h, rnn.c"])
    #expect(try plain.run(tensors)["y"] == expected["y"])
  }

  @Test(arguments: [ElementType.f32, .f64, .i32, .u8]) func axesAreSwapped(_ type: ElementType) throws {
    let whole = Tensor((0..<30).map(Int64.init), shape: [2, 5, 3])
    let tensor = type.isFloatingPoint ? Tensor((0..<30).map(Double.init), shape: [2, 5, 3]) : whole
    let given = try tensor.converted(to: type)
    let swapped = given.swappingFirstAxes()
    #expect(swapped.shape == [5, 2, 3] && swapped.elementType == type)
    for (place, index) in zip(0..., [0, 1, 2, 15, 16, 17, 3, 4, 5, 18, 19, 20]) {
      #expect(swapped.numbers[place] == Double(index))
    }
    #expect(swapped.swappingFirstAxes() == given)
    #expect(Tensor(type, shape: [3, 0]).swappingFirstAxes().shape == [0, 3])
  }
}
