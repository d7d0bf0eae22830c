import RNNPlan

/// What is wrong with the text of a schedule, and where.
public struct ScheduleParseError: Error, CustomStringConvertible {
  /// The line, from 1.
  public let line: Int
  /// What is wrong.
  public let message: String

  public var description: String { "\(line): \(message)" }
}

extension ScheduledPlan {
  /// Lays the plan out and schedules its functions as a text says, as `description` prints it. What the text does not name
  /// stays as it is, and functions of a layout that it changes are scheduled anew. Comments begin with `//`.
  ///
  /// - Throws: `ScheduleParseError` if the text is none of a schedule, or names a kernel or function that is not there;
  ///   `BrokenSchedule` if the plan cannot be laid out so.
  public mutating func apply(_ text: String) throws {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var line = String(line)
      if let comment = line.firstRange(of: "//") { line.removeSubrange(comment.lowerBound...) }
      return line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    var numbers = functionNumbers
    var (isOpen, isDone) = (false, false)
    var layout: Arrangement?
    var function: Int?
    var known: Set<Int> = []
    for (i, line) in lines.enumerated() where !line.isEmpty {
      func fail(_ message: String) -> ScheduleParseError { ScheduleParseError(line: i + 1, message: message) }
      if !isOpen {
        guard line.hasPrefix("schedule "), line.hasSuffix("{") else { throw fail("expected 'schedule … {'") }
        if let threads = line.firstMatch(of: /\ threads (\d{1,9})\b/), threads.1 != "\(plan.threads)" {
          throw fail("a schedule for \(threads.1) threads, where \(plan.threads) compute")
        }
        isOpen = true
      } else if isDone {
        // The plan as it is laid out follows from the schedule.
        if line.hasPrefix("plan ") { return }
        throw fail("expected nothing behind the schedule's '}'")
      } else if line == "}", let arrangement = layout {
        self = try arranged(arrangement)
        (numbers, layout) = (functionNumbers, nil)
      } else if line == "}" {
        if function == nil { isDone = true }
        function = nil
      } else if layout != nil {
        guard layout!.read(line) else { throw fail("'\(line)' says nothing of how this plan is laid out") }
      } else if function == nil, line == "layout {" {
        guard known.isEmpty else { throw fail("the layout stands in front of the functions") }
        layout = arrangement
        (layout!.sharesExamples, layout!.gaps) = (false, [:])
      } else if let function {
        do {
          try functions[function].schedule.read(line)
        } catch {
          throw fail(error.message)
        }
      } else {
        let name = line.hasSuffix(" {") ? String(line.dropLast(2)) : line
        guard line.hasSuffix(" {") else { throw fail("expected 'FUNCTION {'") }
        guard let number = numbers[name] else { throw fail("the plan has no function '\(name)'") }
        guard known.insert(number).inserted else { throw fail("'\(name)' is there twice") }
        function = number
        functions[number].schedule.clear()
      }
    }
    if !isDone { throw ScheduleParseError(line: lines.count, message: "expected '}'") }
  }
}

extension ScheduledPlan {
  private var functionNumbers: [String: Int] {
    Dictionary(functions.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { one, _ in one })
  }
}

/// A line that says no decision.
private struct UnknownLine: Error { let message: String }

extension Schedule {
  /// Nothing but vectors of one element, with a product cut into single rows: what lines add to.
  fileprivate mutating func clear() {
    self = Schedule(lanes: 1, product: product.map { _ in ProductSchedule(rows: .single) })
  }

  /// The largest number of a decision: products of a few of them are numbers, too.
  private static let largestNumber = 1 << 16

  /// Reads a line of `lines`.
  fileprivate mutating func read(_ line: String) throws(UnknownLine) {
    // The words without the numbers tell which decision it is.
    var numbers: [Int] = []
    let pattern = line.replacing(/\b(i?)([0-9]+)/) { match in
      numbers.append(Int(match.2).flatMap { $0 <= Self.largestNumber ? $0 : nil } ?? -1)
      return "\(match.1)#"
    }
    if numbers.contains(-1) { throw UnknownLine(message: "a number of '\(line)' is too large") }
    switch pattern {
    case "vectors of # elements, equations on one register": (lanes, registers) = (numbers[0], 1)
    case "vectors of # elements, equations on # registers": (lanes, registers) = (numbers[0], numbers[1])
    case "squares along i# are transposed in registers": transposedAxis = numbers[0]
    case "prefetch # rows ahead": prefetchRows = numbers[0]
    case "rows swept # vectors at a time": sweep = SweepSchedule(vectors: numbers[0])
    case "# accumulators": reduction = ReductionSchedule(accumulators: numbers[0])
    default:
      guard product != nil else { throw UnknownLine(message: "'\(line)' is no decision for this function") }
      try product!.read(line, pattern, numbers)
    }
  }
}

extension ProductSchedule {
  fileprivate mutating func read(
    _ line: String, _ pattern: String, _ numbers: [Int]
  ) throws(UnknownLine) {
    switch pattern {
    case "# panels side by side for a single row": panelsOfSingleRow = numbers[0]
    case "all panels masked as the last one": masksAllPanels = true
    case "one body for all rows of a tile": sharesBody = true
    case "prefetch rows to copy # indices ahead": prefetchIndices = numbers[0]
    case "micro-kernel # rows × # vectors, rounds of #",
      "micro-kernel # rows × # vectors, rounds of #, prefetch # lines":
      microKernels.append(
        MicroKernel(
          rows: numbers[0], vectors: numbers[1], unrolling: numbers[2],
          prefetchedLines: numbers.count > 3 ? numbers[3] : 0))
    default:
      guard line.hasPrefix("rows in ") else {
        throw UnknownLine(message: "'\(line)' is no decision for a product")
      }
      guard let cut = RowCut(rawValue: String(line.dropFirst("rows in ".count))) else {
        let cuts = RowCut.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        throw UnknownLine(message: "rows are cut in \(cuts)")
      }
      rows = cut
    }
  }
}
