import Foundation
import Testing

@Suite("The documentation tells the truth")
struct DocumentationTests {
  static let pages: [String] = {
    let folder = Command.packageRoot.appendingPathComponent("docs").path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return ["README.md", "CONTRIBUTING.md", "Benchmarks/log.md"]
      + files.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
  }()

  private func text(_ page: String) throws -> String {
    try String(contentsOf: Command.packageRoot.appendingPathComponent(page), encoding: .utf8)
  }

  @Test(arguments: pages)
  func filesThatItNamesExist(_ page: String) throws {
    let text = try text(page)
    // NAME stands for a name.
    for match in text.matches(of: /`((Sources|Tests|Examples|Scripts|Benchmarks|docs)\/[A-Za-z0-9_+.\/-]+)`/)
    {
      if match.1.contains("NAME") { continue }
      let path = Command.packageRoot.appendingPathComponent(String(match.1)).path
      #expect(FileManager.default.fileExists(atPath: path), "\(page) names \(match.1)")
    }
    let folder = Command.packageRoot.appendingPathComponent(page).deletingLastPathComponent()
    for match in text.matches(of: /\]\(([^):#]+)(#[^)]*)?\)/) {
      let path = folder.appendingPathComponent(String(match.1)).path
      #expect(FileManager.default.fileExists(atPath: path), "\(page) links to \(match.1)")
    }
  }

  @Test(arguments: pages)
  func sectionsThatItLinksToExist(_ page: String) throws {
    let folder = Command.packageRoot.appendingPathComponent(page).deletingLastPathComponent()
    for match in try text(page).matches(of: /\]\(([^):#]*)#([^)]+)\)/) {
      let target =
        match.1.isEmpty
        ? try text(page)
        : try String(contentsOf: folder.appendingPathComponent(String(match.1)), encoding: .utf8)
      let sections = target.matches(of: /(?m)^#+ (.*)$/).map { heading in
        heading.1.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
          .replacing(" ", with: "-")
      }
      #expect(sections.contains(String(match.2)), "\(page) links to \(match.1)#\(match.2)")
    }
  }

  /// The notes that a page names stand in the files that it names with them.
  @Test(arguments: pages)
  func notesThatItNamesExist(_ page: String) throws {
    for match in try text(page).matches(of: /[Nn]ote\s+\[([^\]]+)\]([^`\n]*\n?[^`\n]*`([^`]+)`)?/) {
      let path = try #require(match.3, "\(page) does not say where note [\(match.1)] is")
      #expect(
        try text(String(path)).contains("Note [\(match.1)]:"), "\(page): no note [\(match.1)] in \(path)")
    }
  }

  /// A note that one comment names stands in another.
  @Test func notesThatCommentsNameExist() throws {
    let sources = Command.packageRoot.appendingPathComponent("Sources")
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
    var (named, written): (Set<String>, Set<String>) = ([], [])
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      let text = try String(contentsOf: file, encoding: .utf8).replacing(/\n\s*\/\/+ ?/, with: " ")
      for match in text.matches(of: /[Nn]ote \[([^\]]+)\](:?)/) {
        if match.2.isEmpty { named.insert(String(match.1)) } else { written.insert(String(match.1)) }
      }
    }
    #expect(written.count > 10 && named.subtracting(written) == [])
  }

  /// The list at the end of README names every page.
  @Test func theReadmeNamesEveryPage() throws {
    let parts = try text("README.md").components(separatedBy: "\n## More\n")
    try #require(parts.count == 2)
    for page in Self.pages where page != "README.md" {
      #expect(parts[1].contains("](\(page))"), "README's list lacks \(page)")
    }
  }

  /// The files that a page lists for something new are those that name something of the kind which is there.
  @Test(arguments: [
    ("docs/adding-an-operation.md", "## The files of an operation", "reversePrefix|reverse_prefix"),
    ("docs/adding-an-operation.md", "## A function of elements", "softplus"),
    ("docs/adding-a-pass.md", "## The files of a pass", #"\bsumTables\b|sum-tables"#),
    ("docs/adding-a-command.md", "## The files of a command", #"GradCheck|"gradcheck""#),
  ])
  func filesOfSomethingNewAreListed(_ page: String, _ heading: String, _ pattern: String) throws {
    let text = try #require(try self.text(page).components(separatedBy: heading + "\n").dropFirst().first)
    let section = try #require(text.components(separatedBy: "\n## ").first)
    let own = try Regex(pattern)
    func namesIt(_ path: String) throws -> Bool { try self.text(path).contains(own) }
    var listed: Set<String> = []
    // Where a choice is free, the row names a folder, a file with NAME for its name, or one of several files.
    var folders: [String] = []
    let lines = section.split(separator: "\n")
    let rows = lines.contains { $0.hasPrefix("| ") } ? lines.filter { $0.hasPrefix("| ") } : lines
    for row in rows {
      for match in row.matches(of: /`((Sources|Tests|docs)\/[A-Za-z0-9_+.\/-]+)`/) {
        let path = String(match.1)
        if path.contains("NAME") || row.contains("such as") {
          folders.append((path as NSString).deletingLastPathComponent)
        } else if !path.contains(".") {
          folders.append(path)
        } else {
          listed.insert(path)
          #expect(try namesIt(path), "\(page) lists \(path), which needs nothing")
        }
      }
    }
    #expect(listed.count + folders.count > 3)
    let sources = Command.packageRoot.appendingPathComponent("Sources").path
    for file in try FileManager.default.subpathsOfDirectory(atPath: sources) where file.hasSuffix(".swift") {
      let path = "Sources/\(file)"
      let isListed =
        listed.contains(path) || folders.contains((path as NSString).deletingLastPathComponent)
        // The file of a family stands beside the file that is listed.
        || listed.contains(path.replacing(/\+[A-Za-z]+\.swift$/, with: ".swift"))
        || file.hasPrefix("RNNTestSupport/")
      #expect(try isListed || !namesIt(path), "\(page) does not list \(path)")
    }
  }

  @Test func theModelOfTheReadmeCompilesAndItsMistakeIsFound() throws {
    let text = try text("README.md")
    let blocks = text.components(separatedBy: "```")
    let model = try #require(blocks.first { $0.contains("cell MinimalGRU") })
    let message = try #require(blocks.first { $0.contains("model.rnn:9:24: error") })
    let command = try Command()
    let source = model.trimmingCharacters(in: .whitespacesAndNewlines) + "\n"
    try command.write(source, to: "model.rnn")
    #expect(try command.run("compile", "model.rnn", "--set", "H=8").status == 0)
    try command.write(source.replacing("U_n @ (f * h)", with: "W_n @ h"), to: "model.rnn")
    let wrong = try command.run("check", "model.rnn")
    #expect(wrong.errors.trimmingCharacters(in: .newlines) == message.trimmingCharacters(in: .newlines))
  }

  /// Options that the page of optimisers uses in commands exist.
  @Test func optionsInCommandsExist() throws {
    let command = try Command()
    for line in try text("docs/optimizers.md").replacing("\\\n", with: " ").split(separator: "\n") {
      guard let start = line.firstMatch(of: /^\s*rnnc ([a-z]+)\s/) else { continue }
      let help = try command.run(String(start.1), "--help").output
      for option in line.matches(of: /--[a-z-]+/) {
        #expect(help.contains(option.0), "rnnc \(start.1) has no \(option.0)")
      }
    }
  }

  /// Numbers of things are worded by `counted`, which knows the singular.
  @Test func messagesCountWithTheRightNumber() throws {
    let sources = Command.packageRoot.appendingPathComponent("Sources")
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
    var count = 0
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      count += 1
      let text = try String(contentsOf: file, encoding: .utf8)
      // Names of steps, and what only the compiler's own messages count, in which there are no singles.
      let things =
        #/\\\((?!name|length|a\)|b\)|steps)[a-zA-Z.]+\) (steps|bytes|epochs|tokens|examples|threads|rows|tensors|updates|kernels|operations|instructions|batches)\b/#
      for match in text.matches(of: things) {
        guard !["/RNNPlan/", "/RNNSchedule/"].contains(where: file.path.contains) else { continue }
        Issue.record("\(file.lastPathComponent): \(match.0)")
      }
    }
    #expect(count > 200)
  }
}
