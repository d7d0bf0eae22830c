import Foundation
import RNNCompiler
import Testing

@testable import RNNCompiler

@Suite("Programs")
struct ProgramTests {
  let program: Program
  let tensors: [String: Tensor]

  init() throws {
    program = try Compiler(CompileOptions(threads: 2)).compile(source: smallModel, batch: 3)
    tensors = try program.randomTensors(steps: 4, seed: 0)
  }

  @Test func everyStageIsText() throws {
    #expect(program.syntax.contains("model Small"))
    #expect(program.graph.hasPrefix("graph \"Small\""))
    #expect(try program.gradientGraph.contains("gradient \"grad.rnn.W\""))
    #expect(try program.optimizedGraph.contains("update \"rnn.W\""))
    #expect(try program.plan.contains("loop t0 up to T"))
    #expect(try program.llvmIR.contains("define void @rnnc_Small"))
    #expect(try program.assembly.contains("rnnc_Small"))
    let dot = try program.artifact(.dot, for: .inference)
    #expect(String(decoding: dot, as: UTF8.self).hasPrefix("digraph"))
    let object = try program.artifact(.object, for: .inference)
    #expect(object.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
  }

  @Test func targetsAndStatesMayBeLeftOut() throws {
    var given = tensors
    given["next"] = nil
    given["rnn.h"] = nil
    let results = try program.run(given)
    #expect(results.keys.sorted() == ["output", "rnn.h"])
    given["rnn.h"] = Tensor(.f32, shape: [3, 6])
    #expect(try program.run(given) == results)
    #expect(try program.run(tensors)["loss"]?.shape == [])
  }

  @Test func finalStatesContinueASequence() throws {
    var given = tensors
    given["next"] = nil
    let whole = try program.run(given)
    let ids = try #require(tensors["text"]).values(as: Int32.self)
    given["text"] = Tensor(Array(ids[..<6]), shape: [2, 3])
    let first = try program.run(given)
    given["text"] = Tensor(Array(ids[6...]), shape: [2, 3])
    given["rnn.h"] = first["rnn.h"]
    let second = try program.run(given)
    let parts = try numbers(#require(first["output"])) + numbers(#require(second["output"]))
    for (a, b) in zip(parts, try numbers(#require(whole["output"]))) { #expect(abs(a - b) < 1e-6) }
  }

  struct Mistake: Sendable {
    let name: String
    let tensor: Tensor?
    let message: String
  }

  @Test(arguments: [
    Mistake(
      name: "rnn.W", tensor: nil,
      message: "the input has no tensor 'rnn.W', which the model needs as f32[18, 28]"),
    Mistake(
      name: "rnn.W", tensor: Tensor(.f32, shape: [28, 18]),
      message: "tensor 'rnn.W' is f32[28, 18], but the model wants f32[18, 28]"),
    Mistake(
      name: "text", tensor: Tensor(.i32, shape: [4, 2]),
      message: "tensor 'text' is i32[4, 2], but the model wants i32[T, 3]"),
    Mistake(
      name: "text", tensor: Tensor(.f32, shape: [4, 3]),
      message: "tensor 'text' is f32[4, 3], but the model wants i32[T, 3]"),
    Mistake(
      name: "text", tensor: Tensor(.i32, shape: [0, 3]),
      message: "tensor 'text' is i32[0, 3], but the model wants i32[T, 3]"),
    Mistake(
      name: "next", tensor: Tensor(.i32, shape: [5, 3]),
      message: "tensor 'next' is i32[5, 3], but the model wants i32[T, 3]"),
    Mistake(
      name: "next", tensor: Tensor([0, 1, 2, 3, 4, 28, 6, 7, 8, 9, 10, 11] as [Int32], shape: [4, 3]),
      message: "tensor 'next' holds token 28 at [1, 2], which is outside the vocabulary"),
    Mistake(
      name: "text", tensor: Tensor([0, 1, 2, -1, 4, 5, 6, 7, 8, 9, 10, 11] as [Int64], shape: [4, 3]),
      message: "tensor 'text' holds token -1 at [1, 0], which is outside the vocabulary"),
  ])
  func whatDoesNotFitIsNamed(_ mistake: Mistake) throws {
    var given = tensors
    given[mistake.name] = mistake.tensor
    let error = #expect(throws: InputError.self) { try program.run(given, gradients: true) }
    #expect(error?.message == mistake.message)
  }

  @Test func sizesComeFromTheVocabulary() throws {
    let corpus = try smallCorpus()
    let program = try Compiler().compile(source: smallModel, vocabulary: corpus.vocabulary)
    #expect(program.sizes == ["V": corpus.vocabulary.count, "H": 6])
    let larger = try Compiler().compile(source: smallModel, sizes: ["V": 99], vocabulary: corpus.vocabulary)
    #expect(larger.sizes["V"] == 99)
    let error = #expect(throws: DiagnosticError.self) {
      try Compiler().compile(source: smallModel, sizes: ["V": 5], vocabulary: corpus.vocabulary)
    }
    let diagnostic = error?.diagnostics.sorted.first
    #expect(diagnostic?.id == "vocabulary-size")
    #expect(diagnostic?.site?.text == "V")
  }

  @Test func importedFilesAreRemembered() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnc-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try "fn double(x) = x + x".write(
      to: folder.appendingPathComponent("part.rnn"), atomically: true, encoding: .utf8)
    let main = folder.appendingPathComponent("main.rnn")
    try "import \"part.rnn\"\nmodel M(I = 3) {\n  input x: [I]\n  output double(x)\n}\n".write(
      to: main, atomically: true, encoding: .utf8)
    let program = try Compiler().compile(contentsOf: main, batch: 1)
    try FileManager.default.removeItem(at: folder)
    let again = try Compiler().compile(program.source, sizes: program.sizes, batch: 1)
    #expect(again.graph == program.graph)
  }

  @Test func aModelWithoutLossHasNoGradient() throws {
    let program = try Compiler().compile(source: "model M(I = 3) {\n  input x: [I]\n  output tanh(x)\n}\n")
    let error = #expect(throws: InputError.self) { try program.gradientGraph }
    #expect(error?.message.contains("no loss") == true)
    #expect(program.mainPurpose == .inference)
  }

  @Test func everyErrorHasAnExitStatus() {
    let user = Failure(InputError("x is wrong", note: "try y"))
    #expect(user.exitStatus == 1 && user.text == "error: x is wrong\nnote: try y\n" && user.dump == nil)
    struct Unexpected: Error {}
    let fault = CompilerFault(
      stage: "plan", Unexpected(),
      source: ModelSource(name: "M", path: "m.rnn", text: "model M {}"), graph: "graph \"M\" {}")
    let bug = Failure(fault, command: ["rnnc", "compile"])
    #expect(bug.exitStatus == 70 && bug.text.contains("rnnc has a bug"))
    for part in ["rnnc compile", "plan", "model M {}", "graph \"M\" {}"] {
      #expect(bug.dump?.contains(part) == true)
    }
    #expect(Failure(Unexpected()).exitStatus == 70)
  }
}
