import Foundation
import Testing

/// A file of `Tests/Goldens` that holds the input of a test and the text that it must give.
///
/// The first line is the command, `//- command argument…`; it is part of the input, in which it is a comment. The text
/// behind the line `//---` is what the command must give.
public struct Golden: Sendable {
  /// The path of the file.
  public let path: String
  /// The word behind `//-`.
  public let command: String
  /// The words behind the command.
  public let arguments: [String]
  /// What stands in front of `//---`, the command included.
  public let input: String
  /// What stands behind `//---`.
  public let expected: String

  /// The folder of the repository.
  public static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// All files of a folder of `Tests/Goldens` that start with a command, sorted by name.
  public static func all(in folder: String) -> [Golden] {
    let path = "\(repository)/Tests/Goldens/\(folder)"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.sorted().compactMap { Golden(path: "\(path)/\($0)") }
  }

  /// Reads a file; nil if it does not start with a command.
  public init?(path: String) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8), text.hasPrefix("//- ") else {
      return nil
    }
    let words = text.prefix { $0 != "\n" }.dropFirst(4).split(separator: " ").map(String.init)
    guard let command = words.first else { return nil }
    self.path = path
    self.command = command
    arguments = Array(words.dropFirst())
    if let separator = text.range(of: "\n//---\n") {
      input = String(text[..<separator.lowerBound]) + "\n"
      expected = String(text[separator.upperBound...])
    } else {
      input = text
      expected = ""
    }
  }

  /// The name of the file.
  public var name: String { (path as NSString).lastPathComponent }

  /// What is wrong with `actual`, or nil if it is the expected text.
  ///
  /// With `RNNC_UPDATE_GOLDENS=1` in the environment, the file gets the new text; the difference is still reported, so
  /// that nothing is recorded silently.
  public func mismatch(_ actual: String) -> String? {
    if actual == expected { return nil }
    var report = "\(name) gives another text; RNNC_UPDATE_GOLDENS=1 records it\n"
    let (old, new) = (expected.split(separator: "\n"), actual.split(separator: "\n"))
    for change in new.difference(from: old) {
      switch change {
      case .remove(let line, let text, _): report += "- \(line + 1): \(text)\n"
      case .insert(let line, let text, _): report += "+ \(line + 1): \(text)\n"
      }
    }
    if ProcessInfo.processInfo.environment["RNNC_UPDATE_GOLDENS"] == "1" {
      do {
        try (input + "//---\n" + actual).write(toFile: path, atomically: true, encoding: .utf8)
        report += "recorded\n"
      } catch {
        report += "cannot record it: \(error)\n"
      }
    }
    return report
  }
}

extension Golden: CustomTestStringConvertible {
  public var testDescription: String { name }
}
