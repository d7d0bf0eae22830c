import ArgumentParser
import Foundation

/// Options that are given twice although they take one value, of which the parser of arguments would drop the first.
enum RepeatedOptions {
  /// Checks the words behind the name of the program.
  ///
  /// - Throws: `ValidationError` that names the option.
  static func check(_ words: [String], of command: any ParsableCommand.Type) throws {
    let given = words.prefix { $0 != "--" }.filter { $0.hasPrefix("-") && $0.count > 1 && Double($0) == nil }
      .map { String($0.prefix { $0 != "=" }) }
    // Most calls need no look at what the options are: an option may have a short and a long name.
    if Set(given).count == given.count, given.allSatisfy({ $0.hasPrefix("--") }) { return }
    for option in try JSONDecoder().decode(Tool.self, from: Data(command._dumpHelp().utf8)).command.arguments
      ?? []
    where option.kind == "option" && !option.isRepeating {
      let names = (option.names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name }
      let found = given.filter(names.contains)
      guard found.count > 1 else { continue }
      let all = Set(found).sorted().joined(separator: " and ")
      throw ValidationError("\(all): given \(found.count) times, but there is room for one value.")
    }
  }

  /// What the parser of arguments tells about a command.
  private struct Tool: Decodable {
    let command: Command

    struct Command: Decodable { let arguments: [Argument]? }

    struct Argument: Decodable {
      let kind: String
      let isRepeating: Bool
      let names: [Name]?
    }

    struct Name: Decodable {
      let kind: String
      let name: String
    }
  }
}
