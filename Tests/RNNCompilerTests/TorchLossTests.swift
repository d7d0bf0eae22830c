import Foundation
import Testing

@testable import RNNCompiler

/// Losses and their derivatives against PyTorch's.
///
/// `Tests/Fixtures/torch/losses.py` makes the numbers.
@Suite("PyTorch's losses")
struct TorchLossTests {
  /// What is small in PyTorch, and in the language.
  private static let losses = [
    "ignored": "cross_entropy(x, t), weights: t != 0", "weighted": "cross_entropy(x, t), weights: classes[t]",
    "smooth": "cross_entropy(x, t, smoothing: 0.15)",
    "both": "cross_entropy(x, t, smoothing: 0.15), weights: t != 0", "huber": "mean(huber(x, z, 0.7))",
    "binary": "mean(binary_cross_entropy(x, sigmoid(z)))", "hinge": "mean(hinge(x, sign(z)))",
    "ctc": "last(ctc(x, repeat(labels), repeat(ends)))",
  ]

  @Test(arguments: losses.keys.sorted()) func areTheSame(_ name: String) throws {
    let fixture = try torchFixture("losses").tensors
    let text = try #require(Self.losses[name])
    // A model declares what its loss uses.
    let declarations = [
      "t": "target t: seq token(V)", "z": "target z: seq [V]",
      "labels": "target labels: [L, V], ends: [L + 1]",
      "classes": "const classes: [V] = (0.3, 1, 0.5, 2, 0.25)", "ctc": "ctc = CTC(V, L)",
    ].filter { text.contains($0.key == "t" ? ", t" : $0.key) }.map(\.value)
    let source = """
      model M(V = 5, L = 4) {
          input x: seq [V]
          \(declarations.joined(separator: "\n    "))
          loss \(text)
      }
      """
    let program = try Compiler(CompileOptions(elementType: .f64, threads: 2)).compile(
      source: source, batch: 3, ragged: name == "ctc" ? ["T"] : [])
    var tensors = fixture.filter { ["x", "t", "z"].contains($0.key) }
    tensors["x.lengths"] = fixture["lengths"]
    let labels = [[1, 2, 2, 4], [3], [4, 4]]
    var (rows, ends) = ([Double](repeating: 0, count: 3 * 4 * 5), [Double](repeating: 0, count: 3 * 5))
    for (b, labels) in labels.enumerated() {
      for (i, label) in labels.enumerated() { rows[(4 * b + i) * 5 + label] = 1 }
      ends[5 * b + labels.count] = 1
    }
    tensors["labels"] = Tensor(rows, shape: [3, 4, 5])
    tensors["ends"] = Tensor(ends, shape: [3, 5])
    let known = Set(program.model.graph.inputs.map(\.name))
    let results = try program.run(tensors.filter { known.contains($0.key) }, gradients: true)
    for (mine, other) in [("loss", name), ("grad.x", "\(name).gradient")] {
      let (found, expected) = (
        try numbers(#require(results[mine])), try numbers(#require(fixture[other]))
      )
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-13 * max(1, abs($1)) }, "\(mine)")
    }
  }
}
