import RNNSupport
import Testing

@testable import RNNLanguage

/// How lines end, and what stands in front of a text, changes neither a program nor the places of its faults.
struct LineTests {
  private static let main = """
    import "cells.rnn" // a comment
    model M(H = 2) {
        input x: seq [H]
        e = Echo(H); output e(x)
          + x
    }

    """
  private static let cells =
    "// cells\ncell Echo(H) {\n    input x: [H]\n    state h: [H]\n    h' = x\n    output h\n}\n"

  private static let forms: [@Sendable (String) -> String] = [
    { "\u{FEFF}" + $0 },
    { $0.replacing("\n", with: "\r\n") },
    { $0.replacing("\n", with: "\r") },
    { "\u{FEFF}" + String($0.dropLast()).replacing("\n", with: "\r\n") },
    { String($0.dropLast()).replacing("\n", with: "\r") },
  ]

  private func frontend(_ form: @escaping @Sendable (String) -> String, _ cells: String = Self.cells)
    -> Frontend
  {
    Frontend(
      loader: SourceLoader { path throws(DiagnosticError) in SourceFile(name: path, text: form(cells)) })
  }

  @Test(arguments: 0..<5)
  func programs(_ number: Int) throws {
    let form = Self.forms[number]
    let expected = try frontend { $0 }.lower(SourceFile(name: "a.rnn", text: Self.main)).graph.description
    let found = try frontend(form).lower(SourceFile(name: "a.rnn", text: form(Self.main))).graph.description
    #expect(found == expected)
  }

  @Test(arguments: 0..<5)
  func places(_ number: Int) {
    let form = Self.forms[number]
    let text = Self.main.replacing("+ x", with: "+ y")
    let cells = Self.cells.replacing("h' = x", with: "h' = * x")
    let expected = frontend({ $0 }, cells).check(SourceFile(name: "a.rnn", text: text)).diagnostics.rendered()
    #expect(expected.contains("a.rnn:5:9: error") && expected.contains("cells.rnn:5:10: error"))
    let found = frontend(form, cells).check(SourceFile(name: "a.rnn", text: form(text))).diagnostics
      .rendered()
    #expect(found == expected)
  }
}
