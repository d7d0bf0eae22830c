import RNNSupport
import Testing

struct DiagnosticTests {
  private func rendered(_ text: String, _ part: String) throws -> String {
    let source = SourceFile(name: "a.rnn", text: text)
    let range = try #require(text.range(of: part))
    let start = text.utf8.distance(from: text.startIndex, to: range.lowerBound)
    let site = SourceRange(source, from: start, to: start + part.utf8.count)
    return Diagnostic("id", "message", at: site).rendered()
  }

  @Test func tabsStayTabsInFrontOfTheUnderline() throws {
    #expect(
      try rendered("x\n\ty = wrong\n", "wrong")
        == "a.rnn:2:6: error: message\n    \ty = wrong\n    \t    ^~~~~\n")
  }

  @Test func wideCharactersTakeTwoColumns() throws {
    #expect(try rendered("漢é字 = z", "z") == "a.rnn:1:7: error: message\n    漢é字 = z\n            ^\n")
    #expect(try rendered("a 漢字", "漢字") == "a.rnn:1:3: error: message\n    a 漢字\n      ^~~~\n")
  }

  @Test func combiningMarksTakeNoColumn() throws {
    #expect(try rendered("e\u{301} = z", "z") == "a.rnn:1:5: error: message\n    e\u{301} = z\n        ^\n")
  }

  @Test func lineEndingsOfOtherSystemsAreNotShown() throws {
    #expect(try rendered("a\r\nb z\r\nc", "z") == "a.rnn:2:3: error: message\n    b z\n      ^\n")
  }

  @Test func aRangeOverLinesUnderlinesTheFirst() throws {
    #expect(try rendered("f(a,\n b)", "(a,\n b)") == "a.rnn:1:2: error: message\n    f(a,\n     ^~~\n")
  }

  @Test func theSameFaultOfAPlaceIsReportedOnceAndInOrder() {
    let source = SourceFile(name: "a.rnn", text: "a b c")
    func fault(_ id: String, _ offset: Int) -> Diagnostic {
      Diagnostic(id, "\(id) \(offset)", at: SourceRange(source, from: offset, to: offset + 1))
    }
    var set = DiagnosticSet()
    for diagnostic in [fault("x", 4), fault("x", 0), fault("y", 0), fault("x", 4)] { set.report(diagnostic) }
    set.report(Diagnostic("z", "without a place", at: nil, level: .warning))
    #expect(set.sorted.map(\.message) == ["without a place", "x 0", "y 0", "x 4"])
    #expect(set.hasErrors)
  }

  @Test(arguments: [
    ("sigmod", "sigmoid"), ("hiden", "hidden"), ("LSMT", "LSTM"), ("Tanh", "tanh"), ("h", nil),
    ("frobnicate", nil),
  ])
  func nearest(name: String, expected: String?) {
    #expect(nearestName(to: name, among: ["sigmoid", "hidden", "LSTM", "tanh", "x", "softmax"]) == expected)
  }

  @Test func filesThatCannotBeReadSayWhy() {
    #expect(throws: DiagnosticError.self) { try SourceFile(contentsOf: "/nonexistent/a.rnn") }
    do {
      _ = try SourceFile(contentsOf: "/")
    } catch {
      #expect(error.description == "error: cannot read '/': it is a folder\n")
    }
  }
}
