import ArgumentParser
import Foundation
import RNNBuilder

// Runs cells by hand: one step after the other, with the state in the caller's hands. The model is said in Swift.
//
//   swift run -c release Cells

@main
struct Cells: ParsableCommand {
  func run() throws {
    for cell in ["RNN", "LSTM", "GRU"] { try show(cell, inputs: 4, units: 2, steps: 3, batch: 1) }
    try show("LSTM", inputs: 10, units: 20, steps: 2, batch: 3)
  }
}

func show(_ name: String, inputs: Int, units: Int, steps: Int, batch: Int) throws {
  let model = Model("Cell") { m in
    let x = m.input("x", .seq([Size(inputs)]))
    let net = m.instance("net", of: .library(name), Size(inputs), Size(units))
    m.output("h", net(x))
  }
  let program = try Compiler().compile(model, batch: batch)
  var tensors = try program.initialParameters(seed: 0)
  var random = RandomStream(seed: 0, name: "x")
  print(
    "\(name) cell of \(units) units, \(batch) \(batch == 1 ? "example" : "examples") of \(inputs) numbers")

  let stream = try Stream(program, parameters: tensors)
  var state = stream.start
  var xs: [Float] = []
  var hs: [Float] = []
  for step in 1...steps {
    var x = Tensor(.f32, shape: [batch, inputs])
    x.fillNormal(standardDeviation: 1, using: &random)
    let h = try stream.step(["x": x], &state)["h"]
    let numbers = try h?.values(as: Float.self) ?? []
    print(
      "step \(step): h \(h?.shape ?? []) =", shown(numbers), state["net.c"].map { "c \($0.shape)" } ?? "")
    xs += try x.values(as: Float.self)
    hs += numbers
  }

  // The whole sequence at once, and the gradients of the sum of all h.
  tensors["x"] = Tensor(xs, shape: [steps, batch, inputs])
  tensors["coef.h"] = Tensor([Float](repeating: 1, count: hs.count), shape: [steps, batch, units])
  let whole = try program.run(tensors, gradients: true)
  print("the same bits as the whole sequence:", try whole["h"]?.values(as: Float.self) == hs ? "yes" : "no")
  for (name, gradient) in whole.sorted(by: { $0.key < $1.key }) where name.hasPrefix("grad.net") {
    print(name, gradient.shape, shown(try gradient.values(as: Float.self)))
  }
  print()
}

/// Numbers, or the first few of many.
func shown(_ numbers: [Float]) -> String {
  let first = numbers.prefix(4).map { String(format: "%.4f", $0) }.joined(separator: " ")
  return numbers.count > 4 ? first + " …" : first
}
