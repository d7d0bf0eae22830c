import RNNGraph

extension GraphGenerator {
  /// What can be added to a graph; a step is one operation, or a few that make sense of one.
  enum Step: CaseIterable {
    case constant, table, size, unary, positive, binary, divide, select, convert, surrogate, dot, product,
      reduce,
      broadcast,
      reshape, transpose, slice, pad, concat, reverse, reversePrefix, iota, uniform, oneHot, gather,
      scatterAdd, matrices, scan
  }

  func chooseStep() -> Step {
    // Cells are made of these, and the others would crowd them out.
    if random.chance(0.4) { return random.pick([.unary, .binary, .dot, .product]) ?? .unary }
    return random.pick(Step.allCases) ?? .unary
  }

  /// Makes a value, or nil if nothing in the pool fits.
  func make(_ step: Step) -> ValueID? {
    switch step {
    case .constant: makeConstant()
    case .table: makeTable()
    case .size: makeSize()
    case .unary: makeUnary()
    case .positive: makeFromPositive()
    case .binary: makeBinary()
    case .divide: makeDivide()
    case .select: makeSelect()
    case .convert: makeConvert()
    case .surrogate: makeSurrogate()
    case .dot: makeDot()
    case .product: makeProduct()
    case .reduce: makeReduce()
    case .broadcast: makeBroadcast()
    case .reshape: makeReshape()
    case .transpose: makeTranspose()
    case .slice: makeSlice()
    case .pad: makePad()
    case .concat: makeConcat()
    case .reverse: makeReverse()
    case .reversePrefix: makeReversePrefix()
    case .iota: makeIota()
    case .uniform: makeRandom()
    case .oneHot: makeOneHot()
    case .gather: makeGather()
    case .scatterAdd: makeScatterAdd()
    case .matrices: makeMatrices()
    case .scan: makeScan()
    }
  }

  // MARK: Elementwise

  private func makeConstant() -> ValueID? {
    guard let like = pick(where: isFloat) else { return nil }
    let number = (2 * random.unit() - 1) * 2
    return note(builder.constant(number, like: like), bound: abs(number))
  }

  private func makeTable() -> ValueID? {
    let shape = (0...random.below(3)).map { _ in fixed() }
    guard isSmall(shape) else { return nil }
    let numbers = (0..<volume(shape)).map { _ in random.chance(0.2) ? 0 : 2 * random.unit() - 1 }
    return note(builder.table(NumberTable(numbers), TensorType(options.element, shape)), bound: 1)
  }

  private func makeSize() -> ValueID? {
    let symbols = random.pick([[], [Symbol.batch], [.steps], [.batch, .steps]]) ?? []
    let one = builder.constant(1, TensorType(options.element, []))
    return note(builder.divide(one, builder.size(symbols, options.element)), bound: 1)
  }

  private func makeUnary() -> ValueID? {
    guard let function = random.pick(UnaryFunction.allCases) else { return nil }
    if Self.growing.contains(function) {
      guard let x = pick(where: { isFloat($0) && bound($0) <= 1.2 }) else { return nil }
      return note(builder.unary(function, x), bound: 3.5)
    }
    if function.traits.contains(.partial) { return makeFromPositive() }
    let isFlat = function.traits.contains(.flat)
    guard let x = pick(where: { isFloat($0) && (!isFlat || isUntouched($0)) }) else { return nil }
    if function.traits.contains(.bounded) { return note(builder.unary(function, x), bound: 1) }
    // No other function is further from 0 than its operand by more than 1.
    return note(
      builder.unary(function, x),
      bound: bound(x) + (function.traits.isDisjoint(with: [.long, .flat]) ? 0 : 1))
  }

  /// The partial functions that are well-behaved on both sides of 0.
  private static let growing: [UnaryFunction] = [.exp, .expm1]

  /// A value of the same shape as `x` between 0.1 and 20.
  private func positive(_ x: ValueID) -> ValueID {
    let (y, offset) =
      switch random.below(3) {
      case 0: (builder.multiply(x, x), 0.5)
      case 1: (builder.unary(.sigmoid, x), 0.2)
      default: (builder.unary(.softplus, x), 0.3)
      }
    return builder.add(y, builder.constant(offset, like: x))
  }

  private func makeFromPositive() -> ValueID? {
    let partial = UnaryFunction.allCases.filter { $0.traits.contains(.partial) && !Self.growing.contains($0) }
    guard let x = pick(where: isFloat), let function = random.pick(partial) else { return nil }
    return note(builder.unary(function, positive(x)), bound: 5)
  }

  private func makeBinary() -> ValueID? {
    guard let a = pick(where: isFloat), let function = random.pick(BinaryFunction.allCases) else {
      return nil
    }
    let b = value(shape(a))
    switch function {
    case .add, .subtract: return note(builder.binary(function, a, b), bound: bound(a) + bound(b))
    case .multiply: return note(builder.multiply(a, b), bound: bound(a) * bound(b))
    case .maximum, .minimum: return note(builder.binary(function, a, b), bound: max(bound(a), bound(b)))
    case .divide: return makeDivide()
    case .pow: return note(builder.binary(.pow, positive(a), builder.unary(.tanh, b)), bound: 20)
    case .atan2: return note(builder.binary(.atan2, a, positive(b)), bound: 2)
    case .logaddexp: return note(builder.binary(.logaddexp, a, b), bound: max(bound(a), bound(b)) + 1)
    }
  }

  private func makeDivide() -> ValueID? {
    guard let a = pick(where: isFloat) else { return nil }
    return note(builder.divide(a, positive(value(shape(a)))), bound: 5 * bound(a))
  }

  /// A condition on elements of inputs, which are not equal but to themselves.
  private func condition() -> ValueID? {
    guard let x = pick(where: isUntouched), let comparison = random.pick(Comparison.allCases) else {
      return nil
    }
    let other = pick { isUntouched($0) && type($0) == type(x) && $0 != x }
    let number = isFloat(x) ? random.unit() - 0.5 : 1
    return builder.compare(comparison, x, other ?? builder.constant(number, like: x))
  }

  private func makeSelect() -> ValueID? {
    guard let condition = condition() else { return nil }
    let (a, b) = (value(shape(condition)), value(shape(condition)))
    return note(builder.select(condition, a, b), bound: max(bound(a), bound(b)))
  }

  private func makeConvert() -> ValueID? {
    if random.chance(0.3), let ids = pick(where: { limit($0) != nil }) {
      return note(builder.convert(ids, to: options.element), bound: Double(limit(ids) ?? 1))
    }
    return condition().map { note(builder.convert($0, to: options.element), bound: 1) }
  }

  private func makeSurrogate() -> ValueID? {
    guard options.hasSurrogates, let value = pick(where: isFloat) else { return nil }
    // Not the value itself: the greater of it and a stopped copy would have a kink there.
    let x = builder.scale(value, by: 0.9)
    let result =
      switch random.below(3) {
      case 0: builder.detach(x)
      case 1: builder.straightThrough(x, self.value(shape(x)))
      default: builder.clipGradient(x, bound: 0.01 + random.unit())
      }
    return note(result, bound: bound(x))
  }

  // MARK: Indexing

  private func makeIota() -> ValueID? {
    let extent = random.pick([.batch, .symbol(.steps), fixed()]) ?? .batch
    let bound = Double(volume([extent]))
    let scale = builder.constant(1 / max(bound, 1), TensorType(options.element, [extent]))
    return note(builder.multiply(builder.iota(extent, options.element), scale), bound: 1)
  }

  /// Numbers that depend on ids as keys and counters.
  private func makeRandom() -> ValueID? {
    guard let keys = ids() else { return nil }
    let counters = pick { limit($0) != nil && shape($0) == shape(keys) } ?? keys
    let all = shape(keys) + (random.chance(0.5) ? [.batch, fixed()] : [fixed()])
    guard isSmall(all) else { return nil }
    return note(
      builder.random(
        keys: keys, counters: counters, stream: random.below(3), shape: all, options.element), bound: 1)
  }

  /// Reverses a prefix of sequences of examples, or of a fixed axis in front of the examples.
  private func makeReversePrefix() -> ValueID? {
    guard let x = pick(where: { isFloat($0) && shape($0).dropFirst().contains(.batch) }),
      let axis = shape(x).dropFirst().firstIndex(of: .batch).map({ $0 - 1 })
    else { return nil }
    // Ids stand for lengths.
    let wanted = Array(shape(x)[..<axis]) + [.batch]
    let ends = volume([shape(x)[axis]]) + 1
    let known = pick { shape($0) == wanted && limit($0).map { $0 <= ends } ?? false }
    guard let lengths = known ?? (depth == 0 ? addInput(.data, wanted, idLimit: ends) : nil) else {
      return nil
    }
    return note(builder.reversePrefix(x, lengths, axis: axis), bound: bound(x))
  }

  private func ids() -> ValueID? {
    if let ids = pick(where: { limit($0) != nil }) { return ids }
    return depth == 0 ? addInput(.data, [.batch], idLimit: random.pick([1, 3, 5])) : nil
  }

  private func makeOneHot() -> ValueID? {
    guard let ids = ids(), let limit = limit(ids), isSmall(shape(ids) + [.fixed(limit)]) else { return nil }
    return note(builder.oneHot(ids, extent: limit + random.below(2), options.element), bound: 1)
  }

  private func makeGather() -> ValueID? {
    guard let ids = ids(), let limit = limit(ids) else { return nil }
    let fitting = pick { isFloat($0) && (shape($0).first?.fixed ?? 0) >= limit }
    let rows = [Dimension.fixed(limit), fixed()]
    let table = fitting ?? (depth == 0 ? addInput(.parameter(.normal(deviation: 1)), rows) : value(rows))
    guard isSmall(shape(ids) + shape(table).dropFirst()) else { return nil }
    return note(builder.gather(table, ids), bound: bound(table))
  }

  private func makeScatterAdd() -> ValueID? {
    guard let ids = ids(), let limit = limit(ids) else { return nil }
    let prefix = shape(ids)
    let fitting = pick { isFloat($0) && Array(shape($0).prefix(prefix.count)) == prefix }
    let rows = fitting ?? value(prefix + [fixed()])
    let extent = limit + random.below(3)
    guard isSmall([.fixed(extent)] + shape(rows).dropFirst(prefix.count)) else { return nil }
    return note(
      builder.scatterAdd(ids, rows, extent: extent), bound: bound(rows) * Double(volume(prefix)))
  }
}
