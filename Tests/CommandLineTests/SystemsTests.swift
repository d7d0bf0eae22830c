import Foundation
import RNNTestSupport
import Testing

/// A row of a table of `docs/systems.md`.
struct SystemRow: Sendable, CustomTestStringConvertible {
  let number: String
  let system: String
  /// The words of the command.
  let command: [String]
  /// The parts of the result that are quoted.
  let quotes: [String]
  var testDescription: String { "\(number): \(command.joined(separator: " "))" }

  /// The rows under a heading.
  static func rows(under heading: String) -> [SystemRow] {
    let page = Command.packageRoot.appendingPathComponent("docs/systems.md")
    let text = (try? String(contentsOf: page, encoding: .utf8)) ?? ""
    let section = text.components(separatedBy: "\n## ").first { $0.hasPrefix(heading) } ?? ""
    return section.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst(2).compactMap { line in
      let cells = line.components(separatedBy: " | ")
      guard cells.count == 4, let command = quoted(cells[2]).first else { return nil }
      return SystemRow(
        number: String(cells[0].dropFirst(2)), system: cells[1],
        command: command.split(separator: " ").map(String.init), quotes: quoted(cells[3]))
    }
  }

  private static func quoted(_ text: String) -> [String] {
    text.matches(of: /`([^`]*)`/).map { String($0.1) }
  }

  /// Runs the command with the programs that were built with the tests.
  ///
  /// - Parameter more: options behind those of the command.
  func run(_ command: Command, _ more: [String] = []) throws -> Outcome {
    var words = (self.command + more)[...]
    var program = Command.rnnc
    if words.starts(with: ["swift", "run", "-c", "release"]) {
      program = program.deletingLastPathComponent().appendingPathComponent(words[4])
      words = words.dropFirst(5)
    } else {
      #expect(words.first == "rnnc")
      words = words.dropFirst()
    }
    let files = words.map { word in
      let path = Command.packageRoot.appendingPathComponent(word).path
      return FileManager.default.fileExists(atPath: path) ? path : word
    }
    return try command.finish(command.start(files, program: program))
  }
}

@Suite("The systems and tasks of docs/systems.md")
struct SystemsTests {
  /// The rows of each command.
  static let commands = Dictionary(grouping: SystemRow.rows(under: "Nets"), by: \.command).values
    .sorted { $0[0].testDescription < $1[0].testDescription }

  @Test(arguments: commands)
  func theResultIsPrinted(_ rows: [SystemRow]) throws {
    let outcome = try rows[0].run(Command())
    #expect(outcome.status == 0, "\(outcome.errors)")
    // Columns of the output may be further apart.
    let printed = outcome.output.replacing(/[ ]+/, with: " ")
    #expect(rows.allSatisfy { !$0.quotes.isEmpty })
    for quote in rows.flatMap(\.quotes) { #expect(printed.contains(quote), "\(quote)\n\(outcome.output)") }
  }

  @Test func everySystemHasARow() {
    let nets = SystemRow.rows(under: "Nets").map(\.number)
    let texts = SystemRow.rows(under: "The Time Machine").map(\.number)
    #expect(Set(nets + texts).isSuperset(of: (1...13).map(String.init)))
    #expect(SystemRow.rows(under: "Long memory").count == 3)
  }

  // MARK: Texts

  /// The models of the novel learn, with fewer units, from another text.
  @Test(arguments: SystemRow.rows(under: "The Time Machine"))
  func aTextIsLearned(_ row: SystemRow) throws {
    let text = Command.packageRoot.appendingPathComponent("LICENSE").path
    let small = row.replacing("timemachine.txt", with: text)
      .replacing("--epochs", by: "4").replacing("--max-tokens", by: "4000")
    let perplexities = try small.perplexities(Command(), ["--set", "H=32"])
    #expect(perplexities.count == 5)
    #expect(perplexities[3] < 0.8 * perplexities[0], "\(perplexities)")
  }

  /// The perplexity that the table claims is reached, but for what other vector units round otherwise.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["RNNC_TIME_MACHINE"] != nil,
      "needs the novel's path in RNNC_TIME_MACHINE, and a minute for each row"),
    arguments: SystemRow.rows(under: "The Time Machine"))
  func theNovelIsLearned(_ row: SystemRow) throws {
    let file = try #require(ProcessInfo.processInfo.environment["RNNC_TIME_MACHINE"])
    let claimed = try #require(row.quotes.first?.split(separator: " ").last.flatMap { Double($0) })
    let perplexities = try row.replacing("timemachine.txt", with: file).perplexities(Command())
    #expect(try #require(perplexities.last) < 1.03 * claimed)
  }

  // MARK: Long memory

  /// Each task on shorter sequences, in fewer updates: enough to see that the net remembers.
  @Test(arguments: [
    ("AddingProblem", ["--steps", "20", "--updates", "400"], 0...0.03),
    ("CopyMemory", ["--delay", "10", "--updates", "250"], 80...100),
    ("ReverseStrings", ["--longest", "5", "--updates", "300"], 60...100),
  ])
  func aTaskIsLearned(_ program: String, _ options: [String], _ goal: ClosedRange<Double>) throws {
    try expectLearned(program, options, goal)
  }

  /// Each task as the page has it.
  @Test(
    .group(.long),
    arguments: [("AddingProblem", 0...0.005), ("CopyMemory", 99...100), ("ReverseStrings", 98...100)])
  func aTaskIsLearnedInFull(_ program: String, _ goal: ClosedRange<Double>) throws {
    try expectLearned(program, [], goal)
  }

  private func expectLearned(_ program: String, _ options: [String], _ goal: ClosedRange<Double>) throws {
    let row = try #require(SystemRow.rows(under: "Long memory").first { $0.command.contains(program) })
    let outcome = try row.run(Command(), options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try #require(outcome.output.firstMatch(of: /1000 [a-z ]+: ([0-9.]+)/))
    #expect(goal.contains(try #require(Double(result.1))), "\(outcome.output)")
  }
}

extension SystemRow {
  fileprivate func replacing(_ word: String, with other: String) -> SystemRow {
    let words = command.map { $0 == word ? other : $0 }
    return SystemRow(number: number, system: system, command: words, quotes: quotes)
  }

  /// The command with another value of an option.
  fileprivate func replacing(_ option: String, by value: String) -> SystemRow {
    var words = command
    if let place = words.firstIndex(of: option) { words[place + 1] = value }
    return SystemRow(number: number, system: system, command: words, quotes: quotes)
  }

  /// The perplexities of the epochs of a training, and that of the run.
  fileprivate func perplexities(_ command: Command, _ more: [String] = []) throws -> [Double] {
    let outcome = try run(command, more + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try outcome.output.split(separator: "\n").compactMap { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return object?["perplexity"] as? Double
    }
  }
}
