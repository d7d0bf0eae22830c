import Foundation
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
      #expect(Frontend().check(SourceFile(name: "language.md", text: program)).rendered() == "")
    }
  }

  @Test func theReferenceNamesEveryFunctionKeywordAndCell() throws {
    let text = try #require(text)
    let words = Builtin.names + Keyword.allCases.map(\.rawValue) + StandardLibrary.names.map { "`\($0)(" }
    #expect(words.filter { !text.contains($0) } == [])
  }
}
