import RNNGraph

/// How a step touches a buffer.
private struct Touch {
  var writes: Bool
  /// Whether every thread keeps to its own examples.
  var isOwned: Bool
  /// Whether the first thread does it all.
  var isSingle: Bool

  func conflicts(with other: Touch) -> Bool {
    (writes || other.writes) && !(isOwned && other.isOwned) && !(isSingle && other.isSingle)
  }
}

extension Kernel {
  /// The buffers that are read and written, with whether each thread keeps to its own examples.
  var accesses: [(buffer: BufferID, writes: Bool, isOwned: Bool)] {
    var found = body.compactMap { instruction -> (buffer: BufferID, writes: Bool, isOwned: Bool)? in
      switch instruction {
      case .load(let access), .loadRow(let access, _, _): (access.buffer, false, access.isOwned)
      case .constant, .size, .index, .accumulator, .unary, .binary, .compare, .select, .convert: nil
      }
    }
    if let product {
      found += [product.lhs.access, product.rhs.access].map { ($0.buffer, false, $0.isOwned) }
      if let partial = product.partial { found.append((partial, true, false)) }
    }
    return found + stores.map { ($0.access.buffer, true, $0.access.isOwned) }
  }
}

extension Plan {
  /// Puts a barrier wherever one thread may touch what another has written, or writes over what another reads.
  mutating func insertBarriers() {
    if threads == 1 { return }
    steps = Self.separated(steps, isLoop: false)
  }

  private static func separated(_ steps: [Step], isLoop: Bool) -> [Step] {
    var result: [Step] = []
    var open: [(BufferID, Touch)] = []
    var hasBarrier = false
    for step in steps {
      var step = step
      if case .loop(var loop) = step {
        loop.body = separated(loop.body, isLoop: true)
        step = .loop(loop)
      }
      let touches = touches(step)
      if touches.contains(where: { touch in open.contains { $0.0 == touch.0 && $0.1.conflicts(with: touch.1) }
      }) {
        result.append(.barrier)
        hasBarrier = true
        open = []
      }
      result.append(step)
      open += touches
    }
    // In a loop, the next iteration follows the last step.
    if isLoop, hasBarrier || conflictsWithItself(steps) { result.append(.barrier) }
    return result
  }

  private static func conflictsWithItself(_ steps: [Step]) -> Bool {
    let all = steps.flatMap(touches)
    return all.contains { a in all.contains { a.0 == $0.0 && a.1.conflicts(with: $0.1) } }
  }

  private static func touches(_ step: Step) -> [(BufferID, Touch)] {
    step.kernels.flatMap { kernel in
      let isBatch = if case .batch = kernel.split { true } else { false }
      return kernel.accesses.map {
        ($0.buffer, Touch(writes: $0.writes, isOwned: isBatch && $0.isOwned, isSingle: kernel.split == .none))
      }
    }
  }
}
