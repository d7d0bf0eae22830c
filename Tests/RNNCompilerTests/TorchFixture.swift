import Foundation
import RNNCompiler
import Testing

/// A layer of PyTorch: what it is, its weights, and what it computed in f64 for the loss Σ output·coef + Σ h_n·coef.h_n …
struct TorchFixture: CustomTestStringConvertible {
  /// The options of the module, as the file's metadata holds them.
  struct Configuration: Decodable {
    let kind: String
    let layers: Int
    let bidirectional: Bool
    let B: Int
    let I: Int
    let H: Int
    let proj: Int
    let nonlinearity: String
    let batch_first: Bool
    let variable_length: Bool
  }

  let name: String
  let tensors: [String: Tensor]
  let configuration: Configuration

  var testDescription: String { name }

  static let folder = packageRoot.appendingPathComponent("Tests/Fixtures/torch").path

  /// The files of layers; the others are of training.
  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { file in
      file.hasSuffix(".safetensors") && ["rnn_", "lstm_", "gru_"].contains(where: file.hasPrefix)
    }
    .map { String($0.dropLast(".safetensors".count)) }.sorted()
  }()

  init(_ name: String) throws {
    self.name = name
    let file = try Safetensors(contentsOfFile: "\(Self.folder)/\(name).safetensors")
    tensors = file.tensors
    configuration = try JSONDecoder().decode(
      Configuration.self, from: Data(try #require(file.metadata["config"]).utf8))
  }

  // MARK: The model

  /// The cell of the standard library that the module is made of, with its sizes for an input of `input` numbers.
  private func cell(input: String) -> String {
    switch (configuration.kind, configuration.nonlinearity, configuration.proj) {
    case ("RNN", "relu", _): "ReluRNN(\(input), H)"
    case ("LSTM", _, 1...): "ProjectedLSTM(\(input), H, \(configuration.proj))"
    default: "\(configuration.kind)(\(input), H)"
    }
  }

  private var stateNames: [String] { configuration.kind == "LSTM" ? ["h", "c"] : ["h"] }

  /// The names of instances in the order of PyTorch's states: layers, in each forward before backward.
  private var instances: [String] {
    (0..<configuration.layers).flatMap { layer in
      configuration.bidirectional ? ["f\(layer)", "b\(layer)"] : ["f\(layer)"]
    }
  }

  /// The module as a model.
  var source: String {
    let width = configuration.proj > 0 ? "\(configuration.proj)" : "H"
    var lines = ["input x: seq [I]"]
    var (value, size) = ("x", "I")
    for layer in 0..<configuration.layers {
      lines.append("f\(layer) = \(cell(input: size))")
      if configuration.bidirectional {
        lines.append("b\(layer) = \(cell(input: size))")
        lines.append(
          "y\(layer) = concat(f\(layer)(\(value)), reverse(b\(layer)(reverse(\(value)))))")
        size = "2*\(width)"
      } else {
        lines.append("y\(layer) = f\(layer)(\(value))")
        size = width
      }
      value = "y\(layer)"
    }
    lines.append("output y = \(value)")
    let body = lines.map { "    \($0)\n" }.joined()
    return "model Torch(I = \(configuration.I), H = \(configuration.H)) {\n\(body)}\n"
  }

  /// The instances as layers of one module without a name.
  var modules: ModuleMap {
    get throws {
      let layers = (0..<configuration.layers).map { layer in
        configuration.bidirectional ? "f\(layer)+b\(layer)" : "f\(layer)"
      }
      return try ModuleMap(["=" + layers.joined(separator: ",")])
    }
  }

  // MARK: Tensors

  /// The tensors of the file for a run of the model: weights as they are, states apart.
  var inputs: [String: Tensor] {
    get throws {
      var inputs = tensors.filter { $0.key == "x" || $0.key.contains("_l") && !$0.key.hasPrefix("grad.") }
      inputs["lengths"] = tensors["lengths"]
      inputs["coef.y"] = tensors["coef.output"]
      for state in stateNames {
        inputs.merge(try parts("\(state)0", state: state)) { $1 }
        for (name, tensor) in try parts("coef.\(state)_n", state: state) { inputs["coef.\(name)"] = tensor }
      }
      return inputs
    }
  }

  /// What a run should give, by the names of the model.
  var expected: [String: Tensor] {
    get throws {
      var expected = ["y": try tensor("output"), "grad.x": try tensor("grad.x")]
      expected["loss"] = try tensor("loss").reshaped(to: [])
      for state in stateNames {
        expected.merge(try parts("\(state)_n", state: state)) { $1 }
        for (name, tensor) in try parts("grad.\(state)0", state: state) { expected["grad.\(name)"] = tensor }
      }
      return expected
    }
  }

  /// The derivatives by weights, under PyTorch's names.
  var weightGradients: [String: Tensor] {
    tensors.filter { $0.key.hasPrefix("grad.") && $0.key.contains("_l") }
  }

  private func tensor(_ name: String) throws -> Tensor { try #require(tensors[name], "no tensor \(name)") }

  /// The parts of a tensor of `[layers · directions, batch, size]`, by the paths of the states.
  private func parts(_ name: String, state: String) throws -> [String: Tensor] {
    let whole = try tensor(name)
    let numbers = try whole.values(as: Double.self)
    let shape = Array(whole.shape[1...])
    let count = shape.reduce(1, *)
    #expect(whole.shape[0] == instances.count)
    return Dictionary(
      uniqueKeysWithValues: instances.enumerated().map { i, instance in
        ("\(instance).\(state)", Tensor(Array(numbers[(i * count)..<((i + 1) * count)]), shape: shape))
      })
  }
}
