import RNNCompiler
import Testing

/// Warnings of what training cannot learn, where the user's source says it.
struct CheckTests {
  /// The messages about a model with the lines, which has the input `x` and the target `next`.
  private func messages(_ lines: String, cells: String = "") throws -> String {
    try Compiler().check(
      source: """
        model M(V = 8, H = 4) {
            input x: seq [V]
            target next: seq token(V)
            rnn = RNN(V, H)
            out = Linear(H, V)
        \(lines)
        }
        \(cells)
        """
    ).diagnostics.rendered()
  }

  @Test func anArgmaxInTheWay() throws {
    let found = try messages(
      """
          y = out(onehot(argmax(rnn(x))))
          output y
          loss cross_entropy(y, next)
      """)
    #expect(
      found == """
        model:4:5: warning: the gradient of cell 'rnn' is always zero: training does not change it
                rnn = RNN(V, H)
                ^~~
        model:6:20: note: no gradient flows through this
                y = out(onehot(argmax(rnn(x))))
                               ^~~~~~~~~~~~~~

        """)
  }

  @Test func aThresholdAndASignInACell() throws {
    let cell = """
      cell Gate(H) {
          param threshold, slope, w: [H] = zeros
          input x: [H]
          output where(x > threshold, w * x, sign(slope))
      }
      """
    let warnings = try messages(
      """
          gate = Gate(V)
          y = out(rnn(x) + gate(x)[:H])
          output y
          loss cross_entropy(y, next)
      """, cells: cell)
    for part in [
      "model:12:11: warning: the gradient of parameter 'gate.threshold'", "model:14:18: note: no gradient",
      "model:12:22: warning: the gradient of parameter 'gate.slope'", "model:14:40: note: no gradient",
    ] {
      #expect(warnings.contains(part), "\(warnings)")
    }
    #expect(!warnings.contains("gate.w"))
  }

  @Test func aCellOutsideOfTheLoss() throws {
    let found = try messages(
      """
          other = Linear(H, V)
          y = out(rnn(x))
          output y, also = other(rnn(x))
          loss cross_entropy(y, next)
      """)
    #expect(found.contains("model:6:5: warning: the loss does not depend on cell 'other'"), "\(found)")
    #expect(found.components(separatedBy: "warning:").count == 2, "\(found)")
  }

  @Test(arguments: [
    ("s * cross_entropy(y, next)", "small"), ("square(s) * cross_entropy(y, next)", "small"),
    ("abs(s) * total(cross_entropy(y, next))", "small"),
    ("cross_entropy(y, next) / exp(1) / square(s)", "large"),
    ("cross_entropy(y, next) + 0.1 * square(s)", "small"),
  ])
  func aParameterThatOnlyScalesTheLoss(_ loss: String, _ size: String) throws {
    let found = try messages(
      """
          param s: [] = 1
          y = out(rnn(x))
          output y
          loss \(loss)
      """)
    let message = "model:6:11: warning: parameter 's' only scales the loss: training makes it \(size)"
    #expect(found.contains(message), "\(found)")
    #expect(found.components(separatedBy: "warning:").count == 2, "\(found)")
  }

  /// A weight of the loss that is learned with its logarithm has a best value: Kendall et al. 2018.
  @Test(arguments: [
    "cross_entropy(y, next) * exp(-s) + s", "cross_entropy(y, next) / square(s) + log(square(s))",
    "cross_entropy(s * y, next)", "cross_entropy(y, next) + square(s - 1)",
  ])
  func aParameterWithABestValue(_ loss: String) throws {
    let found = try messages(
      """
          param s: [] = 1
          y = out(rnn(x))
          output y
          loss \(loss)
      """)
    #expect(found == "")
  }

  @Test(arguments: examples)
  func examplesCanBeTrained(_ example: Example) throws {
    let report = try Compiler().check(contentsOfFile: example.path, model: example.model)
    #expect(report.diagnostics.rendered() == "" && report.hasModel)
  }

  @Test func whatAFileHolds() throws {
    #expect(try Compiler().check(source: "// nothing").contents == "no model, no cell, no function")
    let report = try Compiler().check(
      source: "cell A(H) {\n input x: [H]\n output f(x)\n}\nfn f(x) = x\nfn g(x) = x\n")
    #expect(report.contents == "no model, 1 cell (A), 2 functions (f, g)" && !report.hasModel)
  }
}
