import RNNTestSupport

/// Writes random programs of the language, each with its translation to Python.
///
/// It follows docs/language.md and nothing else, so that it can judge the compiler.
final class ProgramGenerator {
  /// What programs may hold.
  struct Options {
    /// Random draws, whose values outputs tell.
    var draws = true
    /// Cells that take whole sequences.
    var attention = true
    /// Instances with a state that are applied to what they give themselves, as in `r(r(x))`.
    var nestedApplications = true
    /// Functions without a value, in branches that are not taken.
    var partialFunctions = false
  }

  struct FunctionDescription {
    let name: String
    let parameters: Int
    let range: ClosedRange<Double>
    let rnn: String
    let python: String
  }

  let options: Options
  var random: SplitMix64
  var functions: [FunctionDescription] = []
  var cells: [CellDescription] = []

  init(seed: UInt64, _ options: Options) {
    random = SplitMix64(seed: seed)
    self.options = options
  }

  /// A random sequence of its own for a part of the program.
  func fork() -> SplitMix64 { SplitMix64(seed: random.next()) }

  /// Writes functions, cells and a model that uses them.
  func generate() -> RandomProgram {
    for i in 0..<random.below(3) { if let function = makeFunction("f\(i)") { functions.append(function) } }
    cells = random.shuffled(Self.library).prefix(2) + [Self.library[0]]
    for i in 0..<(1 + random.below(3)) {
      for _ in 0..<20 {
        guard let cell = makeCell("Cell\(i)") else { continue }
        // A later cell is more often chosen than one of the library.
        cells += [cell, cell]
        break
      }
    }
    while true { if let program = makeModel() { return program } }
  }

  /// `fn f(x, y) = …`, of elementwise functions, so that it works for every shape.
  private func makeFunction(_ name: String) -> FunctionDescription? {
    let scope = Scope(self, isModel: false, sizes: [:], fork())
    scope.isFunction = true
    let parameters = ["x", "y"].prefix(1 + random.below(2))
    for parameter in parameters {
      scope.add(Term(rnn: parameter, python: parameter, type: ValueType([], .one), range: .within(2)))
    }
    guard var body = scope.grow(2) else { return nil }
    for rest in scope.unused {
      body = .binary("+", "add", .sum, body, rest, rest.type, body.range.combined(rest.range, +))
    }
    let list = parameters.joined(separator: ", ")
    return FunctionDescription(
      name: name, parameters: parameters.count, range: body.range, rnn: "fn \(name)(\(list)) = \(body.rnn)\n",
      python: "def \(name)(\(list)):\n    return \(body.python)\n")
  }

  /// Cells of the standard library that programs use; library.py has their equations.
  private static let library: [CellDescription] = {
    let (i, h, v) = (Extent("I"), Extent("H"), Extent("V"))
    func cell(
      _ name: String, _ sizes: [String], _ input: ValueType, _ output: [Extent],
      _ parameters: [(String, [Extent])], states: [String] = [], bound: Double
    ) -> CellDescription {
      CellDescription(
        name: name, sizes: sizes.map { ($0, nil) },
        inputs: [CellDescription.Port(name: "x", type: input)],
        outputs: [(ValueType(output, .one), .within(bound))],
        states: states.map {
          CellDescription.StateDescription(path: ".\($0)", shape: [h], isDeclared: false)
        },
        parameters: parameters.map { (".\($0.0)", $0.1, 0.5) }, draws: [], rnn: nil, python: "")
    }
    let x = ValueType([i], .one)
    func recurrent(_ name: String, _ gates: Int, _ states: [String]) -> CellDescription {
      let rows = gates * h
      return cell(
        name, ["I", "H"], x, [h], [("W", [rows, i]), ("U", [rows, h]), ("b_x", [rows]), ("b_h", [rows])],
        states: states, bound: 1.5)
    }
    return [
      cell(
        "Linear", ["I", "O"], x, [Extent("O")], [("W", [Extent("O"), i]), ("b", [Extent("O")])], bound: 6),
      cell(
        "Embedding", ["V", "D"], ValueType([], .one, token: v), [Extent("D")], [("E", [v, Extent("D")])],
        bound: 1),
      cell("LayerNorm", ["H"], ValueType([h], .one), [h], [("gain", [h]), ("bias", [h])], bound: 3),
      recurrent("RNN", 1, ["h"]), recurrent("GRU", 3, ["h"]), recurrent("LSTM", 4, ["h", "c"]),
    ]
  }()
}
