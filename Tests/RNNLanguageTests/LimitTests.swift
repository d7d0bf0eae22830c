import RNNSupport
import Testing

@testable import RNNLanguage

/// What is far too much ends with a message of bounded length.
struct LimitTests {
  private func messages(_ text: String, _ frontend: Frontend = Frontend()) -> String {
    frontend.check(SourceFile(name: "a.rnn", text: text)).diagnostics.rendered()
  }

  /// Cells that hold each other in a row, the innermost first or last.
  private func row(_ count: Int, innermostFirst: Bool) -> String {
    var cells = ["cell C0 {\n input x: []\n output x\n}"]
    for i in 1..<count {
      cells.append("cell C\(i) {\n c = C\(i - 1)()\n input x: []\n output c(x)\n}")
    }
    if !innermostFirst { cells.reverse() }
    return cells.joined(separator: "\n")
  }

  @Test(arguments: [true, false])
  func cellsInsideOfEachOther(innermostFirst: Bool) throws {
    let text = row(3000, innermostFirst: innermostFirst)
    let found = messages(text)
    #expect(found.contains("holds cells inside of each other too deeply"))
    #expect(found.contains("at most 128 levels fit"))
    #expect(found.count < 400, "\(found)")
    let model = "\nmodel M {\n input x: seq []\n c = C\(126)()\n output c(x)\n}"
    #expect(messages(row(127, innermostFirst: innermostFirst) + model) == "")
    _ = try Frontend().lower(
      SourceFile(name: "a.rnn", text: row(127, innermostFirst: innermostFirst) + model))
    #expect(messages(row(128, innermostFirst: innermostFirst)) == "")
    #expect(messages(row(129, innermostFirst: innermostFirst)).contains("too deeply"))
  }

  /// Functions that call each other in a row, each in `count` levels of an expression.
  private func functions(_ count: Int, levels: Int) -> String {
    var lines = ["fn f0(x) = x"]
    let (open, close) = (String(repeating: "tanh(", count: levels), String(repeating: ")", count: levels))
    for i in 1..<count { lines.append("fn f\(i)(x) = \(open)f\(i - 1)(x)\(close)") }
    return lines.joined(separator: "\n") + "\ncell C(H = 2) {\n input x: [H]\n output f\(count - 1)(x)\n}"
  }

  @Test func functionsThatCallEachOther() {
    for text in [functions(4_000, levels: 0), functions(200, levels: 100)] {
      let found = messages(text)
      #expect(found.contains("error: the expression is nested too deeply"))
      #expect(found.contains("512 with functions written out") && found.count < 500, "\(found)")
    }
    #expect(messages(functions(100, levels: 3)) == "")
  }

  @Test func aFunctionThatCallsItselfOverManyOthers() {
    var lines = (0..<4_000).map { "fn f\($0)(x) = f\(($0 + 1) % 4_000)(x)" }
    lines.append("fn g(x) = f7(x)")
    let found = messages(lines.joined(separator: "\n"))
    #expect(found.contains("function 'f0' calls itself"))
    #expect(found.components(separatedBy: "error:").count == 2 && found.count < 2000, "\(found.prefix(2000))")
  }

  @Test func filesThatImportEachOther() {
    let loader = SourceLoader { path throws(DiagnosticError) in
      let number = Int(path.drop { !$0.isNumber }) ?? 0
      return SourceFile(
        name: path, text: "import \"f\(number + 1)\"\ncell C\(number)(H) {\n input x: [H]\n output x\n}")
    }
    let found = messages("import \"f1\"", Frontend(loader: loader))
    #expect(found.contains("files import each other in too long a row"))
    #expect(found.components(separatedBy: "error:").count == 2, "\(found)")
  }

  @Test func manyErrors() {
    let lines = (0..<10_000).map { " v\($0) = unknown\($0) + x" }
    let found = messages("cell C(H) {\n input x: [H]\n\(lines.joined(separator: "\n"))\n output x\n}")
    #expect(found.components(separatedBy: "error:").count == 101)
    #expect(found.hasSuffix("and 9900 more errors\n"))
    #expect(found.utf8.count < 40_000)
  }

  @Test func manyErrorsInALine() {
    let found = messages(String(repeating: "cell C { ", count: 2000))
    #expect(found.utf8.count < 100_000 && found.hasSuffix("more errors\n"), "\(found.suffix(200))")
  }

  @Test func longWords() {
    for word in [String(repeating: "a", count: 100_000), String(repeating: "漢", count: 100_000)] {
      let found = messages("cell C(H) {\n input x: [H]\n output \(word) + \(word)(x)\n}\n\(word)")
      #expect(found.contains("…") && found.utf8.count < 10_000, "\(found.utf8.count)")
    }
  }

  @Test func manyWarnings() {
    let lines = (0..<300).map { " v\($0) = x" }
    let found = messages("cell C(H) {\n input x: [H]\n\(lines.joined(separator: "\n"))\n output x\n}")
    #expect(found.hasSuffix("and 200 more warnings\n"))
  }

  @Test func manyFaultyStates() {
    let lines = (0..<2_000).map { " s\($0)' = t\($0)' + s\(1_999 - $0)'" }
    let states = (0..<2_000).map { " state s\($0): [H]" }
    let found = messages(
      "cell C(H) {\n input x: [H]\n\((states + lines).joined(separator: "\n"))\n output x\n}")
    #expect(found.contains("'t0' is not a state") && found.contains("more errors"))
  }
}
