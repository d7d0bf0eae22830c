import Foundation
import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("The standard library's cells compute their equations")
struct CellTests {
  /// A stack of one cell in one direction or two.
  struct Stack: Sendable, CustomTestStringConvertible {
    let cell: CellReference
    var layers = 1
    var isBidirectional = false
    var steps = 5
    var batch = 3
    var input = 4
    var hidden = 6

    var testDescription: String {
      "\(cell) \(layers)×\(isBidirectional ? 2 : 1) T\(steps) B\(batch) I\(input) H\(hidden)"
    }

    /// The names of the instances, layer by layer, forward before backward.
    var instances: [[String]] {
      (0..<layers).map { isBidirectional ? ["f\($0)", "b\($0)"] : ["f\($0)"] }
    }

    /// The number of values that an instance puts out.
    var width: Int { cell.name == "ProjectedLSTM" ? 3 : hidden }

    var source: String {
      var lines = ["input x: seq [\(input)]"]
      var (value, size) = ("x", "\(input)")
      for (layer, names) in instances.enumerated() {
        let sizes = cell.call.replacing("(I", with: "(\(size)").replacing("H", with: "\(hidden)")
        let call = cell.name + sizes.drop { $0 != "(" }
        lines += names.map { "\($0) = \(call)" }
        let parts = ["f\(layer)(\(value))", "reverse(b\(layer)(reverse(\(value))))"].prefix(names.count)
        lines.append(
          "y\(layer) = " + (names.count == 1 ? parts[0] : "concat(\(parts.joined(separator: ", ")))"))
        (value, size) = ("y\(layer)", "\(names.count * width)")
      }
      lines += ["output y = \(value)", "loss mean(square(\(value)))"]
      return "model M {\n\(lines.map { "    \($0)\n" }.joined())}\n"
    }

    /// The outputs and final states of one example in plain Swift.
    func run(_ tensors: [String: Tensor], example: Int) throws -> (
      outputs: [Vector], states: [String: Vector]
    ) {
      func row(_ tensor: Tensor?, _ index: Int) throws -> Vector {
        let tensor = try #require(tensor)
        let count = try #require(tensor.shape.last)
        return Vector(Array(try tensor.values(as: Double.self)[(index * count)..<((index + 1) * count)]))
      }
      var values = try (0..<steps).map { try row(tensors["x"], $0 * batch + example) }
      var final: [String: Vector] = [:]
      for names in instances {
        let parts = try names.enumerated().map { direction, name in
          var states: CellReference.States = [:]
          for state in cell.states { states[state] = try row(tensors["\(name).\(state)"], example) }
          let weights = Weights(tensors: tensors, instance: name)
          let ordered = direction == 0 ? values : values.reversed()
          let (outputs, last) = try cell.run(weights, ordered, from: states)
          for (state, value) in last { final["\(name).\(state)"] = value }
          return direction == 0 ? outputs : outputs.reversed()
        }
        values = (0..<steps).map { step in Vector(parts.flatMap { $0[step].numbers }) }
      }
      return (values, final)
    }
  }

  private static func reference(_ name: String) -> CellReference {
    CellReference.all.first { $0.name == name }!
  }

  static let stacks =
    CellReference.all.map { Stack(cell: $0) } + [
      Stack(cell: reference("LSTM"), layers: 4, steps: 1, batch: 1, input: 1, hidden: 1),
      Stack(cell: reference("GRU"), layers: 4, steps: 9, batch: 1, input: 7, hidden: 5),
      Stack(
        cell: reference("RNN"), layers: 2, isBidirectional: true, steps: 1, batch: 3, input: 13, hidden: 17),
      Stack(cell: reference("LSTM"), isBidirectional: true, steps: 11, batch: 7, input: 3, hidden: 33),
      Stack(
        cell: reference("GRU"), layers: 3, isBidirectional: true, steps: 5, batch: 2, input: 9, hidden: 3),
      Stack(cell: reference("ReluRNN"), layers: 4, steps: 4, batch: 19, input: 2, hidden: 11),
      Stack(
        cell: reference("ProjectedLSTM"), layers: 2, isBidirectional: true, steps: 6, batch: 1, input: 5,
        hidden: 7),
    ]

  @Test(arguments: stacks) func cellsFollowTheirEquations(_ stack: Stack) throws {
    let program = try Compiler(CompileOptions(elementType: .f64, threads: 2)).compile(
      source: stack.source, batch: stack.batch)
    let tensors = try program.randomTensors(steps: stack.steps, seed: 11)
    let found = try program.run(tensors)
    let outputs = try #require(found["y"]).values(as: Double.self)
    let width = outputs.count / (stack.steps * stack.batch)
    func expectEqual(_ found: ArraySlice<Double>, _ expected: Vector, _ what: String) {
      #expect(found.count == expected.numbers.count)
      let worst = zip(found, expected.numbers).map { abs($0 - $1) }.max() ?? .infinity
      #expect(worst < 1e-12, "\(what)")
    }
    for example in 0..<stack.batch {
      let expected = try stack.run(tensors, example: example)
      for (step, value) in expected.outputs.enumerated() {
        let start = (step * stack.batch + example) * width
        expectEqual(outputs[start..<(start + width)], value, "step \(step)")
      }
      for (name, value) in expected.states {
        let states = try #require(found[name]).values(as: Double.self)
        let width = value.numbers.count
        expectEqual(states[(example * width)..<((example + 1) * width)], value, name)
      }
    }
    // Derivatives are compared with differences of the loss, in code.
    #expect(try GradientReport(program, steps: stack.steps, seed: 11).worst <= 1e-6)
  }

  /// A further cell of the library needs a reference; `LatticeTests` has those of losses.
  @Test func everyCellWithAStateIsTested() throws {
    let recurrent = try LibraryCells.names.filter { name in
      try LibraryCells.source(of: name).contains("\n    state ")
    }
    #expect(Set(recurrent) == Set(CellReference.all.map(\.name) + ["CTC", "CRF"]))
  }
}
