import RNNGraph

extension GraphGenerator {
  /// A float value of a shape, made of the pool.
  func value(_ target: [Dimension]) -> ValueID {
    if let fitting = pick(where: { isFloat($0) && shape($0) == target }) { return fitting }
    if let part = pick(where: { isFloat($0) && places(of: shape($0), in: target) != nil }),
      let axes = places(of: shape(part), in: target)
    {
      return note(builder.broadcast(part, axes: axes, shape: target), moved: part)
    }
    guard let any = pick(where: isFloat) else {
      return note(builder.constant(0.5, TensorType(options.element, target)), bound: 0.5)
    }
    let sum = builder.reduce(.sum, any, axes: Array(shape(any).indices))
    let mean = note(builder.scale(sum, by: 1 / Double(volume(shape(any)))), bound: bound(any))
    return note(builder.broadcast(mean, axes: [], shape: target), bound: bound(any))
  }

  /// Rising places in `target` at which the extents of `shape` stand.
  private func places(of shape: [Dimension], in target: [Dimension]) -> [Int]? {
    var axes: [Int] = []
    for dimension in shape {
      let rest = target.indices.dropFirst((axes.last ?? -1) + 1)
      guard let axis = rest.first(where: { target[$0] == dimension }) else { return nil }
      axes.append(axis)
    }
    return axes
  }

  /// A product of two values of the pool over random pairs of axes.
  func makeDot() -> ValueID? {
    guard let a = pick(where: { isFloat($0) && !shape($0).isEmpty }),
      let b = pick(where: { isFloat($0) && !Set(shape($0)).isDisjoint(with: shape(a)) })
    else { return nil }
    var axes = DotAxes(lhsContracting: [], rhsContracting: [])
    for i in random.shuffled(Array(shape(a).indices)) {
      let free = shape(b).indices.filter { j in
        shape(b)[j] == shape(a)[i] && !axes.rhsContracting.contains(j) && !axes.rhsBatch.contains(j)
      }
      guard let j = random.pick(Array(free)), random.chance(0.8) else { continue }
      if axes.lhsContracting.isEmpty || random.chance(0.4) {
        axes.lhsContracting.append(i)
        axes.rhsContracting.append(j)
      } else {
        axes.lhsBatch.append(i)
        axes.rhsBatch.append(j)
      }
    }
    return product(a, b, axes)
  }

  /// A product with a weight: an input if this is the entry.
  func makeProduct() -> ValueID? {
    guard let x = pick(where: { isFloat($0) && shape($0).last?.fixed != nil }), let inner = shape(x).last
    else {
      return nil
    }
    let isWeight = { [self] (value: ValueID) in
      isFloat(value) && shape(value).count == 2 && shape(value)[1] == inner && shape(value)[0].fixed != nil
    }
    let weight =
      pick(where: isWeight)
      ?? (depth == 0 ? addInput(.parameter(.uniform(bound: 1)), [fixed(), inner]) : nil)
    guard let weight else { return nil }
    return product(x, weight, DotAxes(lhsContracting: [shape(x).count - 1], rhsContracting: [1]))
  }

  private func product(_ a: ValueID, _ b: ValueID, _ axes: DotAxes) -> ValueID? {
    let rest =
      axes.lhsBatch.map { shape(a)[$0] } + axes.lhsFree(rank: shape(a).count).map { shape(a)[$0] }
      + axes.rhsFree(rank: shape(b).count).map { shape(b)[$0] }
    guard isSmall(rest) else { return nil }
    var axes = axes
    axes.order = sumOrder()
    let count = volume(axes.lhsContracting.map { shape(a)[$0] })
    return note(builder.dot(a, b, axes), bound: bound(a) * bound(b) * Double(count))
  }

  func makeReduce() -> ValueID? {
    guard let x = pick(where: { isFloat($0) && !shape($0).isEmpty }),
      let reduction = random.pick(Reduction.allCases)
    else { return nil }
    let axes = shape(x).indices.filter { _ in random.chance(0.5) }
    if axes.isEmpty { return nil }
    let count = reduction == .sum ? volume(axes.map { shape(x)[$0] }) : 1
    let order = reduction == .sum ? sumOrder() : .any
    return note(builder.reduce(reduction, x, axes: axes, order: order), bound: bound(x) * Double(count))
  }

  /// The order of a sum: seldom a chain.
  private func sumOrder() -> SumOrder { random.chance(0.2) ? .chain : .any }

  func makeBroadcast() -> ValueID? {
    guard let x = pick(where: isFloat) else { return nil }
    var target = shape(x).map { (dimension: $0, isOwn: true) }
    for _ in 0...random.below(2) {
      let dimension = random.pick([fixed(), fixed(), .batch, .steps]) ?? 1
      target.insert((dimension, false), at: random.below(target.count + 1))
    }
    let result = target.map(\.dimension)
    guard isSmall(result) else { return nil }
    return note(
      builder.broadcast(x, axes: target.indices.filter { target[$0].isOwn }, shape: result), moved: x)
  }

  func makeReshape() -> ValueID? {
    guard let x = pick(where: { !shape($0).isEmpty }) else { return nil }
    var target = shape(x)
    let axis = random.below(target.count)
    if let extent = target[axis].fixed {
      if axis + 1 < target.count, let next = target[axis + 1].fixed, random.chance(0.5) {
        target.replaceSubrange(axis...(axis + 1), with: [.fixed(extent * next)])
      } else if let factor = random.pick((1...extent).filter { extent.isMultiple(of: $0) }) {
        target.replaceSubrange(axis...axis, with: [.fixed(factor), .fixed(extent / factor)])
      }
    } else {
      target.insert(1, at: random.below(target.count + 1))
    }
    return isSmall(target) ? note(builder.reshape(x, target), moved: x) : nil
  }

  func makeTranspose() -> ValueID? {
    guard let x = pick(where: { shape($0).count >= 2 }) else { return nil }
    return note(builder.transpose(x, random.shuffled(Array(shape(x).indices))), moved: x)
  }

  func makeSlice() -> ValueID? {
    guard let x = pick(where: { !shape($0).isEmpty }) else { return nil }
    let axis = random.below(shape(x).count)
    let extent = shape(x)[axis].fixed ?? 1
    let count = 1 + random.below(extent)
    let start = random.below(extent - count + 1)
    let anchor = random.pick(Anchor.allCases) ?? .front
    return note(builder.slice(x, axis: axis, start: start, count: count, anchor: anchor), moved: x)
  }

  func makePad() -> ValueID? {
    guard let x = pick(where: { isFloat($0) && shape($0).contains { $0.fixed != nil } }),
      let axis = random.pick(shape(x).indices.filter { shape(x)[$0].fixed != nil }),
      let count = shape(x)[axis].fixed
    else { return nil }
    let extra = random.below(4)
    let start = random.below(extra + 1)
    let anchor = random.pick(Anchor.allCases) ?? .front
    // Only one step and one example are certain to be there.
    let isOpen = count == 1 && random.chance(0.5)
    let to = isOpen ? random.pick([Dimension.batch, .steps]) ?? .steps : .fixed(count + extra)
    var result = shape(x)
    result[axis] = to
    guard isSmall(result) else { return nil }
    let padded = builder.pad(x, axis: axis, start: isOpen ? 0 : start, to: to, anchor: anchor)
    return note(padded, moved: x, hasZeros: true)
  }

  func makeConcat() -> ValueID? {
    guard let x = pick(where: { shape($0).contains { $0.fixed != nil } }),
      let axis = random.pick(shape(x).indices.filter { shape(x)[$0].fixed != nil })
    else { return nil }
    func rest(_ value: ValueID) -> [Dimension] {
      var rest = shape(value)
      rest.remove(at: axis)
      return rest
    }
    let other =
      pick { y in
        type(y).element == type(x).element && shape(y).count == shape(x).count && shape(y)[axis].fixed != nil
          && rest(y) == rest(x)
      } ?? x
    var result = shape(x)
    result[axis] = .fixed((shape(x)[axis].fixed ?? 0) + (shape(other)[axis].fixed ?? 0))
    guard isSmall(result) else { return nil }
    return note(builder.concat([x, other], axis: axis), moved: x, other)
  }

  func makeReverse() -> ValueID? {
    guard let x = pick(where: { !shape($0).isEmpty }) else { return nil }
    return note(builder.reverse(x, axis: random.below(shape(x).count)), moved: x)
  }
}
