import Foundation
import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("The standard library's layers compute their equations")
struct LayerTests {
  private func compile(_ source: String, batch: Int = 2) throws -> Program {
    try Compiler(CompileOptions(elementType: .f64, threads: 2)).compile(source: source, batch: batch)
  }

  /// Row `index` of a tensor whose last axis is a vector.
  private func row(_ tensor: Tensor?, _ index: Int) throws -> Vector {
    let tensor = try #require(tensor)
    let count = try #require(tensor.shape.last)
    return Vector(Array(try tensor.values(as: Double.self)[(index * count)..<((index + 1) * count)]))
  }

  private func sum(_ x: Vector) -> Double { x.numbers.reduce(0, +) }

  /// A call of a cell with sizes for a query of 3 and a memory of 4 or 3 numbers, and the score of one step.
  struct Attention: Sendable {
    let call: String
    let memory: Int
    let score: @Sendable (_ p: Weights, _ query: Vector, _ memory: Vector) throws -> Double
  }

  static let attentions = [
    Attention(call: "DotAttention(3)", memory: 3) { _, q, m in zip(q.numbers, m.numbers).map(*).reduce(0, +)
    },
    Attention(call: "AdditiveAttention(3, 4, 5)", memory: 4) { p, q, m in
      let hidden = tanh(try p("W", q) + p("U", m))
      return zip(try p["v"].numbers, hidden.numbers).map(*).reduce(0, +)
    },
  ]

  @Test(arguments: [0, 1]) func attentionIsAWeightedMean(_ index: Int) throws {
    let attention = Self.attentions[index]
    let program = try compile(
      """
      model M {
          input q: seq [3], m: seq(S) [\(attention.memory)]
          attend = \(attention.call)
          y = attend(q, m)
          output y
          loss total(sum(square(y)))
      }
      """)
    var tensors = try program.randomTensors(steps: 4, seed: 5)
    tensors["m"] = Tensor(
      (0..<(7 * 2 * attention.memory)).map { sin(Double($0 * $0)) }, shape: [7, 2, attention.memory])
    let found = try program.run(tensors)
    let weights = Weights(tensors: tensors, instance: "attend")
    for step in 0..<4 {
      for example in 0..<2 {
        let query = try row(tensors["q"], step * 2 + example)
        let memory = try (0..<7).map { try row(tensors["m"], $0 * 2 + example) }
        let scores = try memory.map { exp(try attention.score(weights, query, $0)) }
        let all = scores.reduce(0, +)
        let zero = memory[0].map { _ in 0 }
        let expected = zip(scores, memory).reduce(zero) { sum, pair in sum + pair.1.map { $0 * pair.0 / all }
        }
        let y = try row(found["y"], step * 2 + example)
        #expect((y - expected).numbers.allSatisfy { abs($0) < 1e-12 })
      }
    }
    #expect(try GradientReport(program, steps: 4, seed: 5).worst <= 1e-6)
  }

  @Test func linearEmbeddingAndNorm() throws {
    let program = try compile(
      """
      model M {
          input t: seq token(9)
          e = Embedding(9, 5)
          norm = LayerNorm(5)
          out = Linear(5, 3)
          drop = Dropout(5, 20)
          y = out(norm(drop(e(t))))
          output y
          loss mean(square(y))
      }
      """, batch: 3)
    let tensors = try program.randomTensors(steps: 4, seed: 6)
    let found = try program.run(tensors)
    let ids = try #require(tensors["t"]).values(as: Int32.self)
    let (norm, out) = (
      Weights(tensors: tensors, instance: "norm"), Weights(tensors: tensors, instance: "out")
    )
    for (place, id) in ids.enumerated() {
      let x = normalized(try row(tensors["e.E"], Int(id)))
      let expected = try out("W", norm["gain"] * x + norm["bias"]) + out["b"]
      #expect((try row(found["y"], place) - expected).numbers.allSatisfy { abs($0) < 1e-12 })
    }
    #expect(try GradientReport(program, steps: 4, seed: 6).worst <= 1e-6)
  }

  /// In training, each unit of a zoned-out cell keeps its value or takes the new one, and elements drop out.
  @Test func trainingDraws() throws {
    let program = try Compiler(CompileOptions(elementType: .f64, threads: 2, backend: .interpreter)).compile(
      source: """
        model M {
            input x: [40]
            rnn = ZoneoutLSTM(40, 50, 50, 20)
            drop = Dropout(40, 25)
            h = rnn(x)
            output h, d = drop(x)
        }
        """, batch: 8)
    let graph = try program.model.lowered(isTraining: true).graph
    #expect(graph.input(named: "seed") != nil && program.model.graph.input(named: "seed") == nil)
    let execution = try Execution(
      Compilation(graph, source: nil, options: program.options, batch: 8), options: program.options, batch: 8)
    let tensors = try program.randomTensors(steps: 1, seed: 7)
    let mean = try program.run(tensors)
    func drawn(_ seed: Int32) throws -> [String: [Double]] {
      for (i, input) in graph.inputs.enumerated() {
        execution.inputs[i] =
          input.name == "seed" ? Tensor([seed], shape: []) : try #require(tensors[input.name])
      }
      try execution.setSizes([:])
      try execution.run()
      return Dictionary(
        uniqueKeysWithValues: zip(graph.outputs.map(\.name), execution.outputs).map { ($0, $1.numbers) })
    }
    let (first, second) = (try drawn(1), try drawn(2))
    #expect(try drawn(1) == first && first != second)
    for (state, part) in [("rnn.c", 0.5), ("rnn.h", 0.2)] {
      let old = try #require(tensors[state]).numbers
      let new = zip(old, try #require(mean[state]).numbers).map { ($1 - part * $0) / (1 - part) }
      var kept = 0
      for (i, value) in try #require(first[state]).enumerated() {
        if abs(value - old[i]) < 1e-12 { kept += 1 } else { #expect(abs(value - new[i]) < 1e-12) }
      }
      #expect(abs(Double(kept) / 400 - part) < 0.1, "\(state): \(kept) of 400 kept")
    }
    let x = try #require(tensors["x"]).numbers
    var dropped = 0
    for (a, b) in zip(try #require(first["d"]), x) {
      if a == 0 { dropped += 1 } else { #expect(abs(a - b / 0.75) < 1e-12) }
    }
    #expect(abs(Double(dropped) / 320 - 0.25) < 0.1)
  }
}
