import Foundation
import RNNSupport

/// The cells that are there without import: every `.rnn` file of the resource folder, named after its cell.
public enum StandardLibrary {
  private static let sources: [String: SourceFile] = {
    guard let folder = Bundle.module.url(forResource: "StandardLibrary", withExtension: nil),
      let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    else { return [:] }
    var sources: [String: SourceFile] = [:]
    for file in files where file.pathExtension == "rnn" {
      guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
      let name = file.deletingPathExtension().lastPathComponent
      sources[name] = SourceFile(name: "StandardLibrary/\(name).rnn", text: text)
    }
    return sources
  }()

  /// The names of its cells, sorted.
  public static var names: [String] { sources.keys.sorted() }

  /// The source of the cell `name`, or nil if there is none.
  public static func source(of name: String) -> SourceFile? { sources[name] }
}
