import RNNGraph
import RNNPlan

extension ScheduledPlan: CustomStringConvertible {
  /// The schedule as text: how the plan is laid out, and each function with the kernels that share it, in the plan's
  /// order. Behind it stands the plan as it is laid out, which follows from that.
  public var description: String {
    var lines = [
      "schedule \(plan.name) threads \(plan.threads), vectors of \(machine.vectorBytes) bytes in "
        + "\(machine.vectorRegisters) registers {"
    ]
    lines.append("  layout {")
    lines += arrangement.lines(of: source).map { "    \($0)" }
    lines.append("  }")
    let names = plan.kernels.map(\.name)
    for ((function, callers), places) in zip(zip(functions, callers), functionPlaces) {
      let kernels = callers.map { "\($0) \(names[$0])" }.joined(separator: ", ")
      lines.append(
        "  \(function.name) { // \(callers.count == 1 ? "kernel" : "kernels") \(kernels)\(SourcePlaces.comment(places))"
      )
      lines += function.schedule.lines.map { "    \($0)" }
      lines.append("  }")
    }
    return lines.joined(separator: "\n") + "\n}\n\(plan)"
  }
}

extension ScheduledPlan {
  /// For each function, the kernels that call it.
  private var callers: [[Int]] {
    var callers = functions.map { _ in [Int]() }
    for (kernel, call) in calls.enumerated() { callers[call.function].append(kernel) }
    return callers
  }

  /// For each function, the equations of all kernels that call it.
  public var functionPlaces: [[SourcePlace]] {
    let kernels = plan.kernels
    return callers.map { SourcePlace.distinct($0.lazy.flatMap { kernels[$0].allPlaces }) }
  }
}

extension Schedule {
  /// The decisions as text, one in a line.
  var lines: [String] {
    var lines = [
      "vectors of \(lanes) elements, equations on \(registers == 1 ? "one register" : "\(registers) registers")"
    ]
    if let transposedAxis { lines.append("squares along i\(transposedAxis) are transposed in registers") }
    if prefetchRows > 0 { lines.append("prefetch \(prefetchRows) rows ahead") }
    if let reduction { lines.append("\(reduction.accumulators) accumulators") }
    if let sweep { lines.append("rows swept \(sweep.vectors) vectors at a time") }
    if let product { lines += product.lines }
    return lines
  }
}

extension ProductSchedule {
  fileprivate var lines: [String] {
    var lines = ["rows in \(rows.rawValue)"]
    if panelsOfSingleRow > 1 { lines.append("\(panelsOfSingleRow) panels side by side for a single row") }
    if masksAllPanels { lines.append("all panels masked as the last one") }
    if sharesBody { lines.append("one body for all rows of a tile") }
    if prefetchIndices > 0 { lines.append("prefetch rows to copy \(prefetchIndices) indices ahead") }
    return lines
      + microKernels.map { kernel in
        let lines = kernel.prefetchedLines == 0 ? "" : ", prefetch \(kernel.prefetchedLines) lines"
        return
          "micro-kernel \(kernel.rows) rows × \(kernel.vectors) vectors, rounds of \(kernel.unrolling)\(lines)"
      }
  }
}
