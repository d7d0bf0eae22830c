/// For each phase of a plan, what reaches furthest of all that has been laid out there.
struct LifetimeTops {
  /// The end of a buffer's memory.
  struct Top {
    var end = Int.min
    var buffer = -1
  }

  /// How many leaves the tree has, of which each is a phase.
  private let width: Int
  /// By node, the top of what covers all of its phases, and that of what covers any.
  private var whole: [Top]
  private var any: [Top]

  init(phases: Int) {
    var width = 1
    while width < phases { width *= 2 }
    self.width = width
    whole = Array(repeating: Top(), count: 2 * width)
    any = whole
  }

  /// What reaches furthest in some phases.
  func top(in phases: ClosedRange<Int>) -> Top { top(in: phases, 1, 0...(width - 1)) }

  private func top(in phases: ClosedRange<Int>, _ node: Int, _ span: ClosedRange<Int>) -> Top {
    if !phases.overlaps(span) { return Top() }
    if phases.lowerBound <= span.lowerBound, span.upperBound <= phases.upperBound { return any[node] }
    let middle = (span.lowerBound + span.upperBound) / 2
    let tops = [
      whole[node], top(in: phases, 2 * node, span.lowerBound...middle),
      top(in: phases, 2 * node + 1, (middle + 1)...span.upperBound),
    ]
    return tops.max { $0.end < $1.end }!
  }

  /// Lays something out in some phases.
  mutating func add(_ top: Top, in phases: ClosedRange<Int>) { add(top, in: phases, 1, 0...(width - 1)) }

  private mutating func add(_ top: Top, in phases: ClosedRange<Int>, _ node: Int, _ span: ClosedRange<Int>) {
    if !phases.overlaps(span) { return }
    if any[node].end < top.end { any[node] = top }
    if phases.lowerBound <= span.lowerBound, span.upperBound <= phases.upperBound {
      if whole[node].end < top.end { whole[node] = top }
      return
    }
    let middle = (span.lowerBound + span.upperBound) / 2
    add(top, in: phases, 2 * node, span.lowerBound...middle)
    add(top, in: phases, 2 * node + 1, (middle + 1)...span.upperBound)
  }
}
