import Foundation
import RNNGraph
import RNNInterpreter
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Cells that take whole sequences.
struct AttentionTests {
  private let cells = """
    cell Dot(H) {
        input query: [H], memory: seq [H]
        w = softmax_steps(dot(repeat(query, like: memory), memory))
        output total(w * memory)
    }
    cell Additive(H, A) {
        param W: [A, H], U: [A, H], v: [A] = normal(1)
        keys = Linear(H, A)
        input query: [H], memory: seq(S) [H]
        e = dot(repeat(v, like: memory), tanh(W @ memory + keys(memory) + repeat(U @ query, like: memory)))
        w = softmax_steps(e)
        output total(w * memory)
    }
    cell Decoder(I, H) {
        param W: [H, I], U: [H, H], V: [H, H] = normal(1)
        attend = Dot(H)
        look = Additive(H, 2)
        input x: [I], memory: seq [H]
        state h: [H]
        h' = tanh(W @ x + U @ attend(h, memory) + V @ (look(h, memory) + last(reverse(memory))))
        output h'
    }

    """

  @Test func attentionWeighsTheSteps() throws {
    let text =
      cells + """
        model M {
            input q: [2], m: seq [2]
            attend = Dot(2)
            look = Additive(2, 2)
            output a = attend(q, m), b = look(q, m), w = softmax_steps(m)
        }
        """
    let m = [1.0, 2, -1, 0.5, 0, 3]
    let inputs = [
      "q": DenseArray(.f64, [1, 2], [0.5, -1]), "m": DenseArray(.f64, [3, 1, 2], m),
      "look.W": DenseArray(.f64, [2, 2], [1, 0, 2, -1]), "look.U": DenseArray(.f64, [2, 2], [0.5, 1, 0, 1]),
      "look.v": DenseArray(.f64, [2], [2, -1]), "look.keys.W": DenseArray(.f64, [2, 2], repeating: 0),
      "look.keys.b": DenseArray(.f64, [2], [0.25, 0.5]),
    ]
    let outputs = try Interpreter(loweredGraph(of: text)).run(inputs: inputs)
    let rows = [[1.0, 2], [-1, 0.5], [0, 3]]
    func expectWeighted(_ name: String, _ scores: [Double]) {
      let weights = scores.map { exp($0) }
      let sum = weights.reduce(0, +)
      let expected = [0, 1].map { i in zip(weights, rows).reduce(0) { $0 + $1.0 / sum * $1.1[i] } }
      #expect(difference(outputs[name], DenseArray(.f64, [1, 2], expected)) < 1e-12, "\(name)")
    }
    expectWeighted("a", rows.map { 0.5 * $0[0] - $0[1] })
    // W m + b + U q, row by row.
    expectWeighted(
      "b",
      rows.map { row -> Double in
        let first: Double = row[0] + 0.25 - 0.75
        let second: Double = 2 * row[0] - row[1] + 0.5 - 1
        return 2 * tanh(first) - tanh(second)
      })
    let w = try #require(outputs["w"]).numbers
    for (i, column) in [[1.0, -1, 0], [2, 0.5, 3]].enumerated() {
      let sum = column.reduce(0) { $0 + exp($1) }
      for (t, x) in column.enumerated() { #expect(abs(w[2 * t + i] - exp(x) / sum) < 1e-12) }
    }
  }

  /// A decoder over `T` steps sees the whole memory of `S` steps, and its gradients are right.
  @Test(arguments: ["seq(S)", "seq"])
  func aLoopSeesTheWholeSequence(memory: String) throws {
    let text =
      cells + """
        model M {
            input x: seq [1], m: \(memory) [2]
            decode = Decoder(1, 2)
            again = Dot(2)
            y = decode(x, m)
            z = again(y, y)
            output y, z
            loss mean(square(z)) + mean(y)
        }
        """
    let graph = try loweredGraph(of: text)
    let whole = memory == "seq" ? 3 : 2
    var random = SplitMix64(seed: 5)
    let inputs = randomInputs(
      for: graph, sizes: [.batch: 2, .steps: 3, Symbol("S"): whole], using: &random)
    let outputs = try checkedGradients(of: graph, inputs)

    // A step applied to single values computes what each step of the loop does.
    let step = """
      model M {
          input x: [1], m: seq [2], all: seq(T2) [2]
          decode = Decoder(1, 2)
          again = Dot(2)
          y = decode(x, m)
          output y, z = again(y, all)
      }
      """
    let stepGraph = try loweredGraph(of: cells + step)
    let x = try #require(inputs["x"]).numbers
    var arguments = inputs
    arguments["all"] = outputs["y"]
    let ys = try #require(outputs["y"]).numbers
    let zs = try #require(outputs["z"]).numbers
    for t in 0..<3 {
      arguments["x"] = DenseArray(.f64, [2, 1], Array(x[(2 * t)..<(2 * t + 2)]))
      let result = try Interpreter(stepGraph).run(inputs: arguments)
      arguments["decode.h"] = result["decode.h"]
      #expect(difference(result["y"], DenseArray(.f64, [2, 2], Array(ys[(4 * t)..<(4 * t + 4)]))) < 1e-12)
      #expect(difference(result["z"], DenseArray(.f64, [2, 2], Array(zs[(4 * t)..<(4 * t + 4)]))) < 1e-12)
    }
    #expect(difference(arguments["decode.h"], outputs["decode.h"]) < 1e-12)
  }

  /// A decoder that feeds back its own choice.
  @Test func aChoiceIsFedBack() throws {
    let text = """
      cell Count(V) {
          input by: token(V)
          state n: [V]
          // The place of the 1 moves by the input.
          t = argmax(n)
          n' = where(by == 0, n, concat(n[V - 1:], n[:V - 1]))
          output t, argmax(n')
      }
      model M(V = 3) {
          input by: seq token(V)
          count = Count(V)
          before, after = count(by)
          output before, after
      }
      """
    let outputs = try Interpreter(loweredGraph(of: text)).run(inputs: [
      "by": DenseArray(.i32, [4, 1], [1, 0, 2, 1]), "count.n": DenseArray(.f64, [1, 3], [0, 1, 0]),
    ])
    #expect(outputs["before"] == DenseArray(.i32, [4, 1], [1, 2, 2, 0]))
    #expect(outputs["after"] == DenseArray(.i32, [4, 1], [2, 2, 0, 1]))
  }
}
