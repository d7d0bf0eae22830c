import ArgumentParser
import Foundation
import RNNCompiler

// Runs stacks and both directions, forwards and backwards, and prints the shapes of what goes in and comes out: steps or
// examples first, as the caller has them.
//
//   swift run -c release Layers

@main
struct Layers: ParsableCommand {
  func run() throws {
    print("three layers")
    for layout in SequenceLayout.allCases {
      try show("stack", steps: 5, batch: 1, ["x": 4, "y": 2], layout)
    }
    print("both directions")
    try show("bidirectional", steps: 3, batch: 5, ["x": 4])
    print("two layers of LSTM in both directions, from given states")
    let states = ["f0", "b0", "f1", "b1"].flatMap { ["\($0).h", "\($0).c"] }
    try show("bidirectional-lstm", steps: 5, batch: 3, ["x": 4, "y": 12], states: states)
  }
}

/// Runs a model on random sequences of so many numbers, and from random states.
func show(
  _ name: String, steps: Int, batch: Int, _ widths: [String: Int], states: [String] = [],
  _ layout: SequenceLayout = .timeMajor
) throws {
  let model = URL(fileURLWithPath: "../\(name).rnn", relativeTo: URL(fileURLWithPath: #filePath))
  let program = try Compiler().compile(contentsOf: model, batch: batch)
  let axes = layout == .timeMajor ? [steps, batch] : [batch, steps]
  var tensors = try program.initialParameters(seed: 0)
  for (name, width) in widths { tensors[name] = random(name, axes + [width]) }
  for name in states { tensors[name] = random(name, [batch, program.sizes["H"] ?? 1]) }
  if name == "bidirectional" {
    tensors["label"] = Tensor([Int32](repeating: 1, count: steps * batch), shape: axes)
  }

  let results = try program.run(tensors, gradients: true, layout: layout)
  print("  \(layout):", described("x", tensors), described("h", results))
  let final = results.keys.filter { $0.contains(".") && !$0.hasPrefix("grad.") }.sorted()
  print("    final states:", final.map { described($0, results) }.joined(separator: " "))
  let given = ["x"] + states
  print("    gradients:", given.map { described("grad.\($0)", results) }.joined(separator: " "))
}

func random(_ name: String, _ shape: [Int]) -> Tensor {
  var stream = RandomStream(seed: 0, name: name)
  var tensor = Tensor(.f32, shape: shape)
  tensor.fillNormal(standardDeviation: 1, using: &stream)
  return tensor
}

func described(_ name: String, _ tensors: [String: Tensor]) -> String {
  "\(name) \(tensors[name]?.shape ?? [])"
}
