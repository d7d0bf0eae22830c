import Foundation
import Testing

@testable import RNNCompiler

/// Whole training runs of PyTorch, in native code: losses, norms of gradients, and the weights at the end.
@Suite("Training like PyTorch")
struct TorchTrainingTests {
  /// What a fixture says of itself.
  private struct Configuration: Decodable {
    struct Rule: Decodable {
      let name: String
      let lr: Double
      let momentum: Double?
      let weight_decay: Double?

      var optimizer: Optimizer {
        get throws {
          let settings: [OptimizerSetting: Double?] = [.momentum: momentum, .weightDecay: weight_decay]
          return try Optimizer(
            named: momentum == nil ? name : "momentum", learningRate: lr,
            settings: settings.compactMapValues { $0 })
        }
      }
    }

    let kind: String
    let V, H, T, B, embedding, layers, steps: Int
    let clip: Double
    let optimizer: Rule

    /// The model, with cells that have PyTorch's two biases.
    var source: String {
      let gates = ["RNN": 1, "GRU": 3, "LSTM": 4][kind] ?? 0
      let equations = [
        "RNN": "h' = tanh(W @ x + b_x + U @ h + b_h)",
        "GRU": """
        r_x, z_x, n_x = split(W @ x + b_x, 3)
            r_h, z_h, n_h = split(U @ h + b_h, 3)
            n = tanh(n_x + sigmoid(r_x + r_h) * n_h)
            z = sigmoid(z_x + z_h)
            h' = (1 - z) * n + z * h
        """,
        "LSTM": """
        state c: [H]
            i, f, g, o = split(W @ x + b_x + U @ h + b_h, 4)
            c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h' = sigmoid(o) * tanh(c')
        """,
      ]
      let width = embedding > 0 ? embedding : V
      let cells = (0..<layers).map { "rnn\($0) = Torch(\($0 == 0 ? width : H), H)" }
      let layers = (0..<layers).reduce(embedding > 0 ? "emb(text)" : "onehot(text)") { "rnn\($1)(\($0))" }
      return """
        cell Torch(I, H) {
            param W: [\(gates)*H, I], U: [\(gates)*H, H], b_x, b_h: [\(gates)*H] = zeros
            input x: [I]
            state h: [H]
            \(equations[kind] ?? "")
            output h'
        }
        model M(V = \(V), H = \(H)) {
            input text: seq token(V)
            target next: seq token(V)
            \(embedding > 0 ? "emb = Embedding(V, \(embedding))" : "")
            \(cells.joined(separator: "\n    "))
            fc = Linear(H, V)
            y = fc(\(layers))
            output softmax(y)
            loss cross_entropy(y, next)
        }
        """
    }

    /// PyTorch's name of a parameter.
    func torchName(_ path: String) -> String {
      let parts = path.split(separator: ".")
      let roles = [
        "W": "weight_ih", "U": "weight_hh", "b_x": "bias_ih", "b_h": "bias_hh",
      ]
      if parts[0].hasPrefix("rnn") { return "rnn.\(roles[String(parts[1])] ?? "")_l\(parts[0].dropFirst(3))" }
      return "\(parts[0]).\(parts[1] == "b" ? "bias" : "weight")"
    }
  }

  @Test(arguments: ["sgd", "momentum", "adam", "adamw", "rmsprop"], [ElementType.f32, .f64])
  func runsAgree(_ name: String, _ element: ElementType) throws {
    let fixture = try torchFixture("train_\(name)")
    let configuration = try JSONDecoder().decode(
      Configuration.self, from: Data(#require(fixture.metadata["config"]).utf8))
    let program = try Compiler(CompileOptions(elementType: element, threads: 2)).compile(
      source: configuration.source, batch: configuration.B)
    // A bound that is never reached, where there is none: the norm is wanted.
    let trainer = try Trainer(
      program, optimizer: configuration.optimizer.optimizer,
      clipNorm: configuration.clip == 0 ? 1e30 : configuration.clip)
    func weights(_ when: String) throws -> [String: Tensor] {
      try trainer.parameters.reduce(into: [:]) { result, entry in
        let tensor = try #require(fixture.tensors["\(when).\(configuration.torchName(entry.key))"])
        result[entry.key] = try tensor.converted(to: element)
      }
    }
    try trainer.setParameters(weights("before"))

    let tolerance = element == .f64 ? 1e-12 : 1e-5
    func expectClose(
      _ found: [Double], _ expected: [Double], _ what: String, _ tolerance: Double
    ) {
      #expect(found.count == expected.count)
      let scale = max(1e-3, expected.map(abs).max() ?? 0)
      let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
      #expect(difference <= tolerance * scale, "\(what): \(difference) of \(scale)")
    }
    func batches(_ name: String) throws -> [Tensor] {
      let ids = try #require(fixture.tensors[name]).converted(to: .i32).values(as: Int32.self)
      let count = ids.count / configuration.steps
      return (0..<configuration.steps).map {
        Tensor(Array(ids[($0 * count)..<(($0 + 1) * count)]), shape: [configuration.T, configuration.B])
      }
    }
    let steps = try zip(batches("inputs"), batches("targets")).map {
      try trainer.step(["text": $0, "next": $1], startsAfresh: false)
    }
    try expectClose(steps.map(\.loss), numbers(#require(fixture.tensors["losses"])), "losses", tolerance)
    try expectClose(
      steps.compactMap(\.gradientNorm), numbers(#require(fixture.tensors["grad_norms"])), "norms", tolerance)
    // These two divide small gradients by their size, so that rounding grows, and with it what the order of a sum does:
    // PyTorch's own f32 runs end 3.4e-5 and 4.5e-5 away from its f64 ones, ours below 5e-5 and at 1.3e-4.
    let sensitive = element == .f32 ? ["adam": 5e-5, "rmsprop": 2e-4] : [:]
    for (path, expected) in try weights("after") {
      try expectClose(
        numbers(#require(trainer.parameters[path])), numbers(expected), path, sensitive[name] ?? tolerance)
    }
  }
}
