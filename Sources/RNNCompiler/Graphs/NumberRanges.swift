import RNNGraph

/// What the elements of a value can be.
struct NumberRange: Equatable {
  /// The least and the greatest number, which are no NaN.
  var low: Double, high: Double
  /// Whether an element may be no number.
  var hasNaN = false
  /// The size that no element exceeds.
  var size: Symbol?

  /// Everything.
  static let anything = NumberRange(low: -.infinity, high: .infinity, hasNaN: true)

  /// Whether all elements are ids of `extent` rows, or lengths of at most `extent`.
  func isInside(_ extent: Dimension, isLength: Bool) -> Bool {
    guard low >= 0, !hasNaN else { return false }
    return switch extent {
    case .fixed(let count): high <= Double(isLength ? count : count - 1)
    case .symbol(let symbol): isLength && size == symbol
    }
  }

  /// All that is in one of two.
  func union(_ other: NumberRange) -> NumberRange {
    NumberRange(
      low: min(low, other.low), high: max(high, other.high), hasNaN: hasNaN || other.hasNaN,
      size: size == other.size ? size : nil)
  }

  /// The same numbers as another type: rounding does not change their order.
  func converted(to element: RNNGraph.ElementType) -> NumberRange {
    switch element {
    case .f64: return self
    case .f32:
      return NumberRange(low: Double(Float(low)), high: Double(Float(high)), hasNaN: hasNaN)
    case .i32:
      func whole(_ number: Double) -> Double {
        max(Double(Int32.min), min(Double(Int32.max), number.rounded(.towardZero)))
      }
      let range = NumberRange(low: whole(low), high: whole(high), size: size)
      return hasNaN ? range.union(NumberRange(low: 0, high: 0)) : range
    case .bool: return NumberRange(low: 0, high: 1)
    }
  }

  /// The smaller ones of pairs, or the greater ones. If one of a pair is no number, either may be the result.
  func chosen(_ other: NumberRange, _ choice: (Double, Double) -> Double) -> NumberRange {
    var range = NumberRange(low: choice(low, other.low), high: choice(high, other.high))
    if hasNaN { range = range.union(other) }
    if other.hasNaN { range = range.union(self) }
    range.hasNaN = hasNaN || other.hasNaN
    return range
  }
}

/// The range of each value of a graph, whatever the data: enough to know that ids and lengths are inside of what they are
/// places in. Nothing is known of sums and products.
///
/// The range of what a loop carries grows until it holds before and after each step. It grows twice at most, and then is
/// everything, so that this ends.
struct NumberRanges {
  private let graph: Graph
  private var ranges: [ValueID: NumberRange] = [:]
  /// What a carry can be after a step, and how often that grew.
  private var carries: [ValueID: (range: NumberRange, growths: Int)] = [:]
  private var isSettled = false

  init(_ graph: Graph) {
    self.graph = graph
    for input in graph.inputs {
      if let limit = input.idLimit {
        ranges[input.value] = NumberRange(low: 0, high: Double(limit - 1))
      } else if case .lengths(let symbol) = input.role {
        ranges[input.value] = NumberRange(low: 0, high: Double(Int32.max), size: symbol)
      } else {
        ranges[input.value] = NumberRange.anything.converted(to: graph.type(input.value).element)
      }
    }
    while !isSettled {
      isSettled = true
      run(.entry)
    }
  }

  /// The range of a value that can be reached.
  subscript(value: ValueID) -> NumberRange { ranges[value] ?? .anything }

  private mutating func run(_ region: RegionID) {
    for id in graph[region].operations {
      let operation = graph[id]
      if case .scan(let scan) = operation.kind {
        run(scan, operation)
      } else {
        ranges[operation.result] = range(operation).converted(to: graph.type(operation.result).element)
      }
    }
  }

  private mutating func run(_ scan: ScanAttributes, _ operation: Operation) {
    let body = graph[scan.body]
    for (argument, operand) in zip(body.arguments, operation.operands) {
      ranges[argument] = carries[argument].map { $0.range.union(self[operand]) } ?? self[operand]
    }
    run(scan.body)
    let carried = body.arguments[scan.invariants...].prefix(scan.carries)
    for (argument, next) in zip(carried, body.results) {
      let wider = self[argument].union(self[next])
      if wider == self[argument] { continue }
      let growths = carries[argument]?.growths ?? 0
      carries[argument] = (growths < 2 ? wider : .anything, growths + 1)
      isSettled = false
    }
    for (result, inner) in zip(operation.results, Array(carried) + body.results[scan.carries...]) {
      ranges[result] = self[inner]
    }
  }

  private func range(_ operation: Operation) -> NumberRange {
    let operands = operation.operands.map { self[$0] }
    switch operation.kind {
    case .constant(let number, _): return number.isNaN ? .anything : NumberRange(low: number, high: number)
    case .table(let table, _):
      guard let low = table.numbers.min(), let high = table.numbers.max(),
        !table.numbers.contains(where: \.isNaN)
      else { return .anything }
      return NumberRange(low: low, high: high)
    case .iota(.fixed(let count), _): return NumberRange(low: 0, high: Double(count - 1))
    case .iota(.symbol(let size), _): return NumberRange(low: 0, high: .infinity, size: size)
    case .random, .compare, .oneHot: return NumberRange(low: 0, high: 1)
    case .binary(.minimum): return operands[0].chosen(operands[1], min)
    case .binary(.maximum): return operands[0].chosen(operands[1], max)
    case .reduce(.minimum, let axes, _): return extreme(operands[0], of: operation, axes, none: .infinity)
    case .reduce(.maximum, let axes, _): return extreme(operands[0], of: operation, axes, none: -.infinity)
    case .pad: return operands[0].union(NumberRange(low: 0, high: 0))
    case .select: return operands[1].union(operands[2])
    case .concat: return operands.dropFirst().reduce(operands[0]) { $0.union($1) }
    case .convert, .surrogate, .broadcast, .reshape, .transpose, .slice, .reverse, .reversePrefix, .gather:
      return operands[0]
    case .size, .unary, .binary(.add), .binary(.subtract), .binary(.multiply), .binary(.divide),
      .binary(.pow),
      .binary(.atan2), .binary(.logaddexp), .dot, .reduce(.sum, _, _), .scatterAdd, .scan:
      return .anything
    }
  }

  /// The range of the least or the greatest elements, which are `none` where no element is a number or there is none.
  private func extreme(_ range: NumberRange, of operation: Operation, _ axes: [Int], none: Double)
    -> NumberRange
  {
    let shape = graph.type(operation.operands[0]).shape
    let isCounted = axes.allSatisfy { shape[$0].symbol == nil }
    return isCounted && !range.hasNaN ? range : range.union(NumberRange(low: none, high: none))
  }
}
