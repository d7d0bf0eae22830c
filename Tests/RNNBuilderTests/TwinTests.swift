import Foundation
import RNNBuilder
import RNNTestSupport
import Testing

@Suite("The two routes")
struct TwinTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Examples")

  /// The `.rnn` files under `Examples`.
  static let files: [String] = {
    let all = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String] ?? []
    return all.filter { $0.hasSuffix(".rnn") }.sorted()
  }()

  @Test func everyExampleHasATwin() {
    #expect(!Self.files.isEmpty)
    for file in Self.files where Twins.all[file] == nil {
      Issue.record("Examples/\(file) is not said in Swift: add it to Twins.all")
    }
    for twin in Twins.all.keys.sorted() where !Self.files.contains(twin) {
      Issue.record("Twins.all has '\(twin)', but Examples has not")
    }
  }

  @Test(arguments: files)
  func theGraphsAreTheSame(_ file: String) throws {
    let compiler = Compiler()
    for model in Twins.all[file] ?? [] {
      let url = Self.folder.appendingPathComponent(file)
      let text = try compiler.compile(contentsOf: url, model: model.name, batch: 2)
      let swift = try compiler.compile(model, batch: 2)
      let expected = try withoutPlaces(text.graph)
      #expect(try withoutPlaces(swift.graph) == expected)
      #expect(
        try (try? swift.gradientGraph).map(withoutPlaces) == (try? text.gradientGraph).map(withoutPlaces))
      #expect(swift.sizes == text.sizes)
      // The listing is a file of the language, in normal form.
      let listed = try compiler.compile(source: model.listing, batch: 2)
      #expect(try withoutPlaces(listed.graph) == expected)
      #expect(listed.syntax == model.listing)
      #expect(swift.warnings.isEmpty, "\(swift.warnings.rendered())")
    }
  }
}
