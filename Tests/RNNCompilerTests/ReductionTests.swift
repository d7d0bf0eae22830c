import Foundation
import RNNGraph
import RNNTestSupport
import Testing

@testable import RNNCompiler
@testable import RNNPasses

@Suite("A file that shows a fault becomes small")
struct ReductionTests {
  /// The derivatives of a character model, with a function in them that it has nowhere else.
  private func planted() throws -> ReducibleGraph {
    let program = try Compiler().compile(
      contentsOfFile: examplePath("peephole.rnn"), sizes: ["V": 7, "H": 4])
    let text = try program.gradientGraph
    let place = try #require(text.range(of: "= tanh "))
    let graph = try #require(ReducibleGraph(text: text.replacingCharacters(in: place, with: "= softplus ")))
    #expect(graph.text.split(separator: "\n").count >= 200)
    return graph
  }

  private func lines(_ text: String) -> Int { text.split(separator: "\n").count }

  @Test func whatMakesAnOperationStay() throws {
    var reducer = Reducer(
      try planted(),
      isInteresting: { graph in
        #expect((try? graph.graph.verify()) != nil)
        var optimization = try GraphOptimization(text: graph.text)
        try optimization.apply(nil)
        return optimization.text.contains("softplus")
      })
    let before = lines(reducer.best.text)
    try reducer.run()
    let text = reducer.best.text
    #expect(lines(text) <= 6 && text.contains("softplus") && !text.contains("scan"), "\(text)")
    #expect(reducer.tries <= 2 * before, "\(reducer.tries) candidates for \(before) lines")
  }

  /// A pass with a fault: it takes differences from something repeated the other way round.
  private static let faulty = Pass(name: "faulty", summary: "") { graph in
    graph.rebuild { rebuilder, id in
      let (old, builder) = (rebuilder.old, rebuilder.builder)
      guard old[id].kind == .binary(.subtract), case .broadcast? = old.definingKind(old[id].operands[1])
      else { return false }
      let operands = rebuilder.operands(id)
      rebuilder.bind(old[id].result, to: builder.subtract(operands[1], operands[0]))
      return true
    }
  }

  @Test func whatAPassGetsWrong() throws {
    let program = try Compiler().compile(
      contentsOfFile: examplePath("peephole.rnn"), sizes: ["V": 5, "H": 3])
    let start = try #require(ReducibleGraph(text: program.gradientGraph))
    func isChanged(_ graph: ReducibleGraph) throws -> Bool {
      var optimization = try GraphOptimization(text: graph.text, batch: 2)
      try optimization.apply(Pipeline(name: "faulty", passes: [.deadCode, Self.faulty]))
      do {
        _ = try optimization.compare(steps: 2)
        return false
      } catch let error as InputError {
        return error.message.hasPrefix("the passes change what")
      }
    }
    var reducer = Reducer(start, isInteresting: isChanged)
    try reducer.run()
    let text = reducer.best.text
    #expect(lines(text) <= 7 && text.contains("subtract") && text.contains("broadcast"), "\(text)")
    #expect(try isChanged(reducer.best))
  }

  /// Loops lose what they carry and stack, and extents become small.
  @Test func loopsLoseWhatTheyNeedNot() throws {
    var reducer = Reducer(try planted(), isInteresting: { $0.text.contains("scan T reverse") })
    try reducer.run()
    let text = reducer.best.text
    #expect(lines(text) <= 9 && !text.contains("sequence") && !text.contains(", 4]"), "\(text)")
  }

  @Test func sourcesLoseDeclarationsStatementsAndExpressions() throws {
    let text = """
      fn twice(x) = x + x
      cell Leaky(I, H = 64) {
          param W: [H, I], U: [H, H] = orthogonal
          param b: [H] = zeros
          input x: [I]
          state h: [H]
          a, c = split(concat(tanh(W @ x + U @ h), b), 2)
          h' = 0.9 * h + 0.1 * twice(a) + c
          output h'
      }
      cell Unused(H) {
          input x: [H]
          output x
      }
      model M(V = 28, H = 128) {
          input  text: seq token(V)
          target next: seq token(V)
          rnn = Leaky(V, H)
          out = Linear(H, V)
          y = out(rnn(onehot(text)))
          output softmax(y)
          loss   cross_entropy(y, next)
      }
      """
    var reducer = Reducer(
      try #require(ReducibleSource(text: text)),
      isInteresting: { source in
        let program = try? Compiler().compile(source: source.text)
        return program?.graph.contains("= tanh ") == true
      })
    try reducer.run()
    let small = reducer.best.text
    #expect(lines(small) <= 6 && small.contains("tanh") && !small.contains("cell"), "\(small)")
    #expect(reducer.tries < 600)
  }

  /// A stage tries no more than twice as many candidates as it has edits.
  @Test func theNumberOfCandidatesIsBounded() throws {
    struct Numbers: Reducible {
      let numbers: [Int]
      var text: String { "\(numbers)" }
      var cost: Int { numbers.count }
      static let stages = 1
      func edits(stage: Int) -> [Int] { numbers }
      func applying(_ edits: [Int]) -> Numbers? { Numbers(numbers: numbers.filter { !edits.contains($0) }) }
    }
    for count in [1, 2, 17, 256] {
      let wanted = Set([0, count / 2, count - 1])
      var reducer = Reducer(
        Numbers(numbers: Array(0..<count)), isInteresting: { wanted.isSubset(of: $0.numbers) })
      try reducer.run()
      #expect(Set(reducer.best.numbers) == wanted)
      #expect(reducer.tries <= 2 * count + 8, "\(reducer.tries) of \(count)")
    }
  }
}
