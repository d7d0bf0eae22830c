import RNNGraph

extension GraphGenerator {
  /// Makes a scan, notes its other results as values, and gives one.
  func makeScan() -> ValueID? {
    guard depth < options.depth else { return nil }
    let steps = chooseSteps()
    var sequences = pickSequences(steps)
    if sequences.isEmpty && depth == 0 { sequences = [addSequenceInput(steps)] }
    if random.chance(0.1) && steps == .steps { sequences = [] }
    let invariants = (0..<(1 + random.below(3))).compactMap { _ in
      pick { shape($0).count <= 3 && hasFewSymbols(shape($0), depth + 1) }
    }
    var names: [String?] = []
    let carries = (0..<random.below(4)).map { _ in
      let (value, name) = initialCarry()
      names.append(name)
      return value
    }
    let outside = pool
    depth += 1
    let results = builder.scan(
      steps: steps, isReversed: random.chance(0.4), invariants: invariants, carries: carries,
      sequences: sequences
    ) { invariantArguments, carryArguments, elements in
      let arguments = invariantArguments + carryArguments + elements
      pool = zip(arguments, invariants + carries + sequences).map { argument, operand in
        // A carry changes: it holds an input's elements in the first step only.
        carryArguments.contains(argument) ? note(argument, bound: 1) : note(argument, moved: operand)
      }
      for _ in 0..<(4 + random.below(6)) { grow() }
      return (carryArguments.map { next($0, carryArguments) }, outputs(arguments, steps))
    }
    depth -= 1
    pool = outside
    for (name, value) in zip(names, results.carries) {
      if let name { finalStates.append((name, value)) }
      pool.append(note(value, bound: 1))
    }
    // Stacks are bounded like what they stack, and squashed all the same: bounds inside are not known here.
    for value in results.outputs { pool.append(isFloat(value) ? note(value, bound: 4) : value) }
    return pool.popLast()
  }

  /// A number of steps that an input tells, or can tell.
  private func chooseSteps() -> Symbol {
    let other = Symbol("S")
    let isKnown = builder.graph.inputs.contains { shape($0.value).first == .symbol(other) }
    return random.chance(0.2) && (depth == 0 || isKnown) ? other : .steps
  }

  private func pickSequences(_ steps: Symbol) -> [ValueID] {
    (0..<(1 + random.below(2))).compactMap { _ in
      pick { shape($0).first == .symbol(steps) && hasFewSymbols(shape($0).dropFirst(), depth + 1) }
    }
  }

  /// A value of at most 1 to start from, and its name if it is a state.
  private func initialCarry() -> (ValueID, String?) {
    let like = pick { isFloat($0) && shape($0).count <= 2 && volume(shape($0)) <= 200 }
    let target = like.map(shape) ?? [.batch, fixed()]
    switch random.below(depth == 0 ? 4 : 3) {
    case 0: return (note(builder.constant(0, TensorType(options.element, target)), bound: 0), nil)
    case 3:
      let state = addInput(.state, target)
      return (state, builder.graph.inputs.last?.name)
    default:
      let start = value(target)
      return (bound(start) <= 1 ? start : note(builder.unary(.tanh, start), bound: 1), nil)
    }
  }

  /// The next value of a carry, of at most 1.
  private func next(_ carry: ValueID, _ all: [ValueID]) -> ValueID {
    let small = note(builder.unary(.tanh, computedValue(shape(carry))), bound: 1)
    switch random.below(6) {
    case 0:
      let gate = builder.unary(.sigmoid, value(shape(carry)))
      let rest = builder.subtract(builder.constant(1, like: gate), gate)
      return builder.add(builder.multiply(gate, carry), builder.multiply(rest, small))
    case 1: return builder.scale(builder.add(carry, small), by: 0.5)
    case 2: return all.first { type($0) == type(carry) } ?? carry
    default: return small
    }
  }

  /// A value of a shape, made of what the body computes rather than of its arguments.
  private func computedValue(_ target: [Dimension]) -> ValueID {
    let all = pool
    defer { pool = all }
    pool = all.filter { isFloat($0) && builder.graph.definingOperation($0) != nil }
    if pool.isEmpty { pool = all }
    return value(target)
  }

  /// One to three values that are not too large as stacks.
  private func outputs(_ arguments: [ValueID], _ steps: Symbol) -> [ValueID] {
    let isFit = { [self] (value: ValueID) in
      type(value).element != .bool && isSmall([.symbol(steps)] + shape(value))
    }
    let computed = (0...random.below(3)).compactMap { _ in
      pick { isFit($0) && limit($0) == nil && !arguments.contains($0) }
    }
    let argument = random.chance(0.2) ? pick { isFit($0) && isFloat($0) && arguments.contains($0) } : nil
    return computed + (argument.map { [$0] } ?? [])
  }
}
