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
    for i in 0..<steps {
      let step = scan.isReversed ? steps - 1 - i : i
      let elements = sequences.map { $0.step(step) }
      let results = try run(scan.body, invariants + carries + elements)
      carries = Array(results.prefix(scan.carries))
      for (j, output) in results.dropFirst(scan.carries).enumerated() {
        stacks[j].place(output.stacked, axis: 0, start: step)
      }
    }
    return carries + stacks
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
