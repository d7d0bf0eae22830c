import RNNSupport

// What is wrong with the value of a constant.
extension Diagnostic {
  static func textAsValue(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-a-value", "a text is no value", at: site,
      notes: [
        Note("texts name files: import \"cells.rnn\", const mean: [D] = file(\"mean.safetensors\", \"mean\")")
      ])
  }

  static func notAFormula(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "not-a-formula", "expected a formula for each element", at: site,
      notes: [
        Note(
          "it is made of numbers, sizes, indices, elements of other constants, + - * /, comparisons, where,"
            + " and functions of numbers")
      ])
  }

  static func notElementwise(_ name: Name) -> Diagnostic {
    Diagnostic(
      "not-a-formula", "'\(name.text)' does not compute element by element", at: name.range,
      notes: [
        Note("the formula of a constant gives an element from its place; compute with the constant instead")
      ])
  }

  static func notKnownWhenCompiling(_ name: String, at site: SourceRange, declaredAt: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      "not-constant", "'\(name)' is not known when compiling", at: site,
      notes: [
        Note("it is defined here", at: declaredAt),
        Note("a constant is made of numbers, sizes, its indices and other constants"),
      ])
  }

  static func indexCountOfElement(_ name: String, _ shape: [Int], at site: SourceRange) -> Diagnostic {
    let places = Array(repeating: "[i]", count: shape.count).joined()
    return Diagnostic(
      "index-count", "expected an element of '\(name)', which is \(shape.bracketed)", at: site,
      notes: [Note("it is written \(name)\(places)")])
  }

  static func listExpected(_ shape: [Int], at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "list-count", "expected \(counted(shape[0], "number")) in parentheses", at: site,
      notes: [Note("a matrix is a list of its rows: ((1, 2), (3, 4))")])
  }

  static func listCount(_ found: Int, _ expected: Int, at site: SourceRange) -> Diagnostic {
    Diagnostic("list-count", "\(counted(found, "value")) for an axis of \(expected)", at: site)
  }

  static func elementOfList(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "list-count", "expected a number", at: site, notes: [Note("an element of a list has no index")])
  }

  static func badDraw(_ name: String, at site: SourceRange) -> Diagnostic {
    let form = name == "orthogonal" ? "orthogonal(seed: 3)" : "\(name)(0.1, seed: 3)"
    let whole = name == "uniform" ? ", or uniform(seed: 3) between 0 and 1" : ""
    return Diagnostic(
      "bad-draw", "a draw of a constant is written \(form)\(whole)", at: site,
      notes: [Note("the numbers are the same in each run: they follow from the seed")])
  }

  static func badSeed(at site: SourceRange) -> Diagnostic {
    Diagnostic("bad-draw", "a seed is a whole number from 0 on", at: site)
  }

  static func badScale(_ name: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "bad-draw", "\(name == "uniform" ? "the bound" : "the deviation") is a number of at least 0", at: site,
      notes: [Note("it is the same for all elements; to scale each, multiply: \(name)(1, seed: 3) * (i + 1)")]
    )
  }

  static func badFile(at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "bad-file", "a tensor of a file is written file(\"mean.safetensors\", \"mean\")", at: site,
      notes: [Note("the path is relative to the folder of this file; the second text is the tensor's name")])
  }

  static func unreadableTensor(_ message: String, at site: SourceRange) -> Diagnostic {
    Diagnostic(
      "bad-file", message, at: site, notes: [Note("a path is relative to the folder of this file")])
  }
}
