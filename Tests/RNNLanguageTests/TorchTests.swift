import RNNDifferentiation
import RNNGraph
import RNNInterpreter
import RNNRuntime
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Tensors that PyTorch computed in f64, as arrays of the interpreter.
private struct TorchFixture {
  private let file: Safetensors

  init(_ name: String) throws {
    file = try Safetensors(contentsOfFile: "\(Golden.repository)/Tests/Fixtures/torch/\(name).safetensors")
  }

  /// The tensor `name`, in another shape if one is given.
  func array(_ name: String, shape: [Int]? = nil) throws -> DenseArray {
    let tensor = try #require(file.tensors[name], "no tensor \(name)")
    return DenseArray(.f64, shape ?? tensor.shape, try tensor.values(as: Double.self))
  }
}

private func difference(_ a: DenseArray, _ b: DenseArray) -> Double {
  zip(a.numbers, b.numbers).map { abs($0 - $1) }.max() ?? .infinity
}

/// The library's cells compute what PyTorch's layers do, forwards and backwards.
struct TorchTests {
  struct Layer: Sendable {
    let cell: String
    let fixture: String
    let states: [String]
    let inputSize: Int
    let size: Int
    let layers: Int
    let batch: Int
    /// Whether the cell keeps PyTorch's two biases apart.
    var hasTwoBiases = false
  }

  static let layers = [
    Layer(
      cell: "RNN", fixture: "rnn_l1_t6b10i5h3", states: ["h"], inputSize: 5, size: 3, layers: 1, batch: 10),
    Layer(
      cell: "ReluRNN", fixture: "rnn_relu_l1_t5b4i4h16", states: ["h"], inputSize: 4, size: 16, layers: 1,
      batch: 4),
    Layer(
      cell: "LSTM", fixture: "lstm_l1_t6b10i5h3", states: ["h", "c"], inputSize: 5, size: 3, layers: 1,
      batch: 10),
    Layer(
      cell: "LSTM", fixture: "lstm_l2_t5b4i4h16", states: ["h", "c"], inputSize: 4, size: 16, layers: 2,
      batch: 4),
    Layer(
      cell: "GRU", fixture: "gru_l1_t6b10i5h3", states: ["h"], inputSize: 5, size: 3, layers: 1, batch: 10,
      hasTwoBiases: true),
  ]

  /// A stack of layers with the loss of the fixtures: Σ output·coef, and the same of the final states.
  private func program(_ layer: Layer) -> String {
    var lines = ["input x: seq [I]", "target coef: seq [H]"]
    var loss = "total(dot(y\(layer.layers), coef))"
    for index in 1...layer.layers {
      lines.append("rnn\(index) = \(layer.cell)(\(index == 1 ? "I" : "H"), H)")
      lines.append("y\(index) = rnn\(index)(\(index == 1 ? "x" : "y\(index - 1)"))")
      for state in layer.states {
        lines.append("target coef_\(state)\(index): [H]")
        loss += " + dot(rnn\(index).\(state)', coef_\(state)\(index))"
      }
    }
    lines.append("output y = y\(layer.layers)")
    // The loss is a mean over the batch, that of the fixtures a sum.
    lines.append("loss \(layer.batch) * (\(loss))")
    return "model M(I = \(layer.inputSize), H = \(layer.size)) {\n\(lines.joined(separator: "\n"))\n}\n"
  }

  @Test(arguments: layers)
  func cellsAgree(layer: Layer) throws {
    let fixture = try TorchFixture(layer.fixture)
    let source = SourceFile(name: "torch.rnn", text: program(layer))
    let forward = try Frontend().lower(source, element: .f64).graph
    try forward.verify()
    let graph = try gradient(of: forward) { input in
      switch input.role {
      case .parameter, .state, .data: true
      case .target, .hyperparameter, .optimizer, .lengths, .seed: false
      }
    }
    // Which tensor of PyTorch each parameter is.
    var parameters: [String: String] = ["x": "x"]
    var inputs = ["x": try fixture.array("x"), "coef": try fixture.array("coef.output")]
    for index in 0..<layer.layers {
      let name = "rnn\(index + 1)"
      parameters["\(name).W"] = "weight_ih_l\(index)"
      parameters["\(name).U"] = "weight_hh_l\(index)"
      let biases = try ["bias_ih_l\(index)", "bias_hh_l\(index)"].map { try fixture.array($0) }
      if layer.hasTwoBiases {
        parameters["\(name).b_x"] = "bias_ih_l\(index)"
        parameters["\(name).b_h"] = "bias_hh_l\(index)"
      } else {
        parameters["\(name).b"] = "bias_ih_l\(index)"
        inputs["\(name).b"] = DenseArray(
          .f64, biases[0].shape, zip(biases[0].numbers, biases[1].numbers).map(+))
      }
      for state in layer.states {
        inputs["\(name).\(state)"] = try rows(index, of: fixture.array("\(state)0"))
        inputs["coef_\(state)\(index + 1)"] = try rows(index, of: fixture.array("coef.\(state)_n"))
      }
    }
    for (name, tensor) in parameters where inputs[name] == nil { inputs[name] = try fixture.array(tensor) }

    let outputs = try Interpreter(graph).run(inputs: inputs)
    #expect(try difference(#require(outputs["y"]), fixture.array("output")) < 1e-12)
    #expect(try difference(#require(outputs["loss"]), fixture.array("loss", shape: [])) < 1e-9)
    for index in 0..<layer.layers {
      for state in layer.states {
        let expected = try rows(index, of: fixture.array("\(state)_n"))
        #expect(try difference(#require(outputs["rnn\(index + 1).\(state)"]), expected) < 1e-12)
        let derivative = try rows(index, of: fixture.array("grad.\(state)0"))
        #expect(try difference(#require(outputs["grad.rnn\(index + 1).\(state)"]), derivative) < 1e-10)
      }
    }
    for (name, tensor) in parameters {
      #expect(
        try difference(#require(outputs["grad.\(name)"]), fixture.array("grad.\(tensor)")) < 1e-10, "\(name)")
    }
  }

  /// The part of a layer in a tensor of `[layers, batch, size]`.
  private func rows(_ layer: Int, of array: DenseArray) -> DenseArray {
    let count = array.shape[1] * array.shape[2]
    return DenseArray(
      .f64, Array(array.shape[1...]), Array(array.numbers[(layer * count)..<((layer + 1) * count)]))
  }
}
