import Foundation
import RNNGraph
import RNNPasses
import RNNTestSupport
import Testing

@testable import RNNCompiler

@Suite("A graph is a program")
struct GraphProgramTests {
  private func compile(_ text: String, _ options: CompileOptions = CompileOptions(threads: 1), batch: Int = 3)
    throws -> Program
  {
    try Compiler(options).compile(source: text, name: "g.graph", batch: batch)
  }

  /// The same graphs become the same code.
  @Test(arguments: examples)
  func aPrintedExampleIsTheExample(_ example: Example) throws {
    let source = try Compiler().compileForGradientCheck(
      contentsOfFile: example.path, model: example.model, batch: 4)
    let graph = try compile(source.graph, batch: 4)
    #expect(graph.options.elementType == .f64)
    #expect(graph.mainPurpose == source.mainPurpose)
    #expect(graph.graph == source.graph)
    for purpose in [.inference, .evaluation, .gradients, source.mainPurpose] as [Purpose] {
      let wanted = Result { try source.compilation(for: purpose).graph }
      let found = Result { try graph.compilation(for: purpose).graph }
      switch (wanted, found) {
      case (.success(let a), .success(let b)): #expect(structurallyEqual(a, b), "\(purpose.name)")
      case (.failure(let a), .failure(let b)): #expect("\(a)" == "\(b)")
      default: Issue.record("\(purpose.name): \(wanted) and \(found)")
      }
    }
  }

  /// Draws are made in training, are their mean elsewhere, and a checkpoint holds the graph.
  @Test func aGraphTrainsAsItsSourceDoes() throws {
    let corpus = try smallCorpus()
    let options = TrainingOptions(
      epochs: 1, batchSize: 4, steps: 7, optimization: OptimizationOptions(learningRate: 0.5, clipNorm: 1))
    func run(_ text: String) throws -> TrainingRun {
      try TrainingRun(
        Compiler(CompileOptions(threads: 1)).compile(source: text, batch: 4, vocabulary: corpus.vocabulary),
        corpus: corpus, options: options)
    }
    let source = try run(TrainingTests.modelWithDropout)
    let text = source.trainer.program.graph
    #expect(text.contains("random %") && text.contains("loss \"loss\" over(T, B)"))
    let graph = try run(text)
    #expect(try source.run())
    #expect(try graph.run())
    let (expected, found) = (source.checkpoint(), graph.checkpoint())
    #expect(found.parameters == expected.parameters && found.metadata.position == expected.metadata.position)
    let data = try source.trainer.program.randomTensors(steps: 5, seed: 1)
    let results = try [source, graph].map { try $0.trainer.program.run(data) }
    #expect(results[0] == results[1] && results[0]["loss"] != nil)
    let again = try Compiler().compile(found.metadata.model, sizes: found.metadata.sizes, batch: 4)
    #expect(again.graph == text)
    let resumed = try run(text)
    try resumed.resume(found, origin: "the checkpoint")
    #expect(resumed.isComplete)
    let error = #expect(throws: InputError.self) {
      try graph.trainer.program.stateDictionary(of: found.parameters)
    }
    #expect(error?.message == "graph 'Small' does not say what PyTorch calls its parameters")
  }

  @Test func anImportedGraphRuns() throws {
    let builder = GraphBuilder(Graph(name: "imported"))
    let x = builder.graph.addInput("x", role: .data, TensorType(.f32, [.steps, .batch, 2]))
    let w = builder.graph.addInput("w", role: .parameter(.uniform(bound: 1)), TensorType(.f32, [3, 2]))
    let y = builder.dot(x, w, DotAxes(lhsContracting: [2], rhsContracting: [1]))
    let sum = builder.reduce(.sum, builder.multiply(y, y), axes: [0, 1, 2])
    builder.graph.addOutput("y", role: .output, y)
    builder.graph.addOutput("loss", role: .loss, sum)
    let program = try Program(graph: builder.graph, options: CompileOptions(threads: 1), batch: 2)
    let trainer = try Trainer(program, optimizer: .sgd(learningRate: 0.01), seed: 1)
    let data = try program.randomTensors(steps: 3, seed: 2)
    let losses = try (0..<5).map { _ in try trainer.step(["x": data["x"]!], startsAfresh: true).loss }
    #expect(losses == losses.sorted(by: >) && losses[4] < losses[0])
  }

  /// A graph of derivatives or of a whole step does what it says.
  @Test func aFinishedGraphRunsAsItStands() throws {
    let model = "model M { param w: [2] = zeros\n input x: [2]\n loss sum(tanh(w * x)) }"
    let program = try Compiler(CompileOptions(threads: 1)).compile(source: model, batch: 3)
    let data = try program.randomTensors(steps: 1, seed: 4)
    let expected = try program.run(data, gradients: true)
    let found = try compile(program.gradientGraph).run(data)
    #expect(found == expected && found["grad.w"] != nil)
    let step = try compile(program.optimizedGraph)
    #expect(step.mainPurpose == .evaluation)
    let rates = [
      "learning_rate": Tensor([Float(1)], shape: []), "clip_norm": Tensor([Float(1e9)], shape: []),
    ]
    let next = try step.run(data.merging(rates) { $1 })
    let (w, gradient) = (try numbers(data["w"]!), try numbers(expected["grad.w"]!))
    for (a, b) in try zip(numbers(try #require(next["w"])), zip(w, gradient).map(-)) {
      #expect(abs(a - b) < 1e-6)
    }
    let error = #expect(throws: InputError.self) { try Trainer(compile(program.gradientGraph)) }
    #expect(error?.message == "graph 'M' has the gradient 'grad.x', so it is differentiated already")
  }

  @Test func theGraphOfABugReportIsRead() throws {
    let graph = try Compiler().compile(source: smallModel).graph
    let fault = CompilerFault(
      stage: "plan", InputError("it broke"), source: ModelSource(name: "M", path: "m.rnn", text: "model"),
      graph: graph)
    let dump = try #require(Failure(fault).dump)
    let program = try Compiler().compile(source: dump, name: "rnnc-bug-1.txt")
    #expect(program.graph == graph)
    let broken = dump.replacing("} \n", with: "").replacing("softmax", with: "").replacing(
      "= dot", with: "= dott")
    let line = broken.prefix { _ in true }.split(separator: "\n", omittingEmptySubsequences: false)
      .firstIndex { $0.contains("= dott") }.map { $0 + 1 }
    let error = #expect(throws: DiagnosticError.self) { try Compiler().compile(source: broken, name: "r") }
    #expect(error?.description.hasPrefix("r:\(line ?? 0):") == true, "\(String(describing: error))")
  }

  /// What cannot be computed, or could be read outside of a tensor, is refused with a way out.
  @Test(arguments: [
    ("%0 = data \"x\" : f32[B", "expected ',', found '}'", "g.graph:1:35"),
    ("%0 = data \"x\" : f32[B] %1 = add %0, %0 : f32[]", "'g.graph' is not a valid graph", "docs/ir.md"),
    ("%0 = data \"x\" : f32[0] output \"y\" = %0", "f32[0], which has no elements", "extents are 1"),
    (
      "%0 = parameter \"w\" constant(0) : f32[B] output \"y\" = %0", "parameter 'w' is f32[B]",
      "give it numbers"
    ),
    ("%0 = state \"h\" : f32[T, B] output \"y\" = %0", "state 'h' is f32[T, B]", "call it data"),
    ("%0 = data \"x\" : f32[] loss \"l\" = %0", "is called 'l'", "its name is 'loss'"),
    (
      "%0 = data \"t\" : f32[8, 2] %1 = data \"x\" : i32[B] %2 = gather %0, %1 : f32[B, 2] output \"y\" = %2",
      "ids that 'gather' reads in graph 'g' are not known to be below 8", "data \"x\" below(8) : i32[B]"
    ),
    (
      "%0 = data \"t\" : f32[8, 2] %1 = data \"x\" below(9) : i32[B] %2 = gather %0, %1 : f32[B, 2] output \"y\" = %2",
      "not known to be below 8", "below(8)"
    ),
    (
      "%0 = data \"t\" : f32[T, 2] %1 = data \"x\" below(1) : i32[B] %2 = gather %0, %1 : f32[B, 2] output \"y\" = %2",
      "not known to be below T", "a number of rows"
    ),
    (
      "%0 = data \"x\" below(8) : i32[B] %1 = constant 8 : i32[B] update \"y\" of \"x\" = %1",
      "updates 'x', which holds whole numbers", "make the next ones an output"
    ),
    (
      "%0 = data \"x\" : f32[T, B] %1 = data \"n\" : i32[B] %2 = reverse_prefix %0, %1 axis(0) : f32[T, B] output \"y\" = %2",
      "lengths that 'reverse_prefix' reads", "lengths \"x.lengths\" of(T) : i32[B]"
    ),
    (
      """
      %0 = data "x" : f32[T, B] scan N segments(T, K, L) { sequence %1 = %0 : f32[L, B] yield }
      output "y" = %0
      """, "computes its steps T in segments", "without --memory-limit"
    ),
  ])
  func whatCannotRunIsRefused(_ body: String, message: String, note: String) throws {
    do {
      _ = try compile("graph \"g\" { \(body) }")
      Issue.record("compiled")
    } catch {
      let text = Failure(error).text
      #expect(Failure(error).exitStatus == 1 && text.contains(message) && text.contains(note), "\(text)")
    }
  }

  @Test func idsAreKnownOnTheirWay() throws {
    let graph = """
      graph "g" {
        %0 = data "t" : f32[8, 2]
        %1 = data "x" below(8) : i32[T, B]
        %2 = reverse %1 axis(0) : i32[T, B]
        %3 = constant 7 : i32[B]
        %4, %5 = scan T : i32[B], f32[T, B, 2] {
          invariant %6 = %0 : f32[8, 2]
          carry %7 = %3 : i32[B]
          sequence %8 = %2 : i32[B]
          %9 = gather %6, %7 : f32[B, 2]
          yield %8, %9
        }
        output "y" = %5
      }
      """
    #expect(
      try compile(graph).run(["t": Tensor(.f32, shape: [8, 2]), "x": Tensor(.i32, shape: [2, 3])])["y"] != nil
    )
    for wrong in [graph.replacing("below(8)", with: ""), graph.replacing("constant 7", with: "constant 8")] {
      #expect(throws: InputError.self) { try compile(wrong) }
    }
  }

  /// The ids are `%3`, which are made of ids `%1` below 8 and numbers `%2`; the table has 8 rows.
  @Test(arguments: [
    ("%3 = convert %2 : i32[T, B]", false),
    ("%4 = convert %1 : f32[T, B] %3 = convert %4 : i32[T, B]", true),
    // What is no number becomes 0, wherever a minimum or a maximum lets it through.
    (
      "%4 = constant 7.5 : f32[T, B] %5 = minimum %2, %4 : f32[T, B] %6 = constant 0 : f32[T, B] "
        + "%7 = maximum %6, %5 : f32[T, B] %3 = convert %7 : i32[T, B]", true
    ),
    ("%4 = constant 7 : f32[T, B] %5 = minimum %2, %4 : f32[T, B] %3 = convert %5 : i32[T, B]", false),
    (
      "%4 = constant 8 : f32[T, B] %5 = minimum %2, %4 : f32[T, B] %6 = constant 0 : f32[T, B] "
        + "%7 = maximum %6, %5 : f32[T, B] %3 = convert %7 : i32[T, B]", false
    ),
    (
      "%4 = constant 3 : f32[T, B] %5 = minimum %4, %2 : f32[T, B] %6 = constant 0 : f32[T, B] "
        + "%7 = maximum %6, %5 : f32[T, B] %8 = constant 9 : f32[T, B] %9 = minimum %7, %8 : f32[T, B] "
        + "%3 = convert %9 : i32[T, B]", false
    ),
    // The place of the least element along an axis of 8, and along one of unknown extent.
    (
      "%4 = iota : f32[8] %5 = broadcast %4 axes(2) : f32[T, B, 8] %6 = reduce_minimum %5 axes(2) : f32[T, B] "
        + "%3 = convert %6 : i32[T, B]", true
    ),
    (
      "%4 = one_hot %1 extent(8) : f32[T, B, 8] %5 = reduce_minimum %4 axes(0) : f32[B, 8] "
        + "%6 = slice %5 axis(1) front(0) count(1) : f32[B, 1] %7 = reshape %6 : f32[B] "
        + "%8 = broadcast %7 axes(1) : f32[T, B] %3 = convert %8 : i32[T, B]", false
    ),
    (
      "%4 = table (7, 0, 3) : f32[3] %5 = convert %4 : i32[3] %6 = slice %5 axis(0) front(0) count(1) : i32[1] "
        + "%7 = reshape %6 : i32[] %3 = broadcast %7 axes() : i32[T, B]", true
    ),
    (
      "%4 = table (7, 8, 3) : f32[3] %5 = convert %4 : i32[3] %6 = slice %5 axis(0) front(0) count(1) : i32[1] "
        + "%7 = reshape %6 : i32[] %3 = broadcast %7 axes() : i32[T, B]", false
    ),
    ("%4 = less %2, %2 : bool[T, B] %5 = constant 7 : i32[T, B] %3 = select %4, %1, %5 : i32[T, B]", true),
    ("%4 = less %2, %2 : bool[T, B] %5 = constant 8 : i32[T, B] %3 = select %4, %1, %5 : i32[T, B]", false),
    ("%4 = less %2, %2 : bool[T, B] %5 = constant -1 : i32[T, B] %3 = select %4, %5, %1 : i32[T, B]", false),
    // Rounding to f32 may go up.
    ("%4 = constant 7.99999999 : f32[T, B] %3 = convert %4 : i32[T, B]", false),
    // One carry hands on what another one was; the ids are the second one's.
    (
      """
      %4 = constant 0 : i32[B] %5 = constant 0 : f32[B]
      %6, %7, %8, %3 = scan T : i32[B], i32[B], f32[B], i32[T, B] {
        carry %9 = %4 : i32[B] carry %10 = %4 : i32[B] carry %11 = %5 : f32[B]
        sequence %12 = %1 : i32[B] sequence %13 = %2 : f32[B]
        %14 = add %11, %13 : f32[B]
        yield %12, %9, %14, %10
      }
      """, true
    ),
    (
      """
      %4 = constant 0 : i32[B]
      %6, %7, %3 = scan T : i32[B], i32[B], i32[T, B] {
        carry %9 = %4 : i32[B] carry %10 = %4 : i32[B] sequence %13 = %2 : f32[B]
        %14 = convert %13 : i32[B]
        yield %14, %9, %10
      }
      """, false
    ),
  ])
  func whatIdsCanBe(_ body: String, areInside: Bool) throws {
    let text = """
      graph "g" { %0 = data "t" : f32[8, 2] %1 = data "x" below(8) : i32[T, B] %2 = data "y" : f32[T, B]
        \(body) %99 = gather %0, %3 : f32[T, B, 2] output "y" = %99 }
      """
    if areInside {
      let program = try compile(text)
      let data = try program.randomTensors(steps: 5, seed: 1)
      #expect(try program.run(data)["y"]?.shape == [5, 3, 2])
    } else {
      let error = #expect(throws: InputError.self) { try compile(text) }
      #expect(error?.message.contains("not known to be below 8") == true, "\(String(describing: error))")
    }
  }

  @Test func sizesAndNamesOfAGraphAreFixed() throws {
    let text = try Compiler().compile(source: smallModel).graph
    let error = #expect(throws: InputError.self) {
      try Compiler().compile(source: text, name: "g", sizes: ["H": 3])
    }
    #expect(error?.notes.first?.contains("rnnc compile MODEL --set H=3 --emit graph") == true)
    #expect(throws: InputError.self) { try Compiler().compile(source: text, model: "Other") }
    #expect(throws: DiagnosticError.self) { try Compiler().compile(source: text, ragged: ["T"]) }
    let report = try Compiler().check(source: text)
    #expect(report.hasModel && report.diagnostics.isEmpty)
  }

  @Test func lengthsOfAGraphMayBeMissing() throws {
    let source = try Compiler(CompileOptions(threads: 1)).compile(source: smallModel, batch: 2, ragged: ["T"])
    let graph = try compile(source.graph, batch: 2)
    #expect(graph.ragged == ["T"])
    var data = try source.randomTensors(steps: 4, seed: 3)
    #expect(try graph.run(data) == source.run(data))
    data["text.lengths"] = nil
    #expect(try graph.run(data)["loss"] != nil)
  }

  /// Whatever the text, a program or an error for the user comes of it, and what compiles is planned.
  @Test(arguments: TestGroup.texts.seeds(20, core: 2))
  func damagedGraphsDoNotTrap(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let texts = [
      RandomGraph(seed: seed, .init(element: .f32, hasLoss: true)).graph.description,
      try Compiler().compile(source: TrainingTests.modelWithDropout).graph,
    ]
    var compiled = 0
    for text in texts {
      let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      for _ in 0..<100 {
        var damaged = words
        for _ in 0...random.below(2) {
          damaged[random.below(words.count)] = words[random.below(words.count)]
        }
        do {
          let program = try Compiler(CompileOptions(threads: 1)).compile(
            source: damaged.joined(separator: " "), name: "g.graph", batch: 2)
          _ = try program.compilation(for: program.mainPurpose).plan
          compiled += 1
        } catch {
          #expect(isForUser(error), "\(error)\n\(damaged.joined(separator: " "))")
        }
      }
    }
    #expect(compiled > 0)
  }
}
