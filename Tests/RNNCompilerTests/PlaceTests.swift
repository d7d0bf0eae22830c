import Foundation
import RNNGraph
import RNNTestSupport
import Testing

@testable import RNNCompiler

/// From the equation to the machine code, every stage knows where it comes from.
@Suite("Places of equations, through all stages") struct PlaceTests {
  /// A model whose equations stand in lines of their own, behind some empty lines.
  private func source(emptyLines: Int = 0) -> String {
    String(repeating: "\n", count: emptyLines) + """
      fn gate(a) = sigmoid(a)
      cell Gated(I, H) {
          param W, V: [H, I] = uniform(0.5)
          param U: [H, H] = uniform(0.5)
          input x: [I]
          state h: [H]
          z = gate(W @ x + U @ h)
          n = tanh(V @ x)
          h' = z * h + (1 - z) * n
          output h'
      }
      model M {
          input  x: seq [3]
          target t: seq [4]
          rnn = Gated(3, 4)
          y = rnn(x)
          output y
          loss mse(y, t)
      }
      """
  }

  private func program(emptyLines: Int = 0, _ options: CompileOptions = CompileOptions(threads: 1)) throws
    -> Program
  {
    try Compiler(options).compile(source: source(emptyLines: emptyLines), name: "m.rnn", batch: 2)
  }

  private func lines(_ text: String, with word: String) -> [String] {
    text.split(separator: "\n").map(String.init).filter { $0.contains(word) }
  }

  @Test func theGraphNamesEquationsAndCalls() throws {
    let graph = try program().graph
    #expect(lines(graph, with: "sigmoid").allSatisfy { $0.hasSuffix("; m.rnn:1 gate, m.rnn:7 z") })
    #expect(lines(graph, with: "tanh").allSatisfy { $0.hasSuffix("; m.rnn:8 n") })
    #expect(lines(graph, with: " scan ").allSatisfy { $0.hasSuffix("{ ; m.rnn:16 y") })
    #expect(lines(graph, with: "parameter \"rnn.W\"").allSatisfy { $0.hasSuffix("; m.rnn:3 W") })
    #expect(lines(graph, with: "state \"rnn.h\" :").allSatisfy { $0.hasSuffix("; m.rnn:6 h") })
    #expect(lines(graph, with: "sigmoid").count == 1 && lines(graph, with: "tanh").count == 1)
  }

  @Test func anAdjointNamesTheEquationItIsOf() throws {
    let graph = try program().gradientGraph
    #expect(graph.contains("; adjoint of m.rnn:8 n\n"))
    #expect(graph.contains("; adjoint of m.rnn:1 gate, m.rnn:7 z\n"))
    #expect(graph.contains("; adjoint of m.rnn:18 loss\n"))
  }

  /// A pass that forgets where something comes from fails here.
  @Test(arguments: ["char-gru", "stack", "bidirectional-lstm", "custom-cell"], [nil, 1 << 20])
  func nothingForgetsWhereItComesFrom(_ example: String, memoryLimit: Int?) throws {
    let path = "\(Golden.repository)/Examples/\(example).rnn"
    var options = CompileOptions(threads: 1, memoryLimit: memoryLimit)
    options.verifiesEachPass = true
    let program = try Compiler(options).compile(contentsOfFile: path, batch: 4)
    for purpose in [Purpose.inference, .gradients] {
      let compilation = try program.compilation(for: purpose)
      let graph = try compilation.optimizedGraph
      for region in graph.reachableRegions {
        for id in graph[region].operations where graph[id].places.isEmpty {
          Issue.record("\(purpose): \(graph.description(of: id)) comes from nowhere")
        }
      }
      for kernel in try compilation.plan.kernels where kernel.allPlaces.isEmpty {
        Issue.record("\(purpose): kernel \(kernel.name) comes from nowhere")
      }
    }
  }

  @Test func planScheduleAndCodeNameEquations() throws {
    let program = try program()
    let plan = try text(program, .plan)
    for listing in [plan, try text(program, .clusters)] {
      #expect(lines(listing, with: "tanh %").allSatisfy { $0.hasSuffix("; m.rnn:8 n") })
      #expect(!lines(listing, with: "tanh %").isEmpty)
    }
    #expect(plan.contains("loop t0 up to T { ; m.rnn:16 y"))
    #expect(try text(program, .schedule).contains(" m.rnn:7 z, m.rnn:8 n, m.rnn:9 h'"))
    #expect(try text(program, .assembly).contains(" m.rnn:7 z, m.rnn:8 n, m.rnn:9 h'"))
    #expect(try text(program, .llvmIR).contains(" m.rnn:7 z, m.rnn:8 n, m.rnn:9 h'"))
  }

  private func text(_ program: Program, _ artifact: Artifact) throws -> String {
    String(decoding: try program.artifact(artifact, for: .inference), as: UTF8.self)
  }

  @Test func codeIsTheSameWhereverTheEquationsStand() throws {
    let (here, there) = (try program(), try program(emptyLines: 7))
    func key(_ program: Program, debugInfo: Bool) throws -> CodeKey? {
      let compilation = try program.compilation(for: .inference)
      let plan = try compilation.plan
      return CodeKey(plan, threads: 1, target: .host)?
        .code(schedule: nil, timesKernels: false, debugInfo: debugInfo ? plan : nil)
    }
    #expect(here.graph != there.graph)
    #expect(try key(here, debugInfo: false) == key(there, debugInfo: false))
    #expect(try key(here, debugInfo: true) != key(there, debugInfo: true))
    #expect(try key(here, debugInfo: true) != key(here, debugInfo: false))
  }

  @Test func twoLayersShareCodeThatNamesBoth() throws {
    let text = """
      cell A(H) {
          param W, U: [H, H] = uniform(0.5)
          input x: [H]
          state h: [H]
          h' = tanh(W @ x + U @ h)
          output h'
      }
      cell B(H) {
          param W, U: [H, H] = uniform(0.5)
          input x: [H]
          state h: [H]
          h' = tanh(W @ x + U @ h)
          output h'
      }
      model M {
          input x: seq [64]
          a = A(64)
          b = B(64)
          output b(a(x))
      }
      """
    let program = try Compiler(CompileOptions(threads: 1)).compile(source: text, name: "m.rnn", batch: 4)
    let scheduled = try program.compilation(for: .inference).scheduledPlan
    let shared = scheduled.functionPlaces.filter { places in
      [5, 12].allSatisfy { line in places.contains { $0.line == line } }
    }
    #expect(!shared.isEmpty, "\(scheduled)")
  }

  @Test func instructionsAreTheSameWithLines() throws {
    func instructions(debugInfo: Bool) throws -> [Substring] {
      let program = try program(CompileOptions(threads: 1, debugInfo: debugInfo))
      let all = try text(program, .assembly).split(separator: "\n").map { $0.prefix { $0 != "#" } }
      // Labels and sections of debug information, and directives, are none.
      let lines = all.prefix { !$0.contains(".section\t.debug") }
      return lines.filter { $0.hasPrefix("\t") && !$0.hasPrefix("\t.") }
    }
    let plain = try instructions(debugInfo: false)
    #expect(plain.count > 100)
    #expect(try instructions(debugInfo: true) == plain)
    let debug = try text(program(CompileOptions(threads: 1, debugInfo: true)), .assembly)
    #expect(debug.contains("\"m.rnn\"") && debug.contains("\t.loc\t"))
  }
}
