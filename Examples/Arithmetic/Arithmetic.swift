import ArgumentParser
import Foundation
import RNNCompiler

// A forward pass of a recurrent net, once compiled and once with loops over arrays.
//
//   swift run -c release Arithmetic

let x: [[Float]] = [[1, 0], [0, 1], [1, 1]]
let W: [[Float]] = [[0.5, -0.25, 1], [0.75, 0.5, -1]]
let U: [[Float]] = [[0.1, 0.4, -0.2], [0.3, -0.6, 0.5], [-0.7, 0.2, 0.8]]
let b: [Float] = [0.1, -0.1, 0.2]
let V: [[Float]] = [[1], [-2], [0.5]]
let c: [Float] = [0.25]

@main
struct Arithmetic: ParsableCommand {
  func run() throws {
    let model = URL(fileURLWithPath: "../arithmetic.rnn", relativeTo: URL(fileURLWithPath: #filePath))
    let program = try Compiler().compile(contentsOf: model, batch: 1)
    let results = try program.run([
      "x": Tensor(x.flatMap { $0 }, shape: [3, 1, 2]), "net.W": matrix(W), "net.U": matrix(U),
      "net.b": Tensor(b), "net.V": matrix(V), "net.c": Tensor(c),
    ])
    let hs = try results["h"]?.values(as: Float.self) ?? []
    let ys = try results["y"]?.values(as: Float.self) ?? []

    var h: [Float] = [0, 0, 0]
    for step in x.indices {
      h = sum(times(x[step], W), times(h, U), b).map { tanh($0) }
      let y = sum(times(h, V), c)
      print("step \(step + 1)")
      print("  compiled: h =", shown(hs[(3 * step)..<(3 * step + 3)]), "y =", shown(ys[step...step]))
      print("  by hand:  h =", shown(h[...]), "y =", shown(y[...]))
    }
  }
}

/// A row times a matrix.
func times(_ row: [Float], _ matrix: [[Float]]) -> [Float] {
  matrix[0].indices.map { j in zip(row, matrix).reduce(0) { $0 + $1.0 * $1.1[j] } }
}

func sum(_ rows: [Float]...) -> [Float] {
  rows.dropFirst().reduce(rows[0]) { zip($0, $1).map(+) }
}

func matrix(_ rows: [[Float]]) -> Tensor {
  Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])
}

func shown(_ numbers: ArraySlice<Float>) -> String {
  numbers.map { String(format: "%.6f", $0) }.joined(separator: " ")
}
