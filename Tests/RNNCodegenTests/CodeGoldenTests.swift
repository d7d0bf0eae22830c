import RNNCodegen
import RNNGraph
import RNNLLVM
import RNNPlan
import RNNSchedule
import RNNTestSupport
import Testing

/// The floating-point work of kernels, `//- code TARGET THREADS`, a graph for four examples: for each block of LLVM's text the
/// loads, stores and arithmetic on floats, in order. Addresses and counters, which change with LLVM's version, are left out.
@Suite struct CodeGoldenTests {
  @Test(arguments: Golden.all(in: "code")) func golden(_ golden: Golden) throws {
    try #require(golden.command == "code" && golden.arguments.count == 2)
    let target = try Target(named: golden.arguments[0])
    let threads = try #require(Int(golden.arguments[1]))
    let graph = try Graph(parsing: golden.input)
    try graph.verify()
    let plan = try Planner.plan(graph, batch: 4)
    let scheduled = try ScheduledPlan(plan, ProcessorScheduler(target.machine), threads: threads)
    let text = try NativeModule(scheduled, target: target).llvmIR
    let mismatch = golden.mismatch(Self.work(in: text))
    #expect(mismatch == nil)
  }

  @Test func thereAreGoldens() { #expect(Golden.all(in: "code").count >= 3) }

  /// A line for each block of a kernel that works on floats: its name and what it does.
  static func work(in text: String) -> String {
    var lines: [String] = []
    var block: (name: String, work: [String]) = ("", [])
    var isKernel = false
    func endBlock() {
      if isKernel, !block.work.isEmpty {
        lines.append("  \(block.name): \(joiningRepeats(block.work).joined(separator: ", "))")
      }
      block.work = []
    }
    for line in text.split(separator: "\n") {
      if let match = line.firstMatch(of: /^define .*@"?(\w+)"?\(/) {
        isKernel = match.1.hasPrefix("kernel")
        if isKernel { lines.append(String(match.1)) }
        block.name = "entry"
      } else if line == "}" {
        endBlock()
        isKernel = false
      } else if let match = line.firstMatch(of: /^([a-z]+)[0-9]*:/) {
        endBlock()
        block.name = String(match.1)
      } else if let what = floatWork(String(line)) {
        block.work.append(what)
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// Some words with each part that is repeated written once, the shortest parts first.
  private static func joiningRepeats(_ words: [String]) -> [String] {
    for period in 1..<max(1, words.count / 2 + 1) {
      var joined: [String] = []
      var start = 0
      while start < words.count {
        let part = words[start..<min(start + period, words.count)]
        var end = start + part.count
        while end + period <= words.count, words[end..<(end + period)].elementsEqual(part) { end += period }
        if end > start + period {
          let text = period == 1 ? part[start] : "(\(part.joined(separator: ", ")))"
          joined.append("\(text) ×\((end - start) / period)")
        } else {
          end = start + 1
          joined.append(words[start])
        }
        start = end
      }
      if joined.count < words.count { return joiningRepeats(joined) }
    }
    return words
  }

  /// What an instruction does with floats; nil if it has none.
  private static func floatWork(_ line: String) -> String? {
    let pattern =
      /^ +(?:%\S+ = )?(?:(?:tail )?call (?<called>.*?)@llvm\.(?<name>[a-z_.]+)|(?<word>load|store|fneg|fadd|fsub|fmul|fdiv|fcmp \w+|shufflevector) (?<type>(?:<\d+ x )?(?:float|double)>?))/
    guard let match = line.firstMatch(of: pattern) else { return nil }
    if let word = match.word, let type = match.type { return "\(word) \(type)" }
    guard let name = match.name, line.contains("float") || line.contains("double") else { return nil }
    // Without the types that LLVM adds to the name.
    let function = name.replacing(/\.[vfp]*$/, with: "")
    let type = match.called.flatMap { $0.firstMatch(of: /(?:<\d+ x )?(?:float|double)>?/) }.map { " \($0.0)" }
    return function + (type ?? "")
  }
}
