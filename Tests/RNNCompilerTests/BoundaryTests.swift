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

  @Test func lengthsBelongToSequences() throws {
    let program = try Compiler(CompileOptions(threads: 1)).compile(source: model, batch: 3)
    var tensors = try program.randomTensors(steps: 4, seed: 3)
    tensors["n"] = Tensor([4, 0, 2] as [Int64])
    let found = try program.run(tensors, lengths: "n")
    let y = try #require(found["y"]).values(as: Float.self)
    for (place, value) in y.enumerated() {
      let (step, example) = (place / 12, place / 4 % 3)
      #expect((value == 0) == (step >= [4, 0, 2][example]))
    }
    // Under the name of any sequence of these steps it needs no word.
    for name in ["x.lengths", "t.lengths"] {
      var named = tensors
      named[name] = named.removeValue(forKey: "n")
      #expect(try program.run(named) == found)
    }
    #expect(try program.run(tensors) == program.with(ragged: ["T"]).run(tensors))
    // Each example is that of a run of its own.
    let parts = try #require(tensors["x"]).values(as: Float.self)
    let x = Tensor([0, 1].flatMap { parts[($0 * 9 + 6)..<($0 * 9 + 9)] }, shape: [2, 1, 3])
    var alone = tensors
    alone["x"] = x
    alone["t"] = Tensor([0, 0] as [Int32], shape: [2, 1])
    for name in ["v", "rnn.h"] {
      let whole = try #require(tensors[name])
      let width = whole.shape[1]
      alone[name] = Tensor(Array(try whole.values(as: Float.self)[(2 * width)...]), shape: [1, width])
    }
    let single = try program.with(batch: 1).run(alone)
    let state = try #require(found["rnn.h"]).values(as: Float.self)[8...]
    for (a, b) in zip(state, try #require(single["rnn.h"]).values(as: Float.self)) {
      #expect(abs(a - b) < 1e-6)
    }
  }

  @Test(arguments: [
    (
      "n", Tensor([4, 5, 2] as [Int64]),
      "tensor 'n' holds the length 5 at [1], but the sequences have 4 steps"
    ),
    (
      "n", Tensor([4, 3, -1] as [Int32]),
      "tensor 'n' holds the length -1 at [2], but the sequences have 4 steps"
    ),
    ("n", Tensor([4, 5] as [Int32]), "tensor 'n' is i32[2], but the model wants i32[3]"),
    ("n", Tensor([1, 1, 1] as [Float]), "tensor 'n' is f32[3], but the model wants i32[3]"),
    ("m", Tensor([1, 1, 1] as [Int32]), "the input has no tensor 'n', which the model needs as i32[3]"),
    (
      "rnn.h", Tensor(.f32, shape: [1, 3, 4]), "tensor 'rnn.h' is f32[1, 3, 4], but the model wants f32[3, 4]"
    ),
  ])
  func wrongLengthsAndStatesAreNamed(_ name: String, _ tensor: Tensor, _ message: String) throws {
    let program = try Compiler(CompileOptions(threads: 1)).compile(source: model, batch: 3)
    var tensors = try program.randomTensors(steps: 4, seed: 3)
    tensors["n"] = name == "m" ? nil : Tensor([4, 4, 4] as [Int32])
    tensors[name] = tensor
    let error = #expect(throws: InputError.self) { try program.run(tensors, lengths: "n") }
    #expect(error?.message == message)
  }

  @Test func lengthsOfSeveralSequencesNeedNames() throws {
    let source = "model M {\n input x: seq [2], k: seq(S) [2]\n output x, k\n}"
    let program = try Compiler(CompileOptions(threads: 1)).compile(source: source, batch: 2)
    var tensors = try program.randomTensors(steps: 3, seed: 1)
    tensors["n"] = Tensor([1, 2] as [Int32])
    let error = #expect(throws: InputError.self) { try program.run(tensors, lengths: "n") }
    #expect(error?.message == "'n' could hold the lengths of 'x' or of 'k'")
    tensors["k.lengths"] = tensors["n"]
    let found = try program.run(tensors)
    #expect(found["x"] == tensors["x"] && found["k"] != tensors["k"])
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
