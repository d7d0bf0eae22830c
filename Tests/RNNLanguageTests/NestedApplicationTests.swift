import RNNGraph
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// Applications inside of the arguments of others are numbered in the order in which they are computed.
struct NestedApplicationTests {
  private static let cells = """
    cell Pair(H) {
        param W: [H, H] = orthogonal
        input a: [H], b: [H]
        state s: [H], r: [H]
        s' = tanh(W @ a + s)
        r' = s' * b
        output r', s'
    }
    cell Early(H) {
        input x: [H]
        state h: [H] = 1
        h' = 0.5 * h + x
        output h'
    }
    fn both(a, b) = a + 2 * b

    """

  /// The same random model twice: with applications inside of each other, and with a line for each of them.
  private struct Twins {
    var random: SplitMix64
    private var lines: [String] = []
    private var applied: [String] = []

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// An expression with everything inside of it, and the name of its value in the model of many lines.
    private mutating func value(_ depth: Int) -> (nested: String, flat: String) {
      if depth == 0 { return random.chance(0.5) ? ("x", "x") : ("y", "y") }
      switch random.below(8) {
      case 0, 1: return apply(["r", "q"][random.below(2)], from: "h0", depth)
      case 2: return apply("e", from: "h0", depth)
      case 3: return apply("l", from: nil, depth)
      case 4:
        let (a, b) = (value(depth - 1), value(depth - 1))
        return name("pair(\(a.nested), \(b.nested))", "pair(\(a.flat), \(b.flat))", "pair", results: 2)
      case 5:
        let (a, b) = (value(depth - 1), value(depth - 1))
        return name("both(\(a.nested), \(b.nested))", "both(\(a.flat), \(b.flat))", nil)
      case 6:
        let mask = name("x < y", "x < y", nil)
        let a = value(depth - 1)
        let state = random.pick(applied.filter { $0 != "pair" }).map { "\($0).h'" } ?? "h0"
        let b = name("repeat(\(state), like: x)", "repeat(\(state), like: x)", nil)
        return name(
          "where(\(mask.nested), \(a.nested), \(b.nested))", "where(\(mask.flat), \(a.flat), \(b.flat))", nil)
      default:
        let (a, b) = (value(depth - 1), value(depth - 1))
        return name("(\(a.nested) * \(b.nested))", "\(a.flat) * \(b.flat)", nil)
      }
    }

    /// Applies an instance with one state, or none, sometimes from the final states of another one.
    private mutating func apply(_ instance: String, from h0: String?, _ depth: Int) -> (
      nested: String, flat: String
    ) {
      let argument = value(depth - 1)
      var start = ""
      if let h0, random.chance(0.4) {
        let known = applied.filter { $0 != "pair" }
        start = ", from: \(random.pick(known) ?? h0)"
      }
      return name(
        "\(instance)(\(argument.nested)\(start))", "\(instance)(\(argument.flat)\(start))",
        h0 == nil ? nil : instance)
    }

    private mutating func name(_ nested: String, _ flat: String, _ instance: String?, results: Int = 1) -> (
      nested: String, flat: String
    ) {
      let name = "v\(lines.count)"
      if let instance { applied.append(instance) }
      guard results == 1 else {
        // Several results cannot stand inside of an expression: both models have a line for them.
        lines.append("\(name), _ = \(flat)")
        return (name, name)
      }
      lines.append("\(name) = \(flat)")
      return (nested, name)
    }

    private func text(_ lines: [String], _ results: [String]) -> String {
      """
      \(NestedApplicationTests.cells)model M(H = 2) {
          input x: seq [H], y: seq [H], h0: [H]
          r = RNN(H, H)
          q = GRU(H, H)
          e = Early(H)
          l = Linear(H, H)
          pair = Pair(H)
          \((lines + results.enumerated().map { "output o\($0) = \($1)" }).joined(separator: "\n    "))
          output x, y, h0
          loss mean(x)
      }
      """
    }

    /// Values of several lines, so that what is nested in one line meets what the lines before it applied.
    mutating func texts() -> (nested: String, flat: String) {
      var (nested, flat): ([String], [String]) = ([], [])
      for number in 0..<(1 + random.below(3)) {
        let before = lines.count
        let result = value(2 + random.below(3))
        let pairs = lines[before...].filter { $0.contains(", _ =") }
        // A line of two results comes before the expression that uses it: such a seed is another test.
        guard pairs.isEmpty else {
          nested += lines[before...] + ["z\(number) = \(result.flat)"]
          flat += lines[before...] + ["z\(number) = \(result.flat)"]
          continue
        }
        nested.append("z\(number) = \(result.nested)")
        flat += lines[before...] + ["z\(number) = \(result.flat)"]
      }
      let results = nested.compactMap { line in
        line.hasPrefix("z") ? line.split(separator: " ").first.map(String.init) : nil
      }
      return (text(nested, results), text(flat, results))
    }
  }

  @Test(arguments: 0..<150)
  func anApplicationInsideOfAnotherIsTheSameAsOneInALineOfItsOwn(_ seed: Int) throws {
    var twins = Twins(seed: UInt64(seed))
    let (nested, flat) = twins.texts()
    let (a, b) = (try loweredGraph(of: nested), try loweredGraph(of: flat))
    #expect(structurallyEqual(a, b), "\(nested)\n\(flat)")
  }

  @Test func theInnerApplicationIsTheFirst() throws {
    let graph = try loweredGraph(
      of: """
        model M {
            input x: seq [2]
            r = RNN(2, 2)
            output r(r(r(x)), from: r)
        }
        """)
    #expect(graph.inputs.map(\.name).filter { $0.hasSuffix(".h") } == ["r.h", "r@2.h"])
    #expect(graph.outputs.map(\.name) == ["output", "r.h", "r@2.h", "r@3.h"])
  }

  @Test func aStateGoesOneStepInACell() {
    for expression in ["r(r(x))", "r(x + r(x))", "r(l(r(x)))"] {
      let text = """
        cell C(H) {
            input x: [H]
            r = RNN(H, H)
            l = Linear(H, H)
            output \(expression), l(x)
        }
        """
      let found = Frontend().check(SourceFile(name: "a.rnn", text: text)).diagnostics.rendered()
      #expect(found.contains("'r' has a state and is applied twice in one step"), "\(expression): \(found)")
    }
  }
}
