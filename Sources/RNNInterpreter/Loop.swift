import RNNGraph

extension Evaluation {
  /// Runs the body once a step, and stacks what it outputs in the order of the sequences.
  mutating func scan(
    _ scan: ScanAttributes, _ results: [ValueID], _ operands: [DenseArray]
  ) throws(InterpreterError) -> [DenseArray] {
    let steps = try extent(.symbol(scan.steps))
    let invariants = operands.prefix(scan.invariants)
    var carries = Array(operands[scan.invariants..<(scan.invariants + scan.carries)])
    let sequences = operands.dropFirst(scan.invariants + scan.carries)
    var stacks: [DenseArray] = []
    for value in results.dropFirst(scan.carries) {
      let type = graph.type(value)
      stacks.append(DenseArray(type.element, try extents(type.shape), repeating: 0))
    }
    let segments = try segments(of: scan)
    let places = graph[scan.body].arguments.dropFirst(scan.invariants + scan.carries)
    for i in 0..<steps {
      let step = scan.isReversed ? steps - 1 - i : i
      var range = 0..<0
      if let segments, let length = scan.segments?.length {
        range = segments[step]
        sizes[length] = range.count
      }
      func isSegment(_ value: ValueID) -> Bool {
        scan.segments.map { graph.type(value).shape.first == .symbol($0.length) } ?? false
      }
      let elements = zip(sequences, places).map { sequence, place in
        isSegment(place)
          ? sequence.sliced(0, start: range.lowerBound, count: range.count) : sequence.step(step)
      }
      let results = try run(scan.body, invariants + carries + elements)
      carries = Array(results.prefix(scan.carries))
      for (j, output) in results.dropFirst(scan.carries).enumerated() {
        if isSegment(graph[scan.body].results[scan.carries + j]) {
          stacks[j].place(output, axis: 0, start: range.lowerBound)
        } else {
          stacks[j].place(output.stacked, axis: 0, start: step)
        }
      }
    }
    return carries + stacks
  }

  /// The steps of each segment, if the scan runs over segments.
  private func segments(of scan: ScanAttributes) throws(InterpreterError) -> [Range<Int>]? {
    guard let segments = scan.segments else { return nil }
    let count = try extent(.symbol(scan.steps))
    let whole = try extent(.symbol(segments.whole))
    let longest = try extent(.symbol(segments.longest))
    guard longest > 0, count == Segments.count(of: whole, longest: longest) else {
      throw .wrongSize(scan.steps, [count, longest, whole])
    }
    return (0..<count).map { ($0 * longest)..<min(($0 + 1) * longest, whole) }
  }
}

extension DenseArray {
  /// The slice at `index` of the first axis, which vanishes.
  fileprivate func step(_ index: Int) -> DenseArray {
    let rest = Array(shape.dropFirst())
    let count = rest.reduce(1, *)
    return DenseArray(exact: element, rest, Array(numbers[(index * count)..<((index + 1) * count)]))
  }

  /// The array with a first axis of extent 1.
  fileprivate var stacked: DenseArray { DenseArray(exact: element, [1] + shape, numbers) }
}
