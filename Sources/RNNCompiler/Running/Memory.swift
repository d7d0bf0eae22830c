import RNNGraph
import RNNPlan
import RNNSupport

/// Limits that keep a wrong number from becoming a crash.
enum Limits {
  /// Examples in a batch, and steps of a sequence.
  static let extent = 1 << 24

  /// Threads that share the work of a program.
  static let threads = 1 << 10

  /// Checks the number of examples of a batch.
  ///
  /// - Throws: `InputError`.
  static func require(batch: Int) throws {
    guard batch > 0, batch <= extent else {
      throw InputError(
        "a batch of \(counted(batch, "example")) cannot be computed",
        note: "choose a number from 1 to \(extent)")
    }
  }

  /// Checks a length of time, of at most a day.
  ///
  /// - Parameter refusal: what cannot be done in it, as the first words of a message.
  /// - Throws: `InputError`.
  static func require(seconds: Double, _ refusal: String) throws {
    guard seconds > 0, seconds <= 86_400 else {
      throw InputError("\(refusal) \(seconds) seconds", note: "choose a number from above 0 to 86400")
    }
  }

  /// Checks that a plan can count the bytes of a program: it multiplies extents with the batch.
  ///
  /// - Throws: `InputError` if one step of it takes more than any machine has.
  static func requirePlannable(_ graph: Graph, batch: Int) throws {
    let once = Dictionary(graph.symbols.map { ($0, 1) }, uniquingKeysWith: { first, _ in first })
    let bytes = 8 * graph.elementCount(once.merging([.batch: batch]) { $1 })
    guard bytes > Double(1 << 43) else { return }
    throw InputError(
      "one step of \(counted(batch, "example")) needs \(AvailableMemory.text(bytes)) of memory",
      note: "choose smaller sizes or a smaller batch")
  }
}

extension InputError {
  /// The error of a limit of memory within which sequences of so many steps cannot be computed.
  static func aboveLimit(bytes: Double, limit: Int, steps: Int) -> InputError {
    let text = AvailableMemory.text(Double(limit))
    return InputError(
      "sequences of \(counted(steps, "step")) need \(AvailableMemory.text(bytes)) of working memory at least, "
        + "and the limit is \(text)",
      note: "raise the memory limit, or choose a smaller batch, smaller sizes or fewer steps")
  }
}

extension Graph {
  /// The number of elements of all values for known sizes, of a loop's body in one step.
  func elementCount(_ sizes: [Symbol: Int]) -> Double {
    reachableRegions.reduce(0) { sum, region in
      let values = self[region].arguments + self[region].operations.flatMap { self[$0].results }
      return sum
        + values.reduce(0) { $0 + type($1).extents(sizes).reduce(1) { $0 * Double($1) } }
    }
  }

  /// The bytes of values of this graph for known sizes.
  func byteCount(of values: some Sequence<ValueID>, _ sizes: [Symbol: Int]) -> Double {
    values.reduce(0) { sum, value in
      sum + type(value).extents(sizes).reduce(Double(type(value).element.byteCount)) { $0 * Double($1) }
    }
  }
}

extension RNNPlan.Size {
  /// The number as a float, which does not overflow.
  func approximate(_ sizes: [Symbol: Int]) -> Double {
    terms.reduce(0) { sum, term in
      sum + term.key.reduce(Double(term.value)) { $0 * Double(sizes[$1] ?? 0) }
    }
  }
}
