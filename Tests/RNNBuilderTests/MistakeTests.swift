import Foundation
import RNNBuilder
import Testing

@Suite("Mistakes in Swift")
struct MistakeTests {
  /// A model around a cell `C(I, H)` with the input `x` and the state `h`.
  private func model(_ body: (CellScope, _ I: Size, _ H: Size, _ x: Value, _ h: Value) -> Void) -> Model {
    let cell = Cell("C", fileID: "App/C.swift", line: 7) { c in
      let I = c.size("I")
      let H = c.size("H")
      body(c, I, H, c.input("x", [I]), c.state("h", [H]))
    }
    return Model("M", fileID: "App/M.swift", line: 9) { m in
      let I = m.size("I", default: 3)
      let x = m.input("x", .seq([I]))
      let rnn = m.instance("rnn", of: cell, I, 5, fileID: "App/M.swift", line: 12)
      m.output(rnn(x))
    }
  }

  private func message(_ model: Model, sizes: [String: Int] = [:]) -> String {
    do {
      _ = try Compiler().compile(model, sizes: sizes, batch: 2)
      return "no error"
    } catch {
      return Failure(error).text
    }
  }

  @Test func aProductThatDoesNotFitIsMarkedInTheListing() {
    let model = model { c, I, H, x, h in
      let W = c.param("W", [H, I], .zeros)
      let U = c.param("U", [H, H], .zeros)
      h.next = tanh(W • x + U • x)
      c.output(h.next)
    }
    let text = """
      M (Swift):6:23: error: '@' cannot multiply [5, 5] by [3]
              h' = tanh(W @ x + U @ x)
                                ^~~~~
          made at App/C.swift:7
      note: on the right of [5, 5], [5] or [5, n] would fit
      M (Swift):12:11: note: in cell 'C' with I = 3, H = 5
              rnn = C(I, 5)
                    ^
          made at App/M.swift:12

      """
    #expect(message(model).contains(text), "\(message(model))")
  }

  @Test func aStateThatIsNeverAssignedIsNamed() {
    let text = message(model { c, _, _, x, _ in c.output(x) })
    #expect(
      text.contains("M (Swift):3:11: error: state 'h' is never assigned\n        state h: [H]"), "\(text)")
  }

  @Test func anUnknownSizeIsNamedWithThoseThatThereAre() {
    let right = model { c, _, _, x, h in
      h.next = h + sum(x)
      c.output(h.next)
    }
    #expect(message(right) == "no error")
    let text = message(right, sizes: ["Q": 4])
    #expect(text.contains("model 'M' has no size 'Q'"), "\(text)")
    #expect(text.contains("its sizes are I\n    model M(I = 3) {"), "\(text)")
  }

  @Test func aWrongCountOfInputsIsMarked() {
    let text = message(
      model { c, I, H, x, h in
        h.next = c.instance("inner", of: .library("GRU"), I, H)(x, h)
        c.output(h.next)
      })
    #expect(text.contains("h' = inner(x, h)\n             ^~~~~~~~~~~"), "\(text)")
    #expect(text.contains("expected 1 argument, found 2"), "\(text)")
    #expect(text.contains("it is used as inner(x)"), "\(text)")
  }

  @Test(arguments: [
    (4, "3 is not divisible by 4"), (0, "must be positive"), (-2, "must be positive"), (.max, "too large"),
  ])
  func aWrongSplitIsMarked(_ count: Int, _ expected: String) {
    let text = message(
      model { c, _, _, x, h in
        let parts = split(x, into: count)
        h.next = h + sum(concat(parts.first ?? 0, parts.last ?? 0))
        c.output(h.next)
      })
    #expect(text.contains("= split(x, "), "\(text)")
    #expect(text.contains(expected), "\(text)")
    #expect(text.contains("made at App/C.swift:7"), "\(text)")
  }

  @Test func valuesAndSizesOfAnotherUnitAreRefused() {
    let text = message(
      Model("M", fileID: "App/M.swift", line: 9) { m in
        let I = m.size("I", default: 3)
        let x = m.input("x", .seq([I]))
        let inner = Cell("Inner", fileID: "App/C.swift", line: 7) { c in
          let y = c.input("y", [I], fileID: "App/C.swift", line: 8)
          c.output(y + x)
          let H = c.size("H")
          c.output(y * Value(H * I))
        }
        m.output(m.instance("inner", of: inner, 4)(x))
      })
    #expect(
      text.contains("error: in cell 'Inner': a size of model 'M' is used") && text.contains("App/C.swift:8"))
    #expect(text.contains("error: in cell 'Inner': a value of model 'M' is used"), "\(text)")
    #expect(!text.contains("in model 'M'"), "\(text)")
  }

  /// A value that outlives its closure.
  @Test func valuesThatAreUsedTooLateAreRefused() {
    var kept: [Value] = []
    _ = model { _, _, _, x, _ in kept = [x, x * 2] }
    let text = message(
      model { c, _, _, x, h in
        h.next = h + sum(kept[0] * kept[1]) + sum(kept[1])
        c.output(h.next)
      })
    #expect(text.contains("in cell 'C': a value of cell 'C' is used"), "\(text)")
    kept[0].next = 1
    _ = kept[1].named("late")
  }

  @Test func whatTheLanguageCannotSayIsRefused() {
    let text = message(
      Model("M") { m in
        let x = m.input("x y", .seq([3]))
        let loss = m.input("loss", .seq(.seq([3])))
        let tanh = m.instance("tanh", of: .library("GRV"), 3, 3)
        let other = m.instance("other", of: .imported("A", from: "a\"b.rnn"))
        var (size, number): (Size, Value) = (1, 1)
        for _ in 0..<100_000 {
          size = size + 1
          number = -number
        }
        let W = m.param("W", [size], .zeros)
        m.output("input", tanh(x) + other["a b"] + W * number)
        m.output((x + loss).named("3"))
        x.next = loss
        m.loss((x * loss).next)
      })
    let expected = [
      "'x y' cannot be the name of an input", "'loss' cannot be the name of an input",
      "a sequence cannot hold sequences", "an instance cannot have the name of the function 'tanh'",
      "the standard library has no cell 'GRV'\nnote: did you mean 'GRU'?", "a path to import cannot hold",
      "a size is computed of numbers in too many steps", "a number is computed of numbers in too many steps",
      "'a b' cannot be the name of a parameter or state", "'input' cannot be the name of an output",
      "'3' cannot be the name of a value", "only a state has a next value",
    ]
    for part in expected { #expect(text.contains(part), "\(part) is not in:\n\(text)") }
  }

  @Test func cellsInsideOfEachOtherAreCounted() {
    func model(_ count: Int) -> Model {
      var cell = Cell("C") { c in c.output(c.input("x", [2])) }
      for _ in 1..<count {
        let inner = cell
        cell = Cell("C") { c in c.output(c.instance("c", of: inner)(c.input("x", [2]))) }
      }
      return Model("M") { m in m.output(m.instance("c", of: cell)(m.input("x", .seq([2])))) }
    }
    #expect(message(model(127)) == "no error")
    for count in [128, 3000] { #expect(message(model(count)).contains("too deeply"), "\(count)") }
  }

  @Test func finalStatesAreThoseOfTheLatestApplication() {
    func model(_ isLate: Bool) -> Model {
      Model("M") { m in
        let x = m.input("x", .seq([2]))
        let r = m.instance("r", of: .library("RNN"), 2, 2)
        let q = m.instance("q", of: .library("RNN"), 2, 2)
        let first = r(x)
        let final = r.final
        let second = isLate ? r(first) : first
        m.output(q(second, from: final, fileID: "App/M.swift", line: 9))
      }
    }
    #expect(message(model(false)) == "no error")
    let text = message(model(true))
    #expect(text.contains("the final states of 'r' are used after a further application of it"), "\(text)")
    #expect(text.contains("made at App/M.swift:9"), "\(text)")
  }
}
