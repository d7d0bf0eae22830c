import RNNBuilder
import RNNTestSupport
import Testing

/// A listing writes values where they are used; none of that may change what is computed, or in which order.
@Suite("The order of Swift is the order of the graph")
struct OrderTests {
  /// A value, and the name it has in a text that names every value.
  private typealias Named = (value: Value, name: String)

  /// The same random computation in Swift and as a text with a line for every step.
  private func randomModels(seed: UInt64) -> (swift: Model, text: String) {
    var random = SplitMix64(seed: seed)
    var lines: [String] = []
    let cell = Cell("Step") { c in
      let H = c.size("H")
      var known: [Named] = [
        (c.param("W", [H, H], .orthogonal), "W"), (c.input("x", [H]), "x"), (c.state("h", [H]), "h"),
      ]
      let W = known.removeFirst()
      let h = known[1].value
      func add(_ expression: String, _ values: [Value]) {
        let names = values.map { _ in "v\(known.count)_\(lines.count)" }
        let unique = names.enumerated().map { "\($1)_\($0)" }
        lines.append("\(unique.joined(separator: ", ")) = \(expression)")
        for (value, name) in zip(values, unique) { known.append((value, name)) }
      }
      /// Recent values are likelier, so that chains and trees appear, and old ones are used again.
      func pick() -> Named {
        let back = random.chance(0.7) ? min(known.count, 3) : known.count
        return known[known.count - 1 - random.below(back)]
      }
      for _ in 0..<(4 + random.below(40)) {
        let (a, b, d) = (pick(), pick(), pick())
        switch random.below(8) {
        case 0: add("\(a.name) + \(b.name)", [a.value + b.value])
        case 1: add("\(a.name) * \(b.name)", [a.value * b.value])
        case 2: add("\(a.name) - 2", [a.value - 2])
        case 3: add("W @ \(a.name)", [W.value • a.value])
        case 4: add("tanh(\(a.name))", [tanh(a.value)])
        case 5:
          add("where(\(a.name) < \(b.name), \(d.name), -1)", [select(a.value < b.value, d.value, -1)])
        case 6:
          let (first, second) = split(concat(a.value, b.value))
          add("split(concat(\(a.name), \(b.name)), 2)", [first, second])
        default: add("\(a.name)[0:H]", [a.value[to: H]])
        }
      }
      let (next, out) = (pick(), pick())
      h.next = next.value
      lines.append("h' = \(next.name)")
      c.output(out.value + h.next)
      lines.append("output \(out.name) + h'")
    }
    let model = Model("M") { m in
      let x = m.input("x", .seq([4]))
      let y = m.instance("step", of: cell, 4)(x)
      m.output(y)
      m.loss(sum(y))
    }
    let text = """
      cell Step(H) {
          param W: [H, H] = orthogonal
          input x: [H]
          state h: [H]
          \(lines.joined(separator: "\n    "))
      }
      model M {
          input x: seq [4]
          step = Step(4)
          _y = step(x)
          output _y
          loss sum(_y)
      }
      """
    return (model, text)
  }

  @Test(arguments: TestGroup.programs.seeds(60, core: 15))
  func aListingComputesTheSameInTheSameOrder(_ seed: UInt64) throws {
    let (model, text) = randomModels(seed: seed)
    let expected = try withoutPlaces(Compiler().compile(source: text, batch: 2).graph)
    #expect(
      try withoutPlaces(Compiler().compile(model, batch: 2).graph) == expected, "\(text)\n\(model.listing)")
  }

  @Test func aValueUsedOnceIsWrittenWhereItIsUsed() {
    let model = Model("M") { m in
      let x = m.input("x", .seq([4]))
      let y = m.input("y", .seq([4]))
      let scale = (1 + mean(x)).named("scale")
      let a = tanh(x) * scale
      let b = sigmoid(y)
      m.output("sum", a * b + (1 - b) * x)
      m.output(-(-x) - (x - y) - 2 * (x / (y * y)) * -3)
    }
    #expect(
      model.listing == """
        model M {
            input x: seq [4]
            input y: seq [4]
            scale = 1 + mean(x)
            _1 = tanh(x) * scale
            _2 = sigmoid(y)
            output sum = _1 * _2 + (1 - _2) * x
            output --x - (x - y) - 2 * (x / (y * y)) * -3
        }

        """)
  }

  /// The same random applications, inside of each other, in Swift and as a text with a line for each of them.
  private func randomApplications(seed: UInt64) -> (swift: Model, text: String) {
    var random = SplitMix64(seed: seed)
    var lines: [String] = []
    let model = Model("M") { m in
      let x = m.input("x", .seq([2]))
      let instances = ["r", "q", "l"].map { name in
        (name, m.instance(name, of: .library(name == "l" ? "Linear" : "RNN"), 2, 2))
      }
      var applied: [(String, Instance)] = []
      func value(_ depth: Int) -> Named {
        if depth == 0 { return (x, "x") }
        let a = value(depth - 1)
        let b: Named = random.chance(0.4) ? value(depth - 1) : (x, "x")
        let name = "v\(lines.count)"
        switch random.below(4) {
        case 0:
          lines.append("\(name) = \(a.name) + \(b.name)")
          return (a.value + b.value, name)
        case 1:
          guard let (instance, last) = random.pick(applied) else { return a }
          lines.append("\(name) = repeat(\(instance).h') * \(a.name)")
          return (repeated(last["h"].next) * a.value, name)
        default:
          let (instance, cell) = instances[random.below(3)]
          let start = instance == "l" || random.chance(0.5) ? nil : random.pick(applied)
          let from = start.map { ", from: \($0.0)" } ?? ""
          lines.append("\(name) = \(instance)(\(a.name)\(from))")
          if instance != "l" { applied.append((instance, cell)) }
          return (cell(a.value, from: start?.1.final), name)
        }
      }
      for number in 0..<2 {
        let result = value(1 + random.below(4))
        m.output("o\(number)", result.value)
        lines.append("output o\(number) = \(result.name)")
      }
    }
    let text = """
      model M {
          input x: seq [2]
          r = RNN(2, 2)
          q = RNN(2, 2)
          l = Linear(2, 2)
          \(lines.joined(separator: "\n    "))
      }
      """
    return (model, text)
  }

  @Test(arguments: 0..<60)
  func applicationsInsideOfEachOtherAreInOrder(_ seed: Int) throws {
    let (model, text) = randomApplications(seed: UInt64(seed))
    let expected = try withoutPlaces(Compiler().compile(source: text, batch: 2).graph)
    #expect(
      try withoutPlaces(Compiler().compile(model, batch: 2).graph) == expected, "\(text)\n\(model.listing)")
  }
}
