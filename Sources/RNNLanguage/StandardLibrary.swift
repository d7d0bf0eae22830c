import Foundation
import RNNSupport

/// The cells and functions that are there without import: every `.rnn` file of the resource folder, named after what it
/// declares.
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

  /// The names of its cells and functions, sorted.
  public static var names: [String] { sources.keys.sorted() }

  /// The names of its cells, sorted.
  public static var cells: [String] { names.filter { !isFunction($0) } }

  /// The names of its functions, sorted.
  public static var functions: [String] { names.filter(isFunction) }

  private static func isFunction(_ name: String) -> Bool {
    sources[name]?.text.contains("\nfn \(name)(") ?? false
  }

  /// The source of the cell or function `name`, or nil if there is none.
  public static func source(of name: String) -> SourceFile? { sources[name] }
}
