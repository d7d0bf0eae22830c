import Foundation
import RNNGraph
import RNNInterpreter
import RNNSupport
import RNNTestSupport
import Testing

@testable import RNNLanguage

struct DocumentationTests {
  private let text = try? String(contentsOfFile: "\(Golden.repository)/docs/language.md", encoding: .utf8)

  /// The programs in the reference: the blocks that start with a declaration and leave nothing out.
  @Test func programsOfTheReferenceAreRight() throws {
    let blocks = try #require(text).components(separatedBy: "\n```\n")
    let programs = blocks.filter { block in
      !block.contains("…") && ["cell ", "model ", "fn "].contains { block.hasPrefix($0) }
    }
    #expect(programs.count >= 4)
    for program in programs {
      #expect(Frontend().check(SourceFile(name: "language.md", text: program)).diagnostics.rendered() == "")
    }
  }

  /// The cell of the reference keeps units at the values that the whole state had: by the equations of Krueger et al.
  @Test func zoneoutOfTheReferenceIsZoneout() throws {
    let blocks = try #require(text).components(separatedBy: "\n```\n")
    let cell = try #require(blocks.first { $0.contains("cell ZoneoutRNN(") })
    let graph = try loweredGraph(
      of: cell + "\nmodel M {\n input x: seq [1]\n z = ZoneoutRNN(1, 2, 25)\n output z(x)\n}\n")
    let (W, U, b) = ([0.5, -0.25], [0.75, -0.5, 0.25, 1.0], [0.125, 0.0])
    let x = [1.0, -2, 0.5]
    let outputs = try Interpreter(graph).run(inputs: [
      "x": DenseArray(.f64, [3, 1, 1], x), "z.W": DenseArray(.f64, [2, 1], W),
      "z.U": DenseArray(.f64, [2, 2], U), "z.b": DenseArray(.f64, [2], b),
      "z.h": DenseArray(.f64, [1, 2], [0, 0]),
    ])
    var h = [0.0, 0.0]
    var expected: [Double] = []
    for x in x {
      let next = (0..<2).map { tanh(W[$0] * x + U[2 * $0] * h[0] + U[2 * $0 + 1] * h[1] + b[$0]) }
      h = zip(h, next).map { 0.25 * $0 + 0.75 * $1 }
      expected += h
    }
    let found = try #require(outputs["output"]?.numbers)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(found) \(expected)")
  }

  @Test func theReferenceNamesEveryFunctionKeywordAndCell() throws {
    let text = try #require(text)
    let words = Builtin.names + Keyword.allCases.map(\.rawValue) + StandardLibrary.names.map { "`\($0)(" }
    #expect(words.filter { !text.contains($0) } == [])
  }
}
