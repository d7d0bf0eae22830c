import Foundation
import RNNGraph
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

/// The programs of the folder Examples.
let examples: [String] = {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(Golden.repository)/Examples")) ?? []
  return names.filter { $0.hasSuffix(".rnn") }.sorted()
}()

private func example(_ name: String) throws -> SourceFile {
  try SourceFile(contentsOf: "\(Golden.repository)/Examples/\(name)")
}

struct LibraryTests {
  @Test func theLibraryHoldsTheCellsThatTheDesignNames() {
    let wanted = [
      "Embedding", "GRU", "GRUBefore", "LSTM", "LayerNorm", "LayerNormLSTM", "Linear", "MinimalGRU",
      "PeepholeLSTM",
      "RNN", "ReluRNN",
    ]
    #expect(Set(wanted).isSubset(of: StandardLibrary.names))
  }

  @Test(arguments: StandardLibrary.names)
  func everyFileIsRight(name: String) throws {
    let source = try #require(StandardLibrary.source(of: name))
    #expect(Frontend().check(source).diagnostics.rendered() == "")
    #expect(source.text.contains("\n\(StandardLibrary.functions.contains(name) ? "fn" : "cell") \(name)("))
    #expect(source.text.hasPrefix("//"))
  }

  @Test(arguments: examples)
  func everyExampleLowers(name: String) throws {
    let source = try example(name)
    #expect(Frontend().check(source).diagnostics.rendered() == "")
    let models = try Frontend().parse(source).declarations.compactMap { declaration -> String? in
      if case .unit(let unit) = declaration, unit.kind == .model { unit.name.text } else { nil }
    }
    #expect(!models.isEmpty)
    for model in models {
      for element in [ElementType.f32, .f64] {
        let lowered = try Frontend().lower(source, model: model, element: element)
        try lowered.graph.verify()
        let floats = lowered.graph.inputs.map { lowered.graph.type($0.value).element }.filter(\.isFloat)
        #expect(Set(floats) == [element])
        // A model with targets is there to be trained.
        let loss = lowered.graph.output(named: "loss").map { lowered.graph.type($0.value).isScalar }
        #expect(loss == (lowered.graph.inputs.contains { $0.role == .target } ? true : nil))
      }
    }
  }

  @Test(arguments: examples)
  func printedSyntaxParsesToItself(name: String) throws {
    let printed = try Frontend().parse(try example(name)).printed
    #expect(try Frontend().parse(SourceFile(name: name, text: printed)).printed == printed)
  }

  @Test(arguments: StandardLibrary.names)
  func printedLibraryParsesToItself(name: String) throws {
    let source = try #require(StandardLibrary.source(of: name))
    let printed = try Frontend().parse(source).printed
    #expect(try Frontend().parse(SourceFile(name: name, text: printed)).printed == printed)
  }
}

struct LoweringTests {
  private func lower(_ text: String, sizes: [String: Int] = [:], model: String? = nil) throws -> LoweredModel
  {
    try Frontend().lower(SourceFile(name: "a.rnn", text: text), model: model, sizes: sizes)
  }

  private func kinds(_ graph: Graph, in region: RegionID = .entry) -> [OperationKind] {
    graph[region].operations.map { graph[$0].kind }
  }

  @Test func tokenSizesNameTheInputsTheyBound() throws {
    let source = try example("time-machine-gru.rnn")
    let expected = [TokenSize(size: "V", inputs: ["text", "next"])]
    #expect(try Frontend().tokenSizes(of: source) == expected)
    let lowered = try Frontend().lower(source, sizes: ["V": 40])
    #expect(lowered.sizes == ["V": 40, "H": 256])
    #expect(lowered.graph.input(named: "text")?.idLimit == 40)
  }

  @Test func aCellWithStateBecomesALoopAndOneWithoutDoesNot() throws {
    let graph = try Frontend().lower(try example("deep-lstm.rnn")).graph
    var scans: [ScanAttributes] = []
    for case .scan(let scan) in kinds(graph) { scans.append(scan) }
    #expect(scans.map(\.carries) == [2, 2])
    #expect(scans.map(\.invariants) == [4, 4])
    #expect(scans.map(\.sequences) == [1, 1])
    // The output layer is one product over all steps.
    let products = kinds(graph).filter { if case .dot = $0 { true } else { false } }
    #expect(products.count == 1)
  }

  @Test func operationsKnowTheirPlace() throws {
    let graph = try lower(
      """
      model M(H = 2) {
          input x: [H]
          output tanh(x)
      }
      """
    ).graph
    #expect(graph[RegionID.entry].operations.map { graph[$0].site } == ["a.rnn:3:12"])
  }

  @Test func numbersTakeTheShapeOfWhatTheyMeet() throws {
    let graph = try lower(
      """
      model M(H = 2) {
          input x: seq [H]
          output 1 - x / H
      }
      """
    ).graph
    #expect(kinds(graph).allSatisfy { if case .broadcast = $0 { false } else { true } })
    #expect(graph.liveOperationCount == 4)
  }

  @Test func theLossIsAMeanOverStepsAndExamples() throws {
    func divisor(_ text: String) throws -> [Symbol]? {
      let graph = try lower(
        "model M(H = 2) {\n input x: seq [H], v: [H]\n param w: [H] = ones\n loss \(text)\n output x, v\n}"
      ).graph
      for case .size(let symbols, _) in kinds(graph) { return symbols }
      return nil
    }
    #expect(try divisor("sum(x)") == [.steps, .batch])
    #expect(try divisor("sum(v)") == [.batch])
    #expect(try divisor("total(sum(x))") == [.batch])
    #expect(try divisor("sum(w)") == nil)
  }

  @Test func productsOfEveryKindHaveTheRightShape() throws {
    let graph = try lower(
      """
      model M(A = 2, B = 3, C = 4) {
          param W: [A, B], V: [B, C], b: [B], k: [A] = zeros
          input x: seq [B], m: seq [B, C], n: seq [A, B]
          output a = W @ x, b1 = x @ V, c = W @ m, d = n @ V, e = n @ m, f = n @ x, g = x @ m, h = W @ V
          output i = n @ b, j = k @ n, l = W @ b, o = b @ V, p = W.T @ k, q = n.T @ k
      }
      """
    ).graph
    let shapes = graph.outputs.map { "\($0.name) \(graph.type($0.value))" }
    #expect(
      shapes == [
        "a f32[T, B, 2]", "b1 f32[T, B, 4]", "c f32[T, B, 2, 4]", "d f32[T, B, 2, 4]", "e f32[T, B, 2, 4]",
        "f f32[T, B, 2]", "g f32[T, B, 4]", "h f32[2, 4]", "i f32[T, B, 2]", "j f32[T, B, 3]", "l f32[2]",
        "o f32[4]", "p f32[3]", "q f32[T, B, 3]",
      ])
  }

  @Test func constantsAndParametersServeAsInputsAndStates() throws {
    let graph = try lower(
      """
      cell Count {
          input by: [], x: [2], c: [2]
          state n: [] = 1
          state s: [2]
          n' = n + by
          s' = s + x * c
          output a = n', b = s', c, d = 7
      }
      model M {
          input x: seq [2]
          param c: [2] = ones
          count = Count()
          n, s, k, l = count(2, x, c)
          step = Count()
          a, b, _, d = step(2, c, c)
          output n, s, k, l, a, b, d
      }
      """
    ).graph
    let shapes = graph.outputs.map { "\($0.name) \(graph.type($0.value))" }
    #expect(
      shapes == [
        "n f32[T, B]", "s f32[T, B, 2]", "k f32[T, B, 2]", "l f32[T, B]", "a f32[B]", "b f32[B, 2]",
        "d f32[B]",
        "count.n f32[B]", "count.s f32[B, 2]", "step.n f32[B]", "step.s f32[B, 2]",
      ])
  }

  @Test func aModelIsChosenByName() throws {
    let text = "model A {\n input x: []\n output x\n}\nmodel Bee {\n input x: [2]\n output x\n}"
    #expect(try lower(text, model: "Bee").graph.name == "Bee")
    #expect(throws: DiagnosticError.self) { try lower(text) }
    do {
      _ = try lower(text, model: "Bea")
      Issue.record("there is no such model")
    } catch let error as DiagnosticError {
      #expect(error.description == "error: 'a.rnn' has no model 'Bea'\nnote: did you mean 'Bee'?\n")
    }
    #expect(throws: DiagnosticError.self) { try lower("fn f(x) = x") }
  }

  @Test func functionsThatGrowWithoutEndAreRefused() throws {
    var text = "fn f0(x) = x + x\n"
    for level in 1...60 { text += "fn f\(level)(x) = f\(level - 1)(x) + f\(level - 1)(x)\n" }
    text += "fn g0(x) = x\n"
    for level in 1...60 { text += "fn g\(level)(x) = g\(level - 1)(g\(level - 1)(x))\n" }
    text += "cell A(H) {\n input x: []\n output g60(x)\n}\nmodel M {\n input x: []\n output f60(x)\n}"
    do {
      _ = try lower(text)
      Issue.record("the program is too large")
    } catch let error as DiagnosticError {
      #expect(error.diagnostics.sorted.map(\.id) == ["too-large", "too-large"])
    }
  }
}
